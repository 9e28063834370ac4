// What Nova, Llama, Mistral, Titan Text and DeepSeek R1 answer at InvokeModel.

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kNova = "us.amazon.nova-lite-v1:0";
constexpr std::string_view kNova2 = "global.amazon.nova-2-lite-v1:0";
constexpr std::string_view kLlama3 = "us.meta.llama3-3-70b-instruct-v1:0";
constexpr std::string_view kLlama4 = "us.meta.llama4-scout-17b-instruct-v1:0";
constexpr std::string_view kMistralPrompt = "mistral.mistral-7b-instruct-v0:2";
constexpr std::string_view kMistralEarly = "mistral.mistral-large-2407-v1:0";
constexpr std::string_view kMistralChat = "mistral.ministral-3-8b-instruct";
constexpr std::string_view kTitan = "amazon.titan-text-express-v1";
constexpr std::string_view kDeepSeek = "us.deepseek.r1-v1:0";

json::object parsed(std::string_view text) { return json::parse(text).as_object(); }

ModelAnswer answer_of(std::string_view model_id, std::string_view request) {
  const auto answer = answer_native(parsed(request), model_id, "seed");
  EXPECT_TRUE(answer) << answer.error().message;
  return answer.value_or(ModelAnswer{.body = "{}"});
}

json::object body_of(std::string_view model_id, std::string_view request) {
  return parsed(answer_of(model_id, request).body);
}

std::string refusal_of(std::string_view model_id, std::string_view request) {
  const auto answer = answer_native(parsed(request), model_id, "seed");
  if (answer) return "";
  EXPECT_EQ(answer.error().code, 400);
  return answer.error().message;
}

// The same words in the shape of each family.
std::string asking(std::string_view model_id, std::string_view text) {
  const std::string quoted = json::serialize(json::string(text));
  const std::string_view inside = std::string_view(quoted).substr(1, quoted.size() - 2);
  if (model_id == kNova || model_id == kNova2)
    return fmt::format(R"({{"messages":[{{"role":"user","content":[{{"text":{}}}]}}]}})", quoted);
  if (model_id == kLlama3) {
    return fmt::format(
        R"({{"prompt":"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"}})",
        inside);
  }
  if (model_id == kLlama4) {
    return fmt::format(
        R"({{"prompt":"<|begin_of_text|><|header_start|>user<|header_end|>\n\n{}<|eot|><|header_start|>assistant<|header_end|>\n\n"}})",
        inside);
  }
  if (model_id == kMistralPrompt)
    return fmt::format(R"({{"prompt":"<s>[INST] {} [/INST]"}})", inside);
  if (model_id == kTitan) return fmt::format(R"({{"inputText":{}}})", quoted);
  if (model_id == kDeepSeek) {
    return fmt::format(
        R"({{"prompt":"<｜begin▁of▁sentence｜><｜User｜>{}<｜Assistant｜><think>\n"}})", inside);
  }
  return fmt::format(R"({{"messages":[{{"role":"user","content":{}}}]}})", quoted);
}

struct FamilyRow {
  const char* name;
  std::string_view model_id;
  const char* text;   // pointer to the answer's text
  const char* stop;   // pointer to its stop reason
  const char* ended;  // what that is of itself
};
class EveryFamily : public ::testing::TestWithParam<FamilyRow> {};

TEST_P(EveryFamily, EchoesAndStopsAsItIsScripted) {
  const auto& row = GetParam();
  const json::value body = body_of(
      row.model_id, asking(row.model_id, "x [[sandbox:echo a \"b\"]] [[sandbox:stop odd]]"));
  EXPECT_EQ(body.at_pointer(row.text), "a \"b\"");
  EXPECT_EQ(body.at_pointer(row.stop), "odd");
}

TEST_P(EveryFamily, QuotesItsUserAndEndsItsTurn) {
  const auto& row = GetParam();
  const json::value body = body_of(row.model_id, asking(row.model_id, "Tell me about tea"));
  EXPECT_NE(body.at_pointer(row.text).as_string().find("Tell me about tea"), json::string::npos);
  EXPECT_EQ(body.at_pointer(row.stop), row.ended);
}

TEST_P(EveryFamily, FailsAsItIsScripted) {
  const auto& row = GetParam();
  const auto answer =
      answer_native(parsed(asking(row.model_id, "[[sandbox:error 503 later]]")), row.model_id, "");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 503);
  EXPECT_EQ(answer.error().message, "later");
}

TEST_P(EveryFamily, CountsWhatItReadAndSaid) {
  const ModelAnswer answer =
      answer_of(GetParam().model_id, asking(GetParam().model_id, "[[sandbox:echo 12345678]]"));
  EXPECT_GT(answer.input_tokens, 0U);
  EXPECT_EQ(answer.output_tokens, 2U);
}

TEST_P(EveryFamily, RefusesAMemberItDoesNotKnow) {
  json::object request = parsed(asking(GetParam().model_id, "x"));
  request["max_completion_tokens"] = 5;
  EXPECT_EQ(refusal_of(GetParam().model_id, json::serialize(request)),
            "Malformed input request: #: extraneous key [max_completion_tokens] is not permitted, "
            "please reformat your input and try again.");
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    EveryFamily,
    ::testing::Values(
        FamilyRow{"Nova", kNova, "/output/message/content/0/text", "/stopReason", "end_turn"},
        FamilyRow{"Nova2", kNova2, "/output/message/content/0/text", "/stopReason", "end_turn"},
        FamilyRow{"Llama3", kLlama3, "/generation", "/stop_reason", "stop"},
        FamilyRow{"Llama4", kLlama4, "/generation", "/stop_reason", "stop"},
        FamilyRow{"MistralPrompt", kMistralPrompt, "/outputs/0/text", "/outputs/0/stop_reason",
                  "stop"},
        FamilyRow{"MistralEarlyChat", kMistralEarly, "/choices/0/message/content",
                  "/choices/0/stop_reason", "stop"},
        FamilyRow{"MistralChat", kMistralChat, "/choices/0/message/content",
                  "/choices/0/finish_reason", "stop"},
        FamilyRow{"TitanText", kTitan, "/results/0/outputText", "/results/0/completionReason",
                  "FINISH"},
        FamilyRow{"DeepSeek", kDeepSeek, "/choices/0/text", "/choices/0/stop_reason", "stop"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Nova, NamesItsCachesAsOnlyItDoes) {
  const auto answer = answer_of(kNova, asking(kNova, "Hello there"));
  const json::object usage = parsed(answer.body).at("usage").as_object();
  EXPECT_EQ(usage.at("inputTokens"), answer.input_tokens);
  EXPECT_EQ(usage.at("totalTokens"), answer.input_tokens + answer.output_tokens);
  EXPECT_EQ(usage.at("cacheReadInputTokenCount"), 0);
  EXPECT_FALSE(usage.contains("cacheReadInputTokens"));
}

constexpr std::string_view kNovaTool =
    R"("toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}}}])";

TEST(Nova, CallsTheToolItIsToldTo) {
  for (const auto& [text, choice] : {std::pair("x", R"(,"toolChoice":{"any":{}})"),
                                     std::pair("x", R"(,"toolChoice":{"tool":{"name":"f"}})"),
                                     std::pair("[[sandbox:tool f]]", "")}) {
    const auto body = body_of(
        kNova,
        fmt::format(R"({{"messages":[{{"role":"user","content":[{{"text":"{}"}}]}}],{}{}}}}})",
                    text, kNovaTool, choice));
    const auto& use = body.at("output").at("message").at("content").at(0).at("toolUse");
    EXPECT_EQ(body.at("stopReason"), "tool_use");
    EXPECT_EQ(use.at("name"), "f");
    EXPECT_TRUE(use.at("input").at("n").is_int64());
  }
}

TEST(Nova, AnswersInWordsOnceTheToolHas) {
  const auto body = body_of(
      kNova,
      fmt::format(
          R"({{"messages":[{{"role":"user","content":[{{"text":"[[sandbox:tool f]]"}}]}},{{"role":"assistant","content":[{{"toolUse":{{"toolUseId":"t","name":"f","input":{{}}}}}}]}},{{"role":"user","content":[{{"toolResult":{{"toolUseId":"t","content":[{{"json":{{"a":1}}}}]}}}}]}}],{}}}}})",
          kNovaTool));
  EXPECT_EQ(body.at("stopReason"), "end_turn");
  EXPECT_TRUE(body.at("output").at("message").at("content").at(0).as_object().contains("text"));
}

TEST(Nova, ReasonsInItsSecondGenerationAlone) {
  const std::string request = asking(kNova2, "[[sandbox:reasoning why]] [[sandbox:echo so]]");
  const auto second = body_of(kNova2, request);
  EXPECT_EQ(
      second.at("output").at("message").at("content"),
      json::parse(R"([{"reasoningContent":{"reasoningText":{"text":"why"}}},{"text":"so"}])"));
  const auto first = body_of(kNova, request);
  EXPECT_EQ(first.at("output").at("message").at("content"), json::parse(R"([{"text":"so"}])"));
}

TEST(Nova, HidesWhatItThoughtUnlessScripted) {
  json::object request = parsed(asking(kNova2, "x"));
  request["reasoningConfig"] = {{"type", "enabled"}, {"maxReasoningEffort", "low"}};
  const auto body = body_of(kNova2, json::serialize(request));
  EXPECT_EQ(body.at("output").at("message").at("content").at(0),
            json::parse(R"({"reasoningContent":{"reasoningText":{"text":"[REDACTED]"}}})"));
}

TEST(Llama, CountsBesideItsGeneration) {
  const auto answer = answer_of(kLlama3, asking(kLlama3, "x"));
  const auto body = parsed(answer.body);
  EXPECT_EQ(body.at("prompt_token_count"), answer.input_tokens);
  EXPECT_EQ(body.at("generation_token_count"), answer.output_tokens);
  EXPECT_EQ(body.size(), 4U);
}

TEST(Llama, CallsADeclaredFunctionInItsGeneration) {
  const auto request = [](std::string_view declared) {
    return asking(kLlama3,
                  fmt::format("Functions: [{}]\n{{not json}} [[sandbox:tool f]]", declared));
  };
  const auto body = body_of(
      kLlama3,
      request(
          R"({"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"n":{"const":7}}}}})"));
  EXPECT_EQ(json::parse(std::string_view(body.at("generation").as_string())),
            json::parse(R"({"name":"f","parameters":{"n":7}})"));
  const auto other = body_of(kLlama3, request(R"({"name":"g","parameters":{}})"));
  EXPECT_FALSE(other.at("generation").as_string().starts_with("{"));
}

TEST(Llama, ReadsTheSystemTurn) {
  const auto body = body_of(
      kLlama3,
      R"({"prompt":"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe unhelpful.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nTell me<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"})");
  EXPECT_EQ(body.at("generation").as_string().find("Tell me"), json::string::npos);
}

TEST(Llama, GoesOnWithTextThatHasNoTurns) {
  for (const std::string_view text : {"<|begin_of_text|>The capital of", "a <| b"}) {
    EXPECT_EQ(refusal_of(kLlama4, json::serialize(json::object{{"prompt", json::string(text)}})),
              "");
  }
}

TEST(Mistral, CountsOnlyWhereTheModelDoes) {
  EXPECT_FALSE(body_of(kMistralPrompt, asking(kMistralPrompt, "x")).contains("usage"));
  EXPECT_FALSE(body_of(kMistralEarly, asking(kMistralEarly, "x")).contains("usage"));
  const auto answer = answer_of(kMistralChat, asking(kMistralChat, "x"));
  EXPECT_EQ(parsed(answer.body).at("usage").at("completion_tokens"), answer.output_tokens);
}

TEST(Mistral, TakesBothShapesInModelsOf2402Alone) {
  constexpr const char* kChatBody = R"({"messages":[{"role":"user","content":"x"}]})";
  for (const char* id : {"mistral.mistral-large-2402-v1:0", "mistral.mistral-small-2402-v1:0"}) {
    EXPECT_TRUE(body_of(id, R"({"prompt":"x"})").contains("outputs")) << id;
    EXPECT_EQ(body_of(id, kChatBody).at("choices").at(0).at("stop_reason"), "stop") << id;
  }
  EXPECT_NE(refusal_of(kMistralPrompt, kChatBody), "");
  EXPECT_NE(refusal_of(kMistralChat, R"({"prompt":"x"})"), "");
}

TEST(Mistral, CallsToolsAsChatCompletionsDo) {
  for (const auto& [text, choice] :
       {std::pair("x", R"("any")"),
        std::pair("x", R"({"type":"function","function":{"name":"f"}})"),
        std::pair("[[sandbox:tool f]]", R"("auto")")}) {
    const auto body = body_of(
        kMistralChat,
        fmt::format(
            R"({{"messages":[{{"role":"user","content":"{}"}}],"tools":[{{"type":"function","function":{{"name":"f","parameters":{{"type":"object","properties":{{"n":{{"const":7}}}}}}}}}}],"tool_choice":{}}})",
            text, choice));
    const auto& made = body.at("choices").at(0);
    EXPECT_EQ(made.at("finish_reason"), "tool_calls");
    const auto& call = made.at("message").at("tool_calls").at(0);
    EXPECT_EQ(call.at("function").at("name"), "f");
    EXPECT_EQ(call.at("function").at("arguments"), R"({"n":7})");
  }
}

TEST(Mistral, ThinksInMagistralAlone) {
  const std::string request = asking(kMistralChat, "[[sandbox:reasoning why]] [[sandbox:echo so]]");
  const auto thought = body_of("mistral.magistral-small-2509", request);
  const auto& content = thought.at("choices").at(0).at("message").at("content");
  EXPECT_EQ(content.at(0).at("thinking").at(0).at("text"), "why");
  EXPECT_EQ(content.at(1).at("text"), "so");
  const auto plain = answer_of(kMistralChat, request);
  EXPECT_EQ(parsed(plain.body).at("choices").at(0).at("message").at("content"), "so");
  EXPECT_EQ(plain.output_tokens, 1U);
}

TEST(DeepSeek, EndsTheThoughtThatItsPromptOpened) {
  const auto text_of = [](std::string_view request) {
    return std::string(
        std::string_view(body_of(kDeepSeek, request).at("choices").at(0).at("text").as_string()));
  };
  EXPECT_EQ(text_of(asking(kDeepSeek, "[[sandbox:reasoning why]] [[sandbox:echo so]]")),
            "why\n</think>\n\nso");
  EXPECT_EQ(text_of(R"({"prompt":"[[sandbox:reasoning why]] [[sandbox:echo so]]"})"),
            "<think>\nwhy\n</think>\n\nso");
  EXPECT_NE(text_of(asking(kDeepSeek, "x")).find("\n</think>\n\n"), std::string::npos);
}

TEST(Families, CutAtTheLimitAndSaySo) {
  const auto nova = body_of(
      kNova,
      R"({"messages":[{"role":"user","content":[{"text":"x"}]}],"inferenceConfig":{"maxTokens":3}})");
  EXPECT_EQ(nova.at("stopReason"), "max_tokens");
  EXPECT_EQ(nova.at("usage").at("outputTokens"), 3);
  EXPECT_EQ(body_of(kLlama3, R"({"prompt":"x","max_gen_len":3})").at("stop_reason"), "length");
  EXPECT_EQ(body_of(kTitan, R"({"inputText":"x","textGenerationConfig":{"maxTokenCount":3}})")
                .at("results")
                .at(0)
                .at("completionReason"),
            "LENGTH");
}

TEST(Families, EndAtAStopSequence) {
  EXPECT_EQ(
      body_of(
          kNova,
          R"({"messages":[{"role":"user","content":[{"text":"x"}]}],"inferenceConfig":{"stopSequences":[" "]}})")
          .at("stopReason"),
      "stop_sequence");
  EXPECT_EQ(body_of(kTitan, R"({"inputText":"x","textGenerationConfig":{"stopSequences":[" "]}})")
                .at("results")
                .at(0)
                .at("completionReason"),
            "STOP_CRITERIA_MET");
}

struct RefusedRow {
  const char* name;
  std::string_view model_id;
  const char* request;
  const char* message;  // a part of it
};
class FamiliesRefuse : public ::testing::TestWithParam<RefusedRow> {};

TEST_P(FamiliesRefuse, WhatTheRealOnesDo) {
  const std::string message = refusal_of(GetParam().model_id, GetParam().request);
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
}

#define USER R"({"role":"user","content":[{"text":"x"}]})"
INSTANTIATE_TEST_SUITE_P(
    Rows,
    FamiliesRefuse,
    ::testing::Values(
        RefusedRow{"LlamaAnOpenAiBody", kLlama3, R"({"messages":[],"max_tokens":1})",
                   "#: required key [prompt] not found"},
        RefusedRow{"Llama3TooLong", kLlama3, R"({"prompt":"x","max_gen_len":2049})",
                   "#/max_gen_len: 2049 is not less or equal to 2048"},
        RefusedRow{"Llama4TooLong", kLlama4, R"({"prompt":"x","max_gen_len":8193})",
                   "#/max_gen_len: 8193 is not less or equal to 8192"},
        RefusedRow{"LlamaTooWarm", kLlama3, R"({"prompt":"x","temperature":1.5})",
                   "#/temperature: 1.5 is not less or equal to 1"},
        RefusedRow{"Llama4InTheTemplateOf3", kLlama4,
                   R"({"prompt":"<|start_header_id|>user<|end_header_id|>x<|eot_id|>"})",
                   "#/prompt: the template has no <|header_start|>role<|header_end|>"},
        RefusedRow{"LlamaImagesWithoutEyes", kLlama3, R"({"prompt":"x","images":[]})",
                   "extraneous key [images]"},
        RefusedRow{"NovaWithoutMessages", kNova, R"({"inferenceConfig":{}})",
                   "#: required key [messages] not found"},
        RefusedRow{"NovaStringContent", kNova, R"({"messages":[{"role":"user","content":"x"}]})",
                   "#/messages/0/content: is not valid"},
        RefusedRow{"NovaTooLong", "amazon.nova-micro-v1:0",
                   R"({"messages":[)" USER R"(],"inferenceConfig":{"maxTokens":10001}})",
                   "#/inferenceConfig/maxTokens: 10001 is not less or equal to 10000"},
        RefusedRow{"Nova2TooLong", kNova2,
                   R"({"messages":[)" USER R"(],"inferenceConfig":{"maxTokens":65536}})",
                   "65536 is not less or equal to 65535"},
        RefusedRow{"NovaReasoning", kNova,
                   R"({"messages":[)" USER R"(],"reasoningConfig":{"type":"enabled"}})",
                   "extraneous key [reasoningConfig]"},
        RefusedRow{
            "Nova2HighEffortWithALimit", kNova2,
            R"({"messages":[)" USER
            R"(],"inferenceConfig":{"maxTokens":9},"reasoningConfig":{"type":"enabled","maxReasoningEffort":"high"}})",
            "#/inferenceConfig/maxTokens: must not be set"},
        RefusedRow{"NovaSystemRole", kNova,
                   R"({"messages":[{"role":"system","content":[{"text":"x"}]}]})",
                   "#/messages/0/role: is not valid"},
        RefusedRow{"NovaTwoUsers", kNova, R"({"messages":[)" USER "," USER "]}",
                   "A conversation must alternate"},
        RefusedRow{"NovaAssistantFirst", kNova,
                   R"({"messages":[{"role":"assistant","content":[{"text":"x"}]}]})",
                   "A conversation must start with a user message"},
        RefusedRow{"NovaBlankText", kNova,
                   R"({"messages":[{"role":"user","content":[{"text":" "}]}]})",
                   "messages.0.content.0 is blank"},
        RefusedRow{
            "NovaToolName", kNova,
            R"({"messages":[)" USER
            R"(],"toolConfig":{"tools":[{"toolSpec":{"name":"a b","inputSchema":{"json":{"type":"object"}}}}]}})",
            "Value 'a b' at 'toolConfig.tools.1.member.toolSpec.name'"},
        RefusedRow{"NovaOpenAiTools", kNova,
                   R"({"messages":[)" USER
                   R"(],"toolConfig":{"tools":[{"type":"function","function":{"name":"f"}}]}})",
                   "toolConfig.tools.1.member"},
        RefusedRow{
            "NovaUnansweredCall", kNova,
            R"({"messages":[)" USER
            R"(,{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},)" USER
            R"(],"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}})",
            "Expected toolResult blocks at messages.2.content for the following Ids: t"},
        RefusedRow{
            "NovaMicroImages", "us.amazon.nova-micro-v1:0",
            R"({"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AA=="}}}]}]})",
            "doesn't support the image"},
        RefusedRow{"MistralTopK", kMistralPrompt, R"({"prompt":"x","top_k":201})",
                   "#/top_k: 201 is not less or equal to 200"},
        RefusedRow{"MistralElevenStops", kMistralPrompt,
                   R"({"prompt":"x","stop":["","","","","","","","","","",""]})",
                   "#/stop: expected maximum item count: 10, found: 11"},
        RefusedRow{"MistralUnknownRole", kMistralChat,
                   R"({"messages":[{"role":"developer","content":"x"}]})",
                   "developer is not a valid enum value"},
        RefusedRow{
            "MistralAssistantLast", kMistralChat,
            R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]})",
            "Expected last role User or Tool"},
        RefusedRow{"MistralOrphanResult", kMistralChat,
                   R"({"messages":[{"role":"tool","tool_call_id":"t","content":"x"}]})",
                   "#/messages/0/tool_call_id: no tool call has this id"},
        RefusedRow{
            "MistralEarlyRequired", kMistralEarly,
            R"({"messages":[{"role":"user","content":"x"}],"tools":[],"tool_choice":"required"})",
            "required is not a valid enum value"},
        RefusedRow{"TitanTooLong", kTitan,
                   R"({"inputText":"x","textGenerationConfig":{"maxTokenCount":8193}})",
                   "#/textGenerationConfig/maxTokenCount: 8193 is not less or equal to 8192"},
        RefusedRow{"TitanUnknownSetting", kTitan,
                   R"({"inputText":"x","textGenerationConfig":{"top_p":1}})",
                   "#/textGenerationConfig: extraneous key [top_p] is not permitted"},
        RefusedRow{"DeepSeekTooLong", kDeepSeek, R"({"prompt":"x","max_tokens":32769})",
                   "#/max_tokens: 32769 is not less or equal to 32768"},
        RefusedRow{"EmptyPrompt", kDeepSeek, R"({"prompt":""})",
                   "#/prompt: expected minLength: 1, actual: 0"}),
    [](const auto& row) { return std::string(row.param.name); });
#undef USER

}  // namespace
}  // namespace quarry::sandbox
