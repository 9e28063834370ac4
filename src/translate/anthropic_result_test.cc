// Answers that are not Claude's shape; translations themselves are in golden_test.cc.
#include "translate/translator.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

std::expected<LineUsage, openai::LineError> translate(const std::string& answer, std::string& out) {
  ResultTranslator translator;
  return translator.translate(
      answer, {.family = "anthropic", .model_name = "m", .created = 1, .completion_seed = "00"},
      out);
}

const char* const kUsage = R"("usage":{"input_tokens":1,"output_tokens":1})";

TEST(Result, RefusesWhatIsNotTheFamilysShapeAndLeavesNothingBehind) {
  for (const std::string& answer :
       {std::string("{"), std::string("[]"), std::string("{}"),
        std::string(R"({"completion":" hi","stop_reason":"stop"})"),
        std::string(R"({"content":"hi",)") + kUsage + "}",
        std::string(R"({"content":["hi"],)") + kUsage + "}",
        std::string(R"({"content":[{"type":"text"}],)") + kUsage + "}",
        std::string(R"({"content":[{"type":"text","text":7}],)") + kUsage + "}",
        std::string(R"({"content":[{"type":"tool_use","name":"f","input":{}}],)") + kUsage + "}",
        std::string(R"({"content":[{"type":"text","text":"\udc00"}],)") + kUsage + "}"}) {
    std::string out = "kept";
    const auto usage = translate(answer, out);
    ASSERT_FALSE(usage) << answer;
    EXPECT_EQ(usage.error().code, "upstream_malformed");
    EXPECT_EQ(out, "kept");
  }
}

// A result without its tokens would be billed at nothing.
TEST(Result, NeverTakesMissingUsageForZero) {
  for (const char* usage :
       {"", R"(,"usage":null)", R"(,"usage":{})", R"(,"usage":{"input_tokens":1})"}) {
    std::string out;
    const auto said = translate(R"({"content":[])" + std::string(usage) + "}", out);
    ASSERT_TRUE(said) << usage;
    EXPECT_FALSE(said->has_value()) << usage;
    EXPECT_NE(out.find(R"("usage":null,"usage_absent":true)"), std::string::npos) << out;
  }
}

TEST(Result, RefusesUsageThatIsNoCount) {
  for (const char* usage :
       {R"({"input_tokens":-1,"output_tokens":1})", R"({"input_tokens":1.5,"output_tokens":1})",
        R"([1,2])", R"({"input_tokens":9223372036854775807,"output_tokens":1})"}) {
    std::string out;
    EXPECT_FALSE(translate(R"({"content":[],"usage":)" + std::string(usage) + "}", out)) << usage;
  }
}

TEST(Result, GivesUsageInOpenAisTerms) {
  std::string out;
  const auto usage =
      translate(R"({"content":[],"usage":{"input_tokens":1,"output_tokens":2,)"
                R"("cache_read_input_tokens":30,"cache_creation_input_tokens":400}})",
                out);
  ASSERT_TRUE(usage);
  EXPECT_EQ(*usage, (openai::Usage{.input_tokens = 431,
                                   .cached_input_tokens = 30,
                                   .cache_write_tokens = 400,
                                   .output_tokens = 2,
                                   .reasoning_tokens = 0}));
}

}  // namespace
}  // namespace quarry::translate
