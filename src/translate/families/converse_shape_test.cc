// What the pairs of tests/golden do not reach: usage beside a broken answer, and limits.
#include "translate/translator.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace quarry::translate {
namespace {

namespace bj = boost::json;

constexpr const char* kClaude = "us.anthropic.claude-3-5-sonnet-20240620-v1:0";

bj::object converse(const std::string& body) {
  RequestTranslator translator;
  TranslatedLine line;
  RequestOptions options;
  options.model = catalog::Catalog::built_in().find(kClaude);
  options.wire = Wire::converse;
  const auto done = translator.translate(body, options, line);
  EXPECT_TRUE(done) << done.error().message;
  return done ? bj::parse(line.record(0)).as_object() : bj::object();
}

std::string file_part(const std::string& name) {
  return R"({"type":"file","file":{"filename":")" + name +
         R"(","file_data":"data:application/pdf;base64,JVBERi0xLjQK"}})";
}

// The names that a user's files get.
std::vector<std::string> document_names(const std::vector<std::string>& files) {
  std::string body = R"({"messages":[{"role":"user","content":[{"type":"text","text":"Read."})";
  for (const std::string& file : files) body += "," + file_part(file);
  body += "]}]}";
  const bj::object request = converse(body);
  std::vector<std::string> names;
  for (const bj::value& block : request.at("messages").at(0).at("content").as_array()) {
    if (const bj::value* document = block.as_object().if_contains("document"))
      names.emplace_back(document->at("name").as_string());
  }
  return names;
}

TEST(ConverseDocument, HasANameOfTheLengthThatConverseTakes) {
  const std::string longest(300, 'a');
  const auto names = document_names({longest + ".pdf", longest + "b.pdf", longest + "c.pdf"});
  ASSERT_EQ(names.size(), 3U);
  for (const std::string& name : names) EXPECT_LE(name.size(), 200U);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 3U);
}

TEST(ConverseDocument, HasANameWhateverTheFilesWas) {
  const auto names = document_names({"\\u0085\\u2028.pdf", ".pdf", "a \\t\\n b.pdf", "a/../b.pdf"});
  EXPECT_EQ(names, (std::vector<std::string>{"document", "-pdf", "a b", "a-b"}));
}

TEST(ConverseRequest, TakesTwoThousandFiveHundredStopSequencesAndNoMore) {
  const auto body = [](int count) {
    std::string text = R"({"messages":[{"role":"user","content":"Go"}],"stop":[)";
    for (int i = 0; i < count; ++i) text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\"";
    return text + "]}";
  };
  EXPECT_EQ(converse(body(2500)).at("inferenceConfig").at("stopSequences").as_array().size(),
            2500U);
  RequestTranslator translator;
  TranslatedLine line;
  RequestOptions options;
  options.model = catalog::Catalog::built_in().find(kClaude);
  options.wire = Wire::converse;
  const auto done = translator.translate(body(2501), options, line);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().param, "body.stop");
}

struct Broken {
  const char* name;
  const char* answer;
};

class ConverseAnswer : public ::testing::TestWithParam<Broken> {};

TEST_P(ConverseAnswer, IsBilledThoughItCannotBeRead) {
  ResultTranslator translator;
  ResultOptions options;
  options.family = "nova";
  options.model_name = "my-model";
  options.completion_seed = "0123456789abcdef0123456789abcdef";
  std::string out = "kept";
  const auto usage = translator.translate(GetParam().answer, options, out);
  ASSERT_FALSE(usage) << out;
  EXPECT_EQ(usage.error().code, "upstream_malformed");
  EXPECT_EQ(out, "kept");
  ASSERT_TRUE(translator.usage_read());
  EXPECT_EQ(translator.usage_read()->input_tokens, 3);
  EXPECT_EQ(translator.usage_read()->output_tokens, 4);
}

#define USAGE R"("usage":{"inputTokens":3,"outputTokens":4})"
INSTANTIATE_TEST_SUITE_P(
    Broken,
    ConverseAnswer,
    ::testing::Values(
        Broken{"NoOutput", "{" USAGE "}"},
        Broken{"ContentIsText", R"({"output":{"message":{"content":"x"}},)" USAGE "}"},
        Broken{"BlockIsText", R"({"output":{"message":{"content":["x"]}},)" USAGE "}"},
        Broken{"InputIsText",
               R"({"output":{"message":{"content":[{"toolUse":{"name":"f","input":"x"}}]}},)" USAGE
               "}"},
        Broken{"CallWithoutName",
               R"({"output":{"message":{"content":[{"toolUse":{"input":{}}}]}},)" USAGE "}"},
        Broken{"ReasoningIsText",
               R"({"output":{"message":{"content":[{"reasoningContent":"x"}]}},)" USAGE "}"}),
    [](const auto& row) { return std::string(row.param.name); });
#undef USAGE

}  // namespace
}  // namespace quarry::translate
