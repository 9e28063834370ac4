// Converse over the chat models, live and in batch.

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kClaude = "us.anthropic.claude-haiku-4-5-20251001-v1:0";
constexpr std::string_view kTool =
    R"("toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object","properties":{"n":{"const":7}},"required":["n"]}}}}])";

std::string asking(std::string_view text, std::string_view more = "") {
  return fmt::format(R"({{"messages":[{{"role":"user","content":[{{"text":"{}"}}]}}]{}{}}})", text,
                     more.empty() ? "" : ",", more);
}

ModelResult converse(std::string_view model_id,
                     std::string_view request,
                     ConverseIn wire = ConverseIn::live) {
  return answer_converse(json::parse(request).as_object(), model_id, "seed", wire);
}

json::object body_of(std::string_view model_id,
                     std::string_view request,
                     ConverseIn wire = ConverseIn::live) {
  const auto answer = converse(model_id, request, wire);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(answer->body).as_object() : json::object{};
}

class EveryChatModel : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryChatModel, AnswersLiveWithoutNulls) {
  const auto answer = converse(GetParam(), asking("[[sandbox:reasoning why]][[sandbox:echo so]]"));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.find("null"), std::string::npos);
  const auto body = json::parse(answer->body);
  const auto& content = body.at_pointer("/output/message/content").as_array();
  ASSERT_EQ(content.size(), 2U);
  EXPECT_EQ(content[0].at_pointer("/reasoningContent/reasoningText/text"), "why");
  EXPECT_EQ(content[1], json::parse(R"({"text":"so"})"));
  EXPECT_EQ(body.at("stopReason"), "end_turn");
  EXPECT_EQ(body.at_pointer("/usage/totalTokens"), answer->input_tokens + answer->output_tokens);
}

TEST_P(EveryChatModel, NamesEveryMemberInBatch) {
  const auto body = body_of(GetParam(), asking("[[sandbox:echo so]]"), ConverseIn::batch);
  const auto& block = body.at("output").at("message").at("content").at(0).as_object();
  EXPECT_EQ(block.size(), 12U);
  EXPECT_EQ(block.at("text"), "so");
  EXPECT_TRUE(block.at("toolUse").is_null());
  const auto& usage = body.at("usage").as_object();
  EXPECT_TRUE(usage.at("cacheReadInputTokens").is_null());
  EXPECT_TRUE(usage.at("cacheReadInputTokenCount").is_null());
}

TEST_P(EveryChatModel, TakesNoToolsInBatch) {
  const auto answer =
      converse(GetParam(), asking("x", fmt::format("{}}}", kTool)), ConverseIn::batch);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 400);
}

TEST_P(EveryChatModel, FailsAsItIsScripted) {
  const auto answer = converse(GetParam(), asking("[[sandbox:error 429 slow down]]"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 429);
  EXPECT_EQ(answer.error().message, "slow down");
}

INSTANTIATE_TEST_SUITE_P(
    Models,
    EveryChatModel,
    ::testing::Values("us.anthropic.claude-haiku-4-5-20251001-v1:0",
                      "amazon.nova-pro-v1:0",
                      "us.meta.llama3-1-8b-instruct-v1:0",
                      "mistral.mistral-large-2407-v1:0",
                      "amazon.titan-text-express-v1",
                      "cohere.command-r-v1:0",
                      "ai21.jamba-1-5-large-v1:0",
                      "openai.gpt-oss-120b-1:0",
                      "us.deepseek.r1-v1:0",
                      "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"),
    [](const auto& row) { return "Model" + std::to_string(row.index); });

class EveryToolModel : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryToolModel, CallsTheToolItIsToldTo) {
  for (const auto& [text, choice] : {std::pair("x", R"(,"toolChoice":{"any":{}})"),
                                     std::pair("x", R"(,"toolChoice":{"tool":{"name":"f"}})"),
                                     std::pair("[[sandbox:tool f]]", "")}) {
    const auto body = body_of(GetParam(), asking(text, fmt::format("{}{}}}", kTool, choice)));
    const auto& use = body.at("output").at("message").at("content").at(0).at("toolUse");
    EXPECT_EQ(body.at("stopReason"), "tool_use");
    EXPECT_EQ(use.at("name"), "f");
    EXPECT_EQ(use.at("input"), json::parse(R"({"n":7})"));
  }
}

TEST_P(EveryToolModel, TakesTheToolsResult) {
  const auto body = body_of(
      GetParam(),
      fmt::format(
          R"({{"messages":[{{"role":"user","content":[{{"text":"[[sandbox:tool f]]"}}]}},{{"role":"assistant","content":[{{"toolUse":{{"toolUseId":"t","name":"f","input":{{}}}}}}]}},{{"role":"user","content":[{{"toolResult":{{"toolUseId":"t","content":[{{"text":"r"}}],"status":"success"}}}}]}}],{}}}}})",
          kTool));
  EXPECT_EQ(body.at("stopReason"), "end_turn");
}

INSTANTIATE_TEST_SUITE_P(Models,
                         EveryToolModel,
                         ::testing::Values("us.anthropic.claude-haiku-4-5-20251001-v1:0",
                                           "amazon.nova-pro-v1:0",
                                           "us.meta.llama3-1-8b-instruct-v1:0",
                                           "mistral.mistral-large-2407-v1:0",
                                           "qwen.qwen3-32b-v1:0"),
                         [](const auto& row) { return "Model" + std::to_string(row.index); });

TEST(Converse, AnswersInTheSchemaItIsGiven) {
  for (const std::string_view model : {kClaude, std::string_view("amazon.nova-pro-v1:0")}) {
    const auto body = body_of(
        model,
        asking(
            "x",
            R"("outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"name":"n","schema":"{\"type\":\"object\",\"properties\":{\"ok\":{\"const\":true}},\"required\":[\"ok\"]}"}}}})"),
        ConverseIn::batch);
    EXPECT_EQ(body.at("output").at("message").at("content").at(0).at("text"), R"({"ok":true})");
  }
}

TEST(Converse, GivesBackUnaskedReasoningOfModelsThatAlwaysReason) {
  const auto body = body_of("us.deepseek.r1-v1:0", asking("x"));
  EXPECT_EQ(body.at("output").at("message").at("content").as_array().size(), 2U);
}

struct RefusedRow {
  const char* name;
  const char* model_id;
  const char* more;
  const char* message;  // a part of it
};
class ConverseRefuses : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(ConverseRefuses, InBedrocksWords) {
  const auto answer = converse(GetParam().model_id, asking("x", GetParam().more), ConverseIn::live);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 400);
  EXPECT_NE(answer.error().message.find(GetParam().message), std::string::npos)
      << answer.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    ConverseRefuses,
    ::testing::Values(
        RefusedRow{"OpenAiMembers", "amazon.nova-pro-v1:0", R"("max_tokens":5)",
                   "max_tokens: Extra inputs are not permitted"},
        RefusedRow{"Temperature", "amazon.nova-pro-v1:0",
                   R"("inferenceConfig":{"temperature":1.5})",
                   "Value '1.5' at 'inferenceConfig.temperature' failed to satisfy constraint: "
                   "Member must have value less than or equal to 1"},
        RefusedRow{"NoTokens", "amazon.nova-pro-v1:0", R"("inferenceConfig":{"maxTokens":0})",
                   "Member must have value greater than or equal to 1"},
        RefusedRow{"TopK", "amazon.nova-pro-v1:0", R"("inferenceConfig":{"topK":5})",
                   "inferenceConfig.topK"},
        RefusedRow{"TooManyTokens", "us.meta.llama4-scout-17b-instruct-v1:0",
                   R"("inferenceConfig":{"maxTokens":8193})", "exceeds the model limit of 8192"},
        RefusedRow{"SystemOfTitan", "amazon.titan-text-express-v1", R"("system":[{"text":"s"}])",
                   "doesn't support system messages"},
        RefusedRow{"ForeignFields", "us.meta.llama4-scout-17b-instruct-v1:0",
                   R"("additionalModelRequestFields":{"top_k":5})", "extraneous key [top_k]"},
        RefusedRow{"BrokenSchema", "amazon.nova-pro-v1:0",
                   R"("outputConfig":{"textFormat":{"structure":{"jsonSchema":{"schema":"{"}}}})",
                   "is not valid JSON"},
        RefusedRow{"Embeddings", "amazon.titan-embed-text-v2:0", "",
                   "This action doesn't support the model that you provided."}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Converse, TakesNoToolsWhereTheModelHasNone) {
  const auto answer = converse("us.deepseek.r1-v1:0", asking("x", fmt::format("{}}}", kTool)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "This model doesn't support tool use.");
}

TEST(Converse, TakesNoPrefillOfModelsThatCannotGoOn) {
  const std::string request =
      R"({"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"assistant","content":[{"text":"y"}]}]})";
  EXPECT_FALSE(converse("us.meta.llama3-1-8b-instruct-v1:0", request));
  EXPECT_TRUE(converse("amazon.nova-pro-v1:0", request));
}

TEST(Converse, TakesNoCachePointInBatch) {
  const std::string request =
      R"({"messages":[{"role":"user","content":[{"text":"x"},{"cachePoint":{"type":"default"}}]}]})";
  EXPECT_TRUE(converse(kClaude, request));
  EXPECT_FALSE(converse(kClaude, request, ConverseIn::batch));
}

}  // namespace
}  // namespace quarry::sandbox
