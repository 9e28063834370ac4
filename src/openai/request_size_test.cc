// How large requests are taken for. The byte counts are those of the texts themselves, counted here
// with std::string_view::size().
#include "openai/request_size.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace quarry::openai {
namespace {

RequestSize size_of_body(std::string_view body) {
  json::Document document;
  const auto root = document.parse(body);
  EXPECT_TRUE(root) << body;
  return root ? size_of(*root) : RequestSize{};
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
  EXPECT_EQ(size_of_body(R"({"prompt":"four"})").text_bytes, 4);
  const RequestSize several = size_of_body(R"({"prompt":["one","three"],"max_tokens":10,"n":3})");
  EXPECT_EQ(several.text_bytes, 8);
  EXPECT_EQ(several.answers, 6);
  EXPECT_EQ(several.output_tokens_max, 60);
  const RequestSize tokens = size_of_body(R"({"prompt":[1,2,3],"max_tokens":10})");
  EXPECT_EQ(tokens.token_ids, 3);
  EXPECT_EQ(tokens.answers, 1);
  const RequestSize lists = size_of_body(R"({"prompt":[[1,2],[3,4,5]]})");
  EXPECT_EQ(lists.token_ids, 5);
  EXPECT_EQ(lists.answers, 2);
  EXPECT_EQ(lists.unlimited_answers, 2);
}

TEST(RequestSize, CountsInputsInEveryForm) {
  EXPECT_EQ(size_of_body(R"({"input":"text"})").text_bytes, 4);
  EXPECT_EQ(size_of_body(R"({"input":["text","more"]})").text_bytes, 8);
  EXPECT_EQ(size_of_body(R"({"input":[[7,8],[9]]})").token_ids, 3);
  const RequestSize items = size_of_body(
      R"({"input":[{"role":"user","content":"hello"}],"instructions":"short","max_output_tokens":9})");
  EXPECT_EQ(items.messages, 1);
  EXPECT_EQ(items.text_bytes, bytes("user") + bytes("hello") + bytes("short"));
  EXPECT_EQ(items.output_tokens_max, 9);
  EXPECT_EQ(items.answers, 1);
}

TEST(RequestSize, CountsTextAsTheModelReadsIt) {
  EXPECT_EQ(size_of_body(R"({"prompt":"a\nb\"c"})").text_bytes, bytes("a\nb\"c"));
  EXPECT_EQ(size_of_body(R"({"prompt":"\u0041\u00e9\u4e2d\ud83d\ude00"})").text_bytes,
            bytes("Aé中😀"));
  EXPECT_EQ(size_of_body(R"({"prompt":"Aé中😀\\"})").text_bytes, bytes("Aé中😀\\"));
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
  for (const char* key : {"prompt", "input", "instructions"}) {
    const RequestSize size = size_of_body("{\"" + std::string(key) + "\":\"" + text + "\"}");
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

TEST(RequestSize, NumbersThatNobodyMeansOverflowNothing) {
  const RequestSize size =
      size_of_body(R"({"prompt":"a","max_tokens":9223372036854775807,"n":9223372036854775807})");
  EXPECT_EQ(size.answers, 128);
  EXPECT_EQ(size.output_tokens_max, 128 * (std::int64_t{1} << 31));
  RequestSize sum = size;
  for (int i = 0; i < 40; ++i) sum += RequestSize(sum);
  EXPECT_EQ(sum.output_tokens_max, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(size_of_body(R"({"prompt":"a","max_tokens":-5,"n":0})").unlimited_answers, 1);
}

}  // namespace
}  // namespace quarry::openai
