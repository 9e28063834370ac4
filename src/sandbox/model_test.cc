// What the sandbox's Claude answers and refuses. The wire's side of it is in tests/interop.

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kModel = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

json::object request_of(std::string_view members) {
  std::string text =
      R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":200,"messages":[{"role":"user","content":"Tell me about tea"}])";
  return json::parse(text.append(members.empty() ? "" : ",").append(members).append("}"))
      .as_object();
}

json::object answer_to(const json::object& request, std::string_view seed = "") {
  const auto answer = answer_claude(request, kModel, seed);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(answer->body).as_object() : json::object{};
}

TEST(Claude, AnswersTheSameRequestTheSameWay) {
  const auto first = answer_claude(request_of(""), kModel, "seed");
  const auto second = answer_claude(request_of(""), kModel, "seed");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->body, second->body);
  EXPECT_NE(answer_claude(request_of(""), kModel, "other")->body, first->body);
}

TEST(Claude, QuotesTheUserAndEndsItsTurn) {
  const auto answer = answer_to(request_of(""));
  EXPECT_EQ(answer.at("type"), "message");
  EXPECT_EQ(answer.at("stop_reason"), "end_turn");
  EXPECT_TRUE(answer.at("stop_sequence").is_null());
  EXPECT_NE(answer.at("content").at(0).at("text").as_string().find("Tell me about tea"),
            json::string::npos);
}

TEST(Claude, CutsAtMaxTokensWithoutBreakingACharacter) {
  for (int tokens = 1; tokens < 30; ++tokens) {
    auto request = request_of("");
    request["max_tokens"] = tokens;
    request["messages"].at(0).at("content") = "éééé ☃☃☃ 日本語日本語";
    const auto answer = answer_to(request);
    EXPECT_EQ(answer.at("stop_reason"), "max_tokens");
    EXPECT_LE(answer.at("usage").at("output_tokens").to_number<int>(), tokens);
    boost::system::error_code error;
    json::parse(json::serialize(answer), error);  // refuses broken UTF-8
    EXPECT_FALSE(error) << tokens;
  }
}

TEST(Claude, CallsTheToolItIsToldTo) {
  const auto answer = answer_to(request_of(
      R"("tools":[{"name":"a","input_schema":{"type":"object"}},{"name":"b","input_schema":{"type":"object","properties":{"n":{"type":"integer","minimum":3,"maximum":4},"s":{"$ref":"#/$defs/s"}},"required":["n","s"],"$defs":{"s":{"type":"array","items":{"enum":["x"]}}}}}],"tool_choice":{"type":"tool","name":"b"})"));
  const auto& call = answer.at("content").at(0);
  EXPECT_EQ(answer.at("stop_reason"), "tool_use");
  EXPECT_EQ(call.at("name"), "b");
  EXPECT_GE(call.at("input").at("n").to_number<int>(), 3);
  EXPECT_LE(call.at("input").at("n").to_number<int>(), 4);
  EXPECT_EQ(call.at("input").at("s"), json::parse(R"(["x"])"));
}

TEST(Claude, AnswersInTheSchemaItIsGiven) {
  const auto answer = answer_to(request_of(
      R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}}})"));
  const auto text =
      json::parse(std::string_view(answer.at("content").at(0).at("text").as_string()));
  EXPECT_TRUE(text.at("ok").is_bool());
}

TEST(Claude, FailsAsTheRequestAsksIt) {
  auto request = request_of("");
  request["messages"].at(0).at("content") = "x [[sandbox:error 503 try later]] y";
  const auto answer = answer_claude(request, kModel, "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 503);
  EXPECT_EQ(answer.error().message, "try later");
  EXPECT_TRUE(answer.error().retryable());
  request["messages"].at(0).at("content") = "[[sandbox:error 200 no error]]";
  EXPECT_TRUE(answer_claude(request, kModel, ""));
}

TEST(Claude, SaysWhatItsUserScripts) {
  auto request = request_of(R"("tools":[{"name":"t","input_schema":{"type":"object"}}])");
  request["messages"].at(0).at("content") =
      "[[sandbox:reasoning why]] [[sandbox:echo so]] [[sandbox:tool t]] [[sandbox:stop "
      "pause_turn]]";
  const auto answer = answer_to(request);
  const auto& content = answer.at("content").as_array();
  ASSERT_EQ(content.size(), 3U);
  EXPECT_EQ(content[0].at("thinking"), "why");
  EXPECT_EQ(content[1].at("text"), "so");
  EXPECT_EQ(content[2].at("name"), "t");
  EXPECT_EQ(answer.at("stop_reason"), "pause_turn");
}

struct RefusedRow {
  const char* name;
  const char* members;
  const char* message;
};
class ClaudeRefuses : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(ClaudeRefuses, InAnthropicsWords) {
  EXPECT_EQ(check_claude_request(request_of(GetParam().members), kModel), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    ClaudeRefuses,
    ::testing::Values(
        RefusedRow{"Nothing", "", ""},
        RefusedRow{"UnknownMember", R"("foo":1)", "foo: Extra inputs are not permitted"},
        RefusedRow{"Stream", R"("stream":false)", "stream: Extra inputs are not permitted"},
        RefusedRow{"TemperatureAboveOne", R"("temperature":1.01)", "temperature: range: 0..1"},
        RefusedRow{"BothSamplers", R"("temperature":1,"top_p":0.5)",
                   "`temperature` and `top_p` cannot both be specified for this model. Please use "
                   "only one."},
        RefusedRow{"TooManyTokens", R"("max_tokens":64001)",
                   "max_tokens: 64001 > 64000, which is the maximum allowed number of output "
                   "tokens for us.anthropic.claude-haiku-4-5-20251001-v1:0"},
        RefusedRow{"FractionalTokens", R"("max_tokens":1.5)",
                   "max_tokens: Input should be a valid integer"},
        RefusedRow{"SystemRole", R"("messages":[{"role":"system","content":"x"}])",
                   "messages.0.role: Input should be 'user' or 'assistant'"},
        RefusedRow{"AssistantFirst", R"("messages":[{"role":"assistant","content":"x"}])",
                   "messages: first message must use the \"user\" role"},
        RefusedRow{"EmptyText",
                   R"("messages":[{"role":"user","content":[{"type":"text","text":""}]}])",
                   "messages: text content blocks must be non-empty"},
        RefusedRow{"EmptyContent", R"("messages":[{"role":"user","content":""}])",
                   "messages.0: all messages must have non-empty content except for the optional "
                   "final assistant message"},
        RefusedRow{"NameInMessage", R"("messages":[{"role":"user","content":"x","name":"n"}])",
                   "messages.0.name: Extra inputs are not permitted"},
        RefusedRow{"ToolChoiceAlone", R"("tool_choice":{"type":"any"})",
                   "tool_choice may only be specified while providing tools."},
        RefusedRow{"ToolWithoutSchema", R"("tools":[{"name":"t"}])",
                   "tools.0.custom.input_schema: Field required"},
        RefusedRow{
            "OrphanToolResult",
            R"("messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"u","content":"x"}]}])",
            "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: u. Each "
            "`tool_result` block must have a corresponding `tool_use` block in the previous "
            "message."},
        RefusedRow{
            "SmallThinkingBudget", R"("thinking":{"type":"enabled","budget_tokens":10})",
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Claude, TakesAToolConversation) {
  EXPECT_EQ(
      check_claude_request(
          request_of(
              R"("tools":[{"name":"t","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"u","name":"t","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"u","content":"y"}]}])"),
          kModel),
      "");
}

}  // namespace
}  // namespace quarry::sandbox
