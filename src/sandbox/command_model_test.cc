// What Command R answers and refuses.

#include "sandbox/command_model.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kModel = "cohere.command-r-plus-v1:0";
constexpr std::string_view kTools =
    R"("tools":[{"name":"weather","description":"d","parameter_definitions":{"city":{"type":"str","required":true},"days":{"type":"int"}}}])";

json::object request_of(std::string_view message, std::string_view members = "") {
  std::string body = "{\"message\":" + json::serialize(json::value(message));
  body.append(members.empty() ? "" : ",").append(members).append("}");
  return json::parse(body).as_object();
}

json::object answer_to(const json::object& request) {
  const auto answer = answer_command_r(request, kModel, "");
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(answer->body).as_object() : json::object{};
}

TEST(CommandR, AnswersTextAndTheHistoryWithBothTurns) {
  const auto answer = answer_to(request_of(
      "Tell me about tea",
      R"("chat_history":[{"role":"USER","message":"a"},{"role":"CHATBOT","message":"b"}])"));
  EXPECT_EQ(answer.at("finish_reason"), "COMPLETE");
  EXPECT_NE(answer.at("text").as_string().find("tea"), json::string::npos);
  EXPECT_TRUE(answer.at("generation_id").is_string());
  const auto& history = answer.at("chat_history").as_array();
  ASSERT_EQ(history.size(), 4u);
  EXPECT_EQ(history[2].at("message"), "Tell me about tea");
  EXPECT_EQ(history[3].at("role"), "CHATBOT");
  EXPECT_EQ(history[3].at("message"), answer.at("text"));
}

TEST(CommandR, CountsItsTokensOutsideTheBody) {
  const auto answer = answer_command_r(request_of("Tell me about tea"), kModel, "");
  ASSERT_TRUE(answer);
  EXPECT_GT(answer->input_tokens, 0u);
  EXPECT_GT(answer->output_tokens, 0u);
  EXPECT_EQ(answer->body.find("tokens"), std::string::npos);
}

TEST(CommandR, AnswersTheSameRequestTheSameWayUnderOneSeed) {
  const auto request = request_of("Tell me about tea");
  EXPECT_EQ(answer_command_r(request, kModel, "a")->body,
            answer_command_r(request, kModel, "a")->body);
  EXPECT_NE(answer_command_r(request, kModel, "a")->body,
            answer_command_r(request, kModel, "b")->body);
}

TEST(CommandR, FollowsTheHooks) {
  const auto answer =
      answer_to(request_of("[[sandbox:echo just this]] [[sandbox:stop ERROR_TOXIC]]"));
  EXPECT_EQ(answer.at("text"), "just this");
  EXPECT_EQ(answer.at("finish_reason"), "ERROR_TOXIC");
  const auto refused = answer_command_r(request_of("[[sandbox:error 500 boom]]"), kModel, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "boom");
}

TEST(CommandR, CallsAScriptedToolWithParametersOfItsTypes) {
  const auto answer = answer_to(request_of("Oslo [[sandbox:tool weather]]", kTools));
  const auto& call = answer.at("tool_calls").at(0);
  EXPECT_EQ(call.at("name"), "weather");
  EXPECT_TRUE(call.at("parameters").at("city").is_string());
  EXPECT_FALSE(call.at("parameters").as_object().contains("days"));
  EXPECT_EQ(answer.at("finish_reason"), "COMPLETE");
}

TEST(CommandR, AnswersInTextOnceTheToolHasAnswered) {
  const std::string results =
      std::string(kTools) +
      R"(,"tool_results":[{"call":{"name":"weather","parameters":{"city":"Oslo"}},"outputs":[{"text":"sun"}]}])";
  const auto answer = answer_to(request_of("[[sandbox:tool weather]]", results));
  EXPECT_FALSE(answer.contains("tool_calls"));
  EXPECT_EQ(answer_to(request_of("", results)).at("finish_reason"), "COMPLETE");
}

TEST(CommandR, CutsAtItsTokensAndStopsBeforeAStopSequence) {
  const auto cut = answer_to(request_of("Tell me about tea", R"("max_tokens":2)"));
  EXPECT_EQ(cut.at("finish_reason"), "MAX_TOKENS");
  EXPECT_LE(cut.at("text").as_string().size(), 8u);
  const auto stopped =
      answer_to(request_of("[[sandbox:echo one END two]]", R"("stop_sequences":["END"])"));
  EXPECT_EQ(stopped.at("text"), "one ");
  EXPECT_EQ(stopped.at("finish_reason"), "COMPLETE");
}

struct Row {
  const char* name;
  const char* body;
  const char* message;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class CommandRRefusal : public ::testing::TestWithParam<Row> {};

TEST_P(CommandRRefusal, NamesTheMember) {
  const auto answer = answer_command_r(json::parse(GetParam().body).as_object(), kModel, "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 400);
  EXPECT_EQ(answer.error().message, "Malformed input request: " + std::string(GetParam().message) +
                                        ", please reformat your input and try again.");
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    CommandRRefusal,
    ::testing::Values(
        Row{"AnotherFamilysBody", R"({"prompt":"x","p":1})",
            "#: required key [message] not found#: extraneous key [prompt] is not permitted#/p: 1 "
            "is not less or equal to 0.99"},
        Row{"Stream", R"({"message":"x","stream":true})",
            "#: extraneous key [stream] is not permitted"},
        Row{"MessageOfWrongType", R"({"message":["x"]})",
            "#/message: expected type: String, found: JSONArray"},
        Row{"TemperatureTooHigh", R"({"message":"x","temperature":1.5})",
            "#/temperature: 1.5 is not less or equal to 1"},
        Row{"PTooLow", R"({"message":"x","p":0})", "#/p: 0 is not greater or equal to 0.01"},
        Row{"KTooHigh", R"({"message":"x","k":501})", "#/k: 501 is not less or equal to 500"},
        Row{"NoTokens", R"({"message":"x","max_tokens":0})",
            "#/max_tokens: 0 is not greater or equal to 1"},
        Row{"FractionOfTokens", R"({"message":"x","max_tokens":1.5})",
            "#/max_tokens: expected type: Integer, found: BigDecimal"},
        Row{"RoleOfAnotherFamily",
            R"({"message":"x","chat_history":[{"role":"user","message":"a"}]})",
            "#/chat_history/0/role: user is not a valid enum value"},
        Row{"TooManyStops", R"({"message":"x","stop_sequences":["a","b","c","d","e","f"]})",
            "#/stop_sequences: expected maximum item count: 5, found: 6"},
        Row{"JsonSchemaForParameters",
            R"({"message":"x","tools":[{"name":"a","description":"d","input_schema":{}}]})",
            "#/tools/0: extraneous key [input_schema] is not permitted"},
        Row{"ParameterWithoutType",
            R"({"message":"x","tools":[{"name":"a","description":"d","parameter_definitions":{"c":{}}}]})",
            "#/tools/0/parameter_definitions/c: required key [type] not found"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CommandR, RefusesAnEmptyMessageWithoutToolResults) {
  const auto answer = answer_command_r(request_of(""), kModel, "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message,
            "invalid request: message must be at least 1 token long or tool results must be "
            "specified.");
}

}  // namespace
}  // namespace quarry::sandbox
