// How large requests are taken for. The byte counts are those of the texts themselves, counted here
// with std::string_view::size().
#include "openai/request_size.h"

#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace quarry::openai {
namespace {

RequestSize size_of_body(std::string_view body, Endpoint endpoint = Endpoint::chat_completions) {
  json::Document document;
  const auto root = document.parse(body);
  EXPECT_TRUE(root) << body;
  return root ? size_of(*root, endpoint) : RequestSize{};
}

std::int64_t bytes(std::string_view text) { return static_cast<std::int64_t>(text.size()); }

TEST(RequestSize, CountsTheWordsOfAConversationAndItsTurns) {
  const RequestSize size = size_of_body(
      R"({"model":"m","messages":[{"role":"system","content":"Be brief."},)"
      R"({"role":"user","content":[{"type":"text","text":"What is this?"}]}],"max_tokens":7})");
  EXPECT_EQ(size.messages, 2);
  EXPECT_EQ(size.text_bytes, bytes("system") + bytes("Be brief.") + bytes("user") + bytes("text") +
                                 bytes("What is this?"));
  EXPECT_EQ(size.answers, 1);
  EXPECT_EQ(size.output_tokens_max, 7);
  EXPECT_EQ(size.unlimited_answers, 0);
}

TEST(RequestSize, CountsPromptsInEveryForm) {
  EXPECT_EQ(size_of_body(R"({"prompt":"four"})", Endpoint::completions).text_bytes, 4);
  const RequestSize several =
      size_of_body(R"({"prompt":["one","three"],"max_tokens":10,"n":3})", Endpoint::completions);
  EXPECT_EQ(several.text_bytes, 8);
  EXPECT_EQ(several.answers, 6);
  EXPECT_EQ(several.output_tokens_max, 60);
  const RequestSize tokens =
      size_of_body(R"({"prompt":[1,2,3],"max_tokens":10})", Endpoint::completions);
  EXPECT_EQ(tokens.token_ids, 3);
  EXPECT_EQ(tokens.answers, 1);
  const RequestSize lists = size_of_body(R"({"prompt":[[1,2],[3,4,5]]})", Endpoint::completions);
  EXPECT_EQ(lists.token_ids, 5);
  EXPECT_EQ(lists.answers, 2);
  EXPECT_EQ(lists.unlimited_answers, 2);
}

TEST(RequestSize, CountsInputsInEveryForm) {
  EXPECT_EQ(size_of_body(R"({"input":"text"})", Endpoint::embeddings).text_bytes, 4);
  EXPECT_EQ(size_of_body(R"({"input":["text","more"]})", Endpoint::embeddings).text_bytes, 8);
  EXPECT_EQ(size_of_body(R"({"input":[[7,8],[9]]})", Endpoint::embeddings).token_ids, 3);
  const RequestSize items = size_of_body(
      R"({"input":[{"role":"user","content":"hello"}],"instructions":"short","max_output_tokens":9})",
      Endpoint::responses);
  EXPECT_EQ(items.messages, 1);
  EXPECT_EQ(items.text_bytes, bytes("user") + bytes("hello") + bytes("short"));
  EXPECT_EQ(items.output_tokens_max, 9);
  EXPECT_EQ(items.answers, 1);
}

TEST(RequestSize, CountsTextAsTheModelReadsIt) {
  EXPECT_EQ(size_of_body(R"({"prompt":"a\nb\"c"})", Endpoint::completions).text_bytes,
            bytes("a\nb\"c"));
  EXPECT_EQ(size_of_body(R"({"prompt":"\u0041\u00e9\u4e2d\ud83d\ude00"})", Endpoint::completions)
                .text_bytes,
            bytes("Aé中😀"));
  EXPECT_EQ(size_of_body(R"({"prompt":"Aé中😀\\"})", Endpoint::completions).text_bytes,
            bytes("Aé中😀\\"));
}

TEST(RequestSize, TakesAMediumForOneThingHoweverManyBytesItHas) {
  const std::string image = "data:image/png;base64," + std::string(100'000, 'A');
  const RequestSize size = size_of_body(
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":")" + image +
      R"("}},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]})");
  EXPECT_EQ(size.media, 2);
  EXPECT_LT(size.text_bytes, 100);
}

TEST(RequestSize, TextThatLooksLikeAMediumIsText) {
  const std::string text = "data:;base64," + std::string(100'000, 'A');
  const RequestSize said =
      size_of_body(R"({"messages":[{"role":"user","content":")" + text + R"("}]})");
  EXPECT_EQ(said.media, 0);
  EXPECT_EQ(said.text_bytes, bytes("user") + bytes(text));
  using Field = std::pair<const char*, Endpoint>;
  for (const auto& [key, endpoint] :
       {Field("prompt", Endpoint::completions), Field("input", Endpoint::responses),
        Field("instructions", Endpoint::responses)}) {
    const RequestSize size =
        size_of_body("{\"" + std::string(key) + "\":\"" + text + "\"}", endpoint);
    EXPECT_EQ(size.media, 0) << key;
    EXPECT_EQ(size.text_bytes, bytes(text)) << key;
  }
}

RequestSize size_of_document(const std::string& data) {
  return size_of_body(R"({"messages":[{"content":[{"type":"file","file":{"file_data":")" + data +
                      R"("}}]}]})");
}

TEST(RequestSize, ADocumentCountsByItsBytes) {
  EXPECT_EQ(size_of_document("data:application/pdf;base64,JVBERi0x").media, 1);
  EXPECT_EQ(size_of_document(std::string(32'000, 'A')).media, 1);
  EXPECT_EQ(size_of_document(std::string(32'001, 'A')).media, 2);
  EXPECT_EQ(size_of_document(std::string(32'000'000, 'A')).media, 1'000);
  EXPECT_EQ(size_of_document("JVBERi0x").text_bytes, bytes("file"));
}

TEST(RequestSize, CountsToolsWithTheirSchemas) {
  const std::string schema = R"({"type":"object","properties":{"city":{"type":"string"}}})";
  const RequestSize size =
      size_of_body(R"({"tools":[{"function":{"name":"weather","parameters":)" + schema + "}}]}");
  EXPECT_EQ(size.text_bytes, bytes("weather") + bytes(schema));
}

TEST(RequestSize, ALimitThatTheEndpointDropsLimitsNothing) {
  const auto limit_of = [](const char* name, Endpoint endpoint) -> std::optional<std::int64_t> {
    const RequestSize size = size_of_body("{\"" + std::string(name) + "\":1}", endpoint);
    return size.unlimited_answers == 0 ? std::optional(size.output_tokens_max) : std::nullopt;
  };
  for (const Endpoint endpoint : {Endpoint::chat_completions, Endpoint::completions}) {
    EXPECT_EQ(limit_of("max_tokens", endpoint), 1);
    EXPECT_EQ(limit_of("max_completion_tokens", endpoint), 1);
    EXPECT_EQ(limit_of("max_output_tokens", endpoint), std::nullopt);
  }
  EXPECT_EQ(limit_of("max_output_tokens", Endpoint::responses), 1);
  EXPECT_EQ(limit_of("max_tokens", Endpoint::responses), std::nullopt);
}

TEST(RequestSize, PromptsAreThoseOfTheEndpointAndTheLongestListOfThem) {
  const std::string prompts = R"("prompt":["a","b","c"],"max_tokens":10)";
  EXPECT_EQ(size_of_body("{" + prompts + R"(,"input":"x"})", Endpoint::completions).answers, 3);
  EXPECT_EQ(size_of_body("{" + prompts + R"(,"prompt":"x"})", Endpoint::completions).answers, 3);
  EXPECT_EQ(size_of_body(R"({"input":["a","b"],"prompt":"x"})", Endpoint::embeddings).answers, 2);
}

TEST(RequestSize, SaysWhichLimitsStandBesideTheHighestEffort) {
  const auto high = [](std::string_view members, Endpoint endpoint = Endpoint::chat_completions) {
    return size_of_body("{" + std::string(members) + "}", endpoint).high_effort_answers;
  };
  EXPECT_EQ(high(R"("reasoning_effort":"high","max_tokens":1)"), 1);
  EXPECT_EQ(high(R"("reasoning_effort":"xhigh","max_tokens":1)"), 1);
  EXPECT_EQ(high(R"("reasoning_effort":"high","reasoning_effort":"low","max_tokens":1)"), 1);
  EXPECT_EQ(high(R"("reasoning_effort":"medium","max_tokens":1)"), 0);
  EXPECT_EQ(high(R"("reasoning_effort":"high")"), 0) << "it has no limit anyway";
  EXPECT_EQ(high(R"("reasoning":{"effort":"high"},"max_output_tokens":1)", Endpoint::responses), 1);
}

TEST(RequestSize, CountsWhatOnlySomeModelsReadAsItStands) {
  const std::string documents = R"([{"title":"a","url":"b","data":"long"}])";
  const RequestSize size = size_of_body(R"({"documents":)" + documents + "}");
  EXPECT_EQ(size.text_bytes, bytes(documents));
  EXPECT_EQ(size.media, 0);
  const std::string kwargs = R"({"model_identity":"You are terse."})";
  EXPECT_EQ(size_of_body(R"({"chat_template_kwargs":)" + kwargs + "}").text_bytes, bytes(kwargs));
}

TEST(RequestSize, NumbersThatNobodyMeansOverflowNothing) {
  const RequestSize size =
      size_of_body(R"({"prompt":"a","max_tokens":9223372036854775807,"n":9223372036854775807})",
                   Endpoint::completions);
  EXPECT_EQ(size.answers, 128);
  EXPECT_EQ(size.output_tokens_max, 128 * (std::int64_t{1} << 31));
  RequestSize sum = size;
  for (int i = 0; i < 40; ++i) sum += RequestSize(sum);
  EXPECT_EQ(sum.output_tokens_max, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(size_of_body(R"({"prompt":"a","max_tokens":-5,"n":0})", Endpoint::completions)
                .unlimited_answers,
            1);
}

}  // namespace
}  // namespace quarry::openai
