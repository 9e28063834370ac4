// Lines that were written to be slow: each is far below the longest line that is taken, and a way
// through it that looks at every pair of its elements would take minutes and gigabytes.
#include "translate/translator.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace quarry::translate {
namespace {

constexpr const char* kHaiku = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr const char* kCommandR = "cohere.command-r-v1:0";
constexpr int kMany = 60'000;

struct Line {
  std::string body;
  const char* model_id = kHaiku;
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  Wire wire = Wire::native;
};

// The code of its refusal; "" when it was translated.
std::string outcome(const Line& line) {
  const auto begin = std::chrono::steady_clock::now();
  RequestTranslator translator;
  TranslatedLine translated;
  const auto* model = catalog::Catalog::built_in().find(line.model_id);
  const auto done = translator.translate(
      line.body, {.endpoint = line.endpoint, .model = model, .wire = line.wire}, translated);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  return done ? "" : done.error().code;
}

// "one" for every number below kMany, which takes the place of its '#', with commas between.
std::string many(std::string_view one, int count = kMany) {
  std::string all;
  for (int i = 0; i < count; ++i) {
    if (i != 0) all += ',';
    for (const char c : one) c == '#' ? void(all += std::to_string(i)) : void(all += c);
  }
  return all;
}

TEST(HostileLines, ManyToolsWithEscapedNames) {
  EXPECT_EQ(outcome({R"({"messages":[{"role":"user","content":"x"}],"tools":[)" +
                     many(R"({"type":"function","function":{"name":"\u0061#"}})") + "]}"}),
            "");
}

TEST(HostileLines, AnEscapedChoiceThatIsNoneOfManyTools) {
  const std::string name(1 << 20, 'n');
  EXPECT_EQ(outcome({R"({"messages":[{"role":"user","content":"x"}],"tools":[)" +
                     many(R"({"type":"function","function":{"name":"a#"}})") +
                     R"(],"tool_choice":{"type":"function","function":{"name":"\u0061)" + name +
                     R"("}}})"}),
            "invalid_value");
}

std::string many_calls(std::string_view tool) {
  return R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[)" +
         many(R"({"id":"\u0063#","type":"function","function":{"name":"f"}})") + "]}," +
         many(R"({"role":"tool","tool_call_id":"\u0063#","content":"y"})") + R"(],"tools":[)" +
         std::string(tool) + "]}";
}

TEST(HostileLines, ManyCallsAtOnce) {
  const std::string body = many_calls(R"({"type":"function","function":{"name":"f"}})");
  EXPECT_EQ(outcome({body}), "");
  EXPECT_EQ(outcome({body, kCommandR}), "");
}

TEST(HostileLines, AToolOfManyRequiredParameters) {
  EXPECT_EQ(outcome({R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function",)"
                     R"("function":{"name":"f","parameters":{"type":"object","properties":{)" +
                         many(R"("p#":{})") + R"(},"required":[)" + many(R"("\u0070#")") + "]}}}]}",
                     kCommandR}),
            "");
}

TEST(HostileLines, ManyFilesOfOneName) {
  EXPECT_EQ(outcome({R"({"messages":[{"role":"user","content":[{"type":"text","text":"x"},)" +
                         many(R"({"type":"file","file":{"filename":"a.pdf","file_data":"AAAA"}})",
                              20'000) +
                         "]}]}",
                     "anthropic.claude-3-5-sonnet-20240620-v1:0",
                     openai::Endpoint::chat_completions, Wire::converse}),
            "");
}

TEST(HostileLines, ManyPromptsThatShareLongStopSequences) {
  const std::string stop(1 << 20, 's');
  EXPECT_EQ(outcome({R"({"stop":[")" + stop + R"("],"prompt":[)" + many(R"("p#")", 2000) + "]}",
                     kHaiku, openai::Endpoint::completions}),
            "invalid_value");
  EXPECT_EQ(
      outcome({R"({"prompt":[)" + many(R"("p#")") + "]}", kHaiku, openai::Endpoint::completions}),
      "invalid_value");
}

}  // namespace
}  // namespace quarry::translate
