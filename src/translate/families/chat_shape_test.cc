// What the pairs of tests/golden do not reach: where reasoning ends, and usage beside a broken
// answer.
#include "translate/translator.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace quarry::translate {
namespace {

namespace bj = boost::json;

ResultOptions options_of(std::string_view family) {
  ResultOptions options;
  options.family = family;
  options.model_name = "my-model";
  options.completion_seed = "0123456789abcdef0123456789abcdef";
  return options;
}

struct Split {
  const char* name;
  const char* content;  // the inside of a JSON string
  const char* reasoning;
  const char* text;
};

class Reasoning : public ::testing::TestWithParam<Split> {};

TEST_P(Reasoning, IsTakenOutOfTheContent) {
  ResultTranslator translator;
  std::string out;
  const std::string answer = std::string(R"({"choices":[{"message":{"content":")") +
                             GetParam().content + R"("},"finish_reason":"stop"}]})";
  const auto done = translator.translate(answer, options_of("openai_shaped"), out);
  ASSERT_TRUE(done) << done.error().message;
  const bj::value body = bj::parse(out);
  const bj::object& message = body.at("choices").at(0).at("message").as_object();
  EXPECT_EQ(message.at("content").as_string(), GetParam().text);
  const bj::value* reasoning = message.if_contains("reasoning_content");
  EXPECT_EQ(reasoning == nullptr ? "" : std::string(reasoning->as_string()), GetParam().reasoning);
}

INSTANTIATE_TEST_SUITE_P(
    Contents,
    Reasoning,
    ::testing::Values(
        Split{"NoTag", "Hello <b>", "", "Hello <b>"},
        Split{"Empty", "<reasoning></reasoning>Hello", "", "Hello"},
        Split{"NothingAfter", "<reasoning>a</reasoning>", "a", ""},
        Split{"NothingAfterTheOpeningTag", "<reasoning>", "", ""},
        Split{"ClosingTagCutOff", "<reasoning>a</reason", "a</reason", ""},
        Split{"OpeningTagCutOff", "<reason", "", "<reason"},
        Split{"SpaceBefore", " \\n<reasoning>a</reasoning> b", "a", "b"},
        Split{"OnlySpace", " \\n", "", " \n"},
        Split{"Two", "<reasoning>a</reasoning>\\n<reasoning>b</reasoning>c", "ab", "c"},
        Split{"LaterTagsStay", "<reasoning>a</reasoning>b<reasoning>c</reasoning>", "a",
              "b<reasoning>c</reasoning>"},
        Split{"EscapedWhollyAndQuoted",
              "\\u003c\\u0072easoning\\u003E\\\"a\\\\\\u003C/reasoning>\\\"b\\\\", "\"a\\",
              "\"b\\"},
        Split{"SurrogatesAreKept", "<reasoning>\\ud83c\\udf0d</reasoning>\\ud83c\\udf0d",
              "\xF0\x9F\x8C\x8D", "\xF0\x9F\x8C\x8D"}),
    [](const auto& row) { return std::string(row.param.name); });

struct Broken {
  const char* name;
  const char* family;
  const char* answer;
};

class ChatAnswer : public ::testing::TestWithParam<Broken> {};

TEST_P(ChatAnswer, IsBilledThoughItCannotBeRead) {
  ResultTranslator translator;
  std::string out = "kept";
  const auto usage = translator.translate(GetParam().answer, options_of(GetParam().family), out);
  ASSERT_FALSE(usage) << out;
  EXPECT_EQ(usage.error().code, "upstream_malformed");
  EXPECT_EQ(out, "kept");
  ASSERT_TRUE(translator.usage_read());
  EXPECT_EQ(translator.usage_read()->input_tokens, 3);
  EXPECT_EQ(translator.usage_read()->output_tokens, 4);
}

#define USAGE R"("usage":{"prompt_tokens":3,"completion_tokens":4})"
INSTANTIATE_TEST_SUITE_P(
    Broken,
    ChatAnswer,
    ::testing::Values(
        Broken{"NoChoices", "jamba", "{" USAGE "}"},
        Broken{"NoMessage", "mistral", R"({"choices":[{"finish_reason":"stop"}],)" USAGE "}"},
        Broken{"ContentIsANumber", "openai_shaped",
               R"({"choices":[{"message":{"content":7}}],)" USAGE "}"},
        Broken{"CallsAreText", "openai_shaped",
               R"({"choices":[{"message":{"tool_calls":"f"}}],)" USAGE "}"},
        Broken{"CallWithoutName", "jamba",
               R"({"choices":[{"message":{"tool_calls":[{"function":{}}]}}],)" USAGE "}"},
        Broken{
            "ArgumentsAreANumber", "mistral",
            R"({"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":7}}]}}],)" USAGE
            "}"}),
    [](const auto& row) { return std::string(row.param.name); });
#undef USAGE

TEST(MistralPrompt, SaysNothingOfUsage) {
  ResultTranslator translator;
  std::string out;
  const auto usage = translator.translate(R"({"outputs":[{"text":"  a","stop_reason":"stop"}]})",
                                          options_of("mistral"), out);
  ASSERT_TRUE(usage) << usage.error().message;
  EXPECT_EQ(*usage, std::nullopt);
  // One space is the template's, the next is the model's.
  EXPECT_EQ(bj::parse(out).at("choices").at(0).at("message").at("content").as_string(), " a");
}

}  // namespace
}  // namespace quarry::translate
