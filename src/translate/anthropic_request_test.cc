// What is refused, what is dropped, and where the error points; translations themselves are in
// golden_test.cc.
#include "translate/translator.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

constexpr const char* kHaiku = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr const char* kSonnet45 = "anthropic.claude-sonnet-4-5-20250929-v1:0";
constexpr const char* kOpus5 = "global.anthropic.claude-opus-5";

std::expected<std::string, openai::LineError> translate(const std::string& body,
                                                        const std::string& model_id = kHaiku,
                                                        bool drop_params = false) {
  RequestTranslator translator;
  TranslatedLine line;
  const auto* model = catalog::Catalog::built_in().find(model_id);
  EXPECT_NE(model, nullptr) << model_id;
  auto done = translator.translate(body, {.model = model, .drop_params = drop_params}, line);
  if (!done) {
    EXPECT_EQ(line.records(), 0U) << "an error must leave nothing behind";
    return std::unexpected(done.error());
  }
  return std::string(line.record(0));
}

// A body with these members beside a user message.
std::string with(const std::string& members) {
  return R"({"model":"m","messages":[{"role":"user","content":"hi"}],)" + members + "}";
}
std::string messages(const std::string& list) { return R"({"messages":[)" + list + "]}"; }

// The same, with the tool f declared.
std::string with_tool(const std::string& list) {
  return R"({"tools":[{"type":"function","function":{"name":"f"}}],"messages":[)" + list + "]}";
}

struct Row {
  const char* what;
  std::string body;
  const char* code;
  const char* param;
  const char* message_part;
};
class Refused : public ::testing::TestWithParam<Row> {};

TEST_P(Refused, NamesTheParameter) {
  // Of a model that can think, where it is about thinking.
  const bool thinks = GetParam().body.find("thinking") != std::string::npos;
  const auto out = translate(GetParam().body, thinks ? kSonnet45 : kHaiku);
  ASSERT_FALSE(out) << *out;
  EXPECT_EQ(out.error().code, GetParam().code);
  EXPECT_EQ(out.error().param, GetParam().param);
  EXPECT_NE(out.error().message.find(GetParam().message_part), std::string::npos)
      << out.error().message;
}

const char* const kUser = R"({"role":"user","content":"hi"},)";
const char* const kCall =
    R"({"role":"user","content":"hi"},{"role":"assistant","tool_calls":)"
    R"([{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]})";

INSTANTIATE_TEST_SUITE_P(
    Parameters,
    Refused,
    ::testing::Values(
        Row{"NotJson", "{", "invalid_request", "body", "not valid JSON"},
        Row{"NotAnObject", "[]", "invalid_value", "body", "expected an object"},
        Row{"NoMessages", R"({"model":"m"})", "invalid_request", "body.messages",
            "Messages parameter is required."},
        Row{"OverTheCeiling", with(R"("max_tokens":20000)"), "invalid_value", "body.max_tokens",
            "max_tokens: 20000 is over anthropic.claude-3-haiku-20240307-v1:0's ceiling of 4096"},
        Row{"OneOverTheCeiling", with(R"("max_completion_tokens":4097)"), "invalid_value",
            "body.max_completion_tokens", "4097 is over"},
        Row{"LimitsDiffer", with(R"("max_tokens":5,"max_completion_tokens":6)"), "invalid_value",
            "body.max_tokens", "differs from max_completion_tokens"},
        Row{"ZeroTokens", with(R"("max_tokens":0)"), "invalid_value", "body.max_tokens",
            "at least 1"},
        Row{"TextTokens", with(R"("max_tokens":"5")"), "invalid_value", "body.max_tokens",
            "expected an integer"},
        Row{"FractionTokens", with(R"("max_tokens":5.5)"), "invalid_value", "body.max_tokens",
            "an integer"},
        Row{"HugeTokens", with(R"("max_tokens":99999999999999999999)"), "invalid_value",
            "body.max_tokens", "an integer"},
        Row{"WarmerThanClaude", with(R"("temperature":1.5)"), "unsupported_parameter",
            "body.temperature", "1.5 is over the 1"},
        Row{"TooWarm", with(R"("temperature":2.1)"), "invalid_value", "body.temperature",
            "between 0 and 2"},
        Row{"TextTemperature", with(R"("temperature":"1")"), "invalid_value", "body.temperature",
            "a number"},
        Row{"TopPOverOne", with(R"("top_p":1.01)"), "invalid_value", "body.top_p",
            "between 0 and 1"},
        Row{"NegativeTopK", with(R"("top_k":-1)"), "invalid_value", "body.top_k", "not negative"},
        Row{"BlankStop", with(R"("stop":["a"," \n"])"), "unsupported_parameter", "body.stop[1]",
            "whitespace"},
        Row{"NumericStop", with(R"("stop":[1])"), "invalid_value", "body.stop[0]", "a string"},
        Row{"ObjectStop", with(R"("stop":{})"), "invalid_value", "body.stop",
            "a string or an array"},
        Row{"Streaming", with(R"("stream":true)"), "streaming_unsupported", "body.stream",
            "Chat Completions: Streaming is not supported in the Batch API."},
        Row{"TwoChoices", with(R"("n":2)"), "unsupported_parameter", "body.n", "n: "},
        Row{"Seed", with(R"("seed":7)"), "unsupported_parameter", "body.seed", "does not take"},
        Row{"Logprobs", with(R"("logprobs":true)"), "unsupported_parameter", "body.logprobs",
            "does not take it"},
        Row{"Penalty", with(R"("presence_penalty":0.1)"), "unsupported_parameter",
            "body.presence_penalty", ""},
        Row{"LogitBias", with(R"("logit_bias":{"1":2})"), "unsupported_parameter",
            "body.logit_bias", ""},
        Row{"JsonMode", with(R"("response_format":{"type":"json_object"})"),
            "unsupported_parameter", "body.response_format", ""},
        Row{"AudioOut", with(R"("modalities":["text","audio"])"), "unsupported_parameter",
            "body.modalities", ""},
        Row{"Unknown", with(R"("surprise":1)"), "unsupported_parameter", "body.surprise",
            "unknown parameter"},
        Row{"BudgetOverLimit",
            with(R"("thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":2000)"),
            "invalid_value", "body.thinking.budget_tokens", "less than max_tokens"},
        Row{"TinyBudget", with(R"("thinking":{"type":"enabled","budget_tokens":10})"),
            "invalid_value", "body.thinking.budget_tokens", "at least 1024"},
        Row{"ThinkingOfNoType", with(R"("thinking":{"budget_tokens":2000})"),
            "missing_required_parameter", "body.thinking.type", ""},
        Row{"ThinkingOfAnOddType", with(R"("thinking":{"type":"on"})"), "invalid_value",
            "body.thinking.type", "'adaptive'"},
        Row{"ThinkingWithoutABudget", with(R"("thinking":{"type":"enabled"})"),
            "missing_required_parameter", "body.thinking.budget_tokens", ""},
        Row{"AdaptiveWhereThereIsABudget", with(R"("thinking":{"type":"adaptive"})"),
            "unsupported_parameter", "body.thinking.type", "budget_tokens"},
        Row{"ThinkingOfMore",
            with(R"("thinking":{"type":"enabled","budget_tokens":1024,"extra":1})"),
            "unsupported_parameter", "body.thinking.extra", "unknown"},
        Row{"ThinkingAndLowTopP",
            with(R"("thinking":{"type":"enabled","budget_tokens":1024},"top_p":0.9)"),
            "invalid_value", "body.top_p", "at least 0.95"},
        Row{"ThinkingAndTopK",
            with(R"("thinking":{"type":"enabled","budget_tokens":1024},"top_k":5)"),
            "invalid_value", "body.top_k", "left out"},
        Row{"ThinkingNotAnObject", with(R"("thinking":true)"), "invalid_value", "body.thinking",
            "an object"}),
    [](const auto& row) { return std::string(row.param.what); });

INSTANTIATE_TEST_SUITE_P(
    Messages,
    Refused,
    ::testing::Values(
        Row{"NoneAtAll", messages(""), "invalid_value", "body.messages", "user message"},
        Row{"SystemAlone", messages(R"({"role":"system","content":"x"})"), "invalid_value",
            "body.messages", "user message"},
        Row{"NotAList", R"({"messages":"hi"})", "invalid_value", "body.messages", "an array"},
        Row{"AText", messages(R"("hi")"), "invalid_value", "body.messages[0]", "an object"},
        Row{"NoRole", messages(R"({"content":"x"})"), "missing_required_parameter",
            "body.messages[0].role", "Missing required parameter: 'messages[0].role'."},
        Row{"OddRole", messages(R"({"role":"robot","content":"x"})"), "invalid_value",
            "body.messages[0].role", "supported values"},
        Row{"FunctionRole", messages(R"({"role":"function","content":"x"})"),
            "unsupported_parameter", "body.messages[0].role", "tools"},
        Row{"NoContent", messages(R"({"role":"user"})"), "missing_required_parameter",
            "body.messages[0].content", ""},
        Row{"EmptyUser", messages(R"({"role":"user","content":" \n"})"), "invalid_value",
            "body.messages[0].content", "must not be empty"},
        Row{"EmptyParts", messages(R"({"role":"user","content":[]})"), "invalid_value",
            "body.messages[0].content", "must not be empty"},
        Row{"NullAssistant",
            messages(std::string(kUser) + R"({"role":"assistant","content":null})"),
            "invalid_value", "body.messages[1].content", "without tool calls"},
        Row{"AssistantFirst", messages(R"({"role":"assistant","content":"x"})"), "invalid_value",
            "body.messages[0].role", "must be of the user"},
        Row{"NumericContent", messages(R"({"role":"user","content":7})"), "invalid_value",
            "body.messages[0].content", "a string or an array"},
        Row{"PartNotAnObject", messages(R"({"role":"user","content":["x"]})"), "invalid_value",
            "body.messages[0].content[0]", "an object"},
        Row{"PartWithoutType", messages(R"({"role":"user","content":[{"text":"x"}]})"),
            "missing_required_parameter", "body.messages[0].content[0].type", ""},
        Row{"AudioPart",
            messages(
                R"({"role":"user","content":[{"type":"text","text":"x"},{"type":"input_audio"}]})"),
            "unsupported_parameter", "body.messages[0].content[1]", "input_audio"},
        Row{"ImageInSystem", messages(R"({"role":"system","content":[{"type":"image_url"}]})"),
            "invalid_value", "body.messages[0].content[0]", "text only"},
        Row{"ImageUrl",
            messages(std::string(kUser) +
                     R"({"role":"user","content":[{"type":"image_url","image_url":)" +
                     R"({"url":"https://example.com/a.png"}}]})"),
            "invalid_value", "body.messages[1].content[0].image_url",
            "messages[1].content[0].image_url: URLs are not fetched"},
        Row{"ImageOfUnknownKind",
            messages(
                R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,AAAA"}}]})"),
            "invalid_value", "body.messages[0].content[0].image_url", "image/webp"},
        Row{"ImageNotBase64",
            messages(
                R"({"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,A*AA"}}]})"),
            "invalid_value", "body.messages[0].content[0].image_url", "base64"},
        Row{"LoneSurrogate", messages(R"({"role":"user","content":"\ud800"})"), "invalid_request",
            "body", "surrogate"}),
    [](const auto& row) { return std::string(row.param.what); });

INSTANTIATE_TEST_SUITE_P(
    Tools,
    Refused,
    ::testing::Values(
        Row{"NotAList", with(R"("tools":{})"), "invalid_value", "body.tools", "an array"},
        Row{"OddType", with(R"("tools":[{"type":"web_search"}])"), "unsupported_parameter",
            "body.tools[0].type", ""},
        Row{"NoName", with(R"("tools":[{"type":"function","function":{}}])"),
            "missing_required_parameter", "body.tools[0].function.name", ""},
        Row{"SameName",
            with(
                R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}])"),
            "invalid_value", "body.tools[1].function.name", "another tool"},
        Row{"ArraySchema",
            with(
                R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"array"}}}])"),
            "invalid_value", "body.tools[0].function.parameters", "object"},
        Row{"ChoiceWithoutTools", with(R"("tool_choice":"required")"), "invalid_value",
            "body.tool_choice", "only allowed when tools are given"},
        Row{"OddChoice",
            with(R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"maybe")"),
            "invalid_value", "body.tool_choice", "supported values"},
        Row{"ChoiceOfNoTool",
            with(R"("tools":[{"type":"function","function":{"name":"f"}}],)"
                 R"("tool_choice":{"type":"function","function":{"name":"g"}})"),
            "invalid_value", "body.tool_choice.function.name", "not the name"},
        Row{"CallsWithoutTools",
            messages(std::string(kCall) + R"(,{"role":"tool","tool_call_id":"c1","content":"x"})"),
            "invalid_value", "body.tools", "must be given"},
        Row{"CallWithoutResult", messages(kCall), "invalid_value", "body.messages[1].tool_calls",
            "followed by"},
        Row{"UserInsteadOfResult",
            messages(std::string(kCall) + R"(,{"role":"user","content":"x"})"), "invalid_value",
            "body.messages[1].tool_calls", "followed by"},
        Row{"ResultOfNoCall",
            messages(std::string(kUser) + R"({"role":"tool","tool_call_id":"c9","content":"x"})"),
            "invalid_value", "body.messages[1].tool_call_id", "no tool call"},
        Row{"ResultTwice",
            messages(std::string(kCall) + R"(,{"role":"tool","tool_call_id":"c1","content":"x"})" +
                     R"(,{"role":"tool","tool_call_id":"c1","content":"x"})"),
            "invalid_value", "body.messages[3].tool_call_id", "no tool call"},
        Row{"ToolOfAChoice",
            with(
                R"("tools":[{"type":"function","function":{"name":"f","parameters":{"anyOf":[{}]}}}])"),
            "unsupported_parameter", "body.tools[0].function.parameters.anyOf", "top"},
        Row{"CallOfNoFunctionsName",
            with_tool(std::string(kUser) +
                      R"({"role":"assistant","tool_calls":[{"id":"c","type":"function",)" +
                      R"("function":{"name":"a.b","arguments":"{}"}}]},)" +
                      R"({"role":"tool","tool_call_id":"c","content":"x"})"),
            "invalid_value", "body.messages[1].tool_calls[0].function.name", "letters"},
        Row{"BrokenArguments",
            with_tool(std::string(kUser) +
                      R"({"role":"assistant","tool_calls":[{"id":"c","type":"function",)" +
                      R"("function":{"name":"f","arguments":"{\"a\":"}}]},)" +
                      R"({"role":"tool","tool_call_id":"c","content":"x"})"),
            "invalid_value", "body.messages[1].tool_calls[0].function.arguments", "not valid JSON"},
        Row{"ListArguments",
            with_tool(std::string(kUser) +
                      R"({"role":"assistant","tool_calls":[{"id":"c","type":"function",)" +
                      R"("function":{"name":"f","arguments":"[]"}}]},)" +
                      R"({"role":"tool","tool_call_id":"c","content":"x"})"),
            "invalid_value", "body.messages[1].tool_calls[0].function.arguments", "JSON object"}),
    [](const auto& row) { return std::string(row.param.what); });

TEST(Request, TakesTheCeilingItself) {
  const auto out = translate(with(R"("max_tokens":4096)"));
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(boost::json::parse(*out).at("max_tokens"), 4096);
}

TEST(Request, DropsWhatTheModelDoesNotTakeWhereDroppingIsAllowed) {
  const auto out = translate(
      with(
          R"("seed":7,"n":2,"surprise":{},"temperature":1.5,"response_format":{"type":"json_object"},"stop":[" "])"),
      kHaiku, true);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(boost::json::parse(*out),
            boost::json::parse(
                R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":4096,)"
                R"("messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})"));
}

TEST(Request, NeverDropsStreamingOrAWrongValue) {
  EXPECT_FALSE(translate(with(R"("stream":true)"), kHaiku, true));
  EXPECT_FALSE(translate(with(R"("max_tokens":20000)"), kHaiku, true));
  EXPECT_FALSE(translate(with(R"("temperature":3)"), kHaiku, true));
}

TEST(Request, RefusesTemperatureWithTopPWhereTheModelDoes) {
  const std::string both = with(R"("temperature":0.5,"top_p":0.9)");
  EXPECT_TRUE(translate(both, kHaiku));
  const auto refused = translate(both, kSonnet45);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "body.top_p");
  EXPECT_EQ(refused.error().code, "unsupported_parameter");

  const auto dropped = translate(both, kSonnet45, true);
  ASSERT_TRUE(dropped);
  const auto json = boost::json::parse(*dropped).as_object();
  EXPECT_EQ(json.at("temperature"), 0.5);
  EXPECT_FALSE(json.contains("top_p"));
}

TEST(Request, LeavesOutADefaultThatTheModelWouldRefuse) {
  const auto top_p = translate(with(R"("temperature":0.5,"top_p":1)"), kSonnet45);
  ASSERT_TRUE(top_p) << top_p.error().message;
  EXPECT_FALSE(boost::json::parse(*top_p).as_object().contains("top_p"));
  const auto temperature = translate(with(R"("temperature":1.0,"top_p":0.5)"), kSonnet45);
  ASSERT_TRUE(temperature) << temperature.error().message;
  EXPECT_FALSE(boost::json::parse(*temperature).as_object().contains("temperature"));
  const auto none = translate(with(R"("temperature":1,"top_p":1.0)"), kOpus5);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->find("temperature"), std::string::npos);
}

TEST(Request, RefusesSamplingWhereTheModelTakesNone) {
  for (const char* member : {R"("temperature":0.5)", R"("top_p":0.5)", R"("top_k":5)"}) {
    const auto refused = translate(with(member), kOpus5);
    ASSERT_FALSE(refused) << member;
    EXPECT_EQ(refused.error().code, "unsupported_parameter");
    EXPECT_TRUE(translate(with(member), kOpus5, true)) << member;
  }
}

TEST(Request, RefusesAPrefillWhereTheModelDoes) {
  const std::string prefill =
      messages(std::string(kUser) + R"({"role":"assistant","content":"I"})");
  EXPECT_TRUE(translate(prefill, kHaiku));
  const auto refused = translate(prefill, kOpus5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "body.messages");
  const std::string thinking = R"(,"thinking":{"type":"enabled","budget_tokens":1024}})";
  EXPECT_FALSE(translate(prefill.substr(0, prefill.size() - 1) + thinking, kSonnet45));
}

TEST(Request, PassesOverAnAnswerWithoutText) {
  const auto out = translate(messages(std::string(kUser) + R"({"role":"assistant","content":""},)"
                                                           R"({"role":"user","content":"so?"})"));
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->find("assistant"), std::string::npos);
  EXPECT_NE(out->find("so?"), std::string::npos);
}

// Anthropic, "Structured outputs": not together with a begun answer.
TEST(Request, RefusesAPrefillWithASchema) {
  const std::string format =
      R"(,"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":)"
      R"({"type":"object","properties":{},"additionalProperties":false}}}})";
  std::string body = messages(std::string(kUser) + R"({"role":"assistant","content":"{"})");
  body.pop_back();
  const auto refused = translate(body + format, kSonnet45);
  ASSERT_FALSE(refused) << *refused;
  EXPECT_EQ(refused.error().param, "body.messages");
}

TEST(Request, NamesThePartOfASchemaThatClaudeDoesNotFollow) {
  const auto with_schema = [](const std::string& schema) {
    return translate(
        with(R"("response_format":{"type":"json_schema","json_schema":{"schema":)" + schema + "}}"),
        kSonnet45);
  };
  const std::string place = "body.response_format.json_schema.schema";
  const auto open = with_schema(R"({"type":"object","properties":{"a":{"type":"string"}}})");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().param, place);
  const auto bounded =
      with_schema(R"({"type":"object","additionalProperties":false,"properties":{"a":{"anyOf":)"
                  R"([{"type":"null"},{"type":"integer","minimum":1}]}}})");
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().param, place + ".properties.a.anyOf[1].minimum");
  // Names and examples are no schemas.
  const auto fine = with_schema(
      R"({"type":"object","additionalProperties":false,"properties":{"minimum":{"type":"number"},)"
      R"("type":{"enum":[{"type":"object"}]}}})");
  EXPECT_TRUE(fine) << fine.error().message;
}

// OpenAI's messages do not carry the thoughts that Claude wants back with the calls they led to.
TEST(Request, DoesNotThinkWithABudgetRightAfterToolResults) {
  const std::string result = R"(,{"role":"tool","tool_call_id":"c1","content":"x"})";
  const auto thinking = [&](const std::string& list) {
    std::string body = with_tool(list);
    body.pop_back();
    return body + R"(,"reasoning_effort":"low"})";
  };
  const auto refused = translate(thinking(kCall + result), kSonnet45);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "body.reasoning_effort");
  const auto dropped = translate(thinking(kCall + result), kSonnet45, true);
  ASSERT_TRUE(dropped) << dropped.error().message;
  EXPECT_EQ(dropped->find("thinking"), std::string::npos);

  const auto adaptive = translate(thinking(kCall + result), kOpus5);
  EXPECT_TRUE(adaptive) << adaptive.error().message;
  const auto answered = translate(thinking(kCall + result +
                                           R"(,{"role":"assistant","content":"so"},)"
                                           R"({"role":"user","content":"and?"})"),
                                  kSonnet45);
  EXPECT_TRUE(answered) << answered.error().message;
}

TEST(Request, DropsTheSamplingThatThinkingForbids) {
  const std::string body = with(R"("reasoning_effort":"low","temperature":0.2,"top_k":5)");
  EXPECT_FALSE(translate(body, kSonnet45));
  const auto dropped = translate(body, kSonnet45, true);
  ASSERT_TRUE(dropped) << dropped.error().message;
  const auto json = boost::json::parse(*dropped).as_object();
  EXPECT_TRUE(json.contains("thinking"));
  EXPECT_FALSE(json.contains("temperature"));
  EXPECT_FALSE(json.contains("top_k"));
}

TEST(Request, TakesNoBudgetWhereTheModelFindsItsOwn) {
  const auto refused =
      translate(with(R"("thinking":{"type":"enabled","budget_tokens":2000})"), kOpus5);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "body.thinking.type");
  EXPECT_TRUE(translate(with(R"("thinking":{"type":"enabled","budget_tokens":2000})"),
                        "anthropic.claude-sonnet-4-6"));
}

TEST(Request, NamesTheEndpointThatTheModelDoesNotServe) {
  RequestTranslator translator;
  TranslatedLine line;
  const auto* model = catalog::Catalog::built_in().find(kHaiku);
  const auto refused = translator.translate(
      R"({"input":"x"})", {.endpoint = openai::Endpoint::embeddings, .model = model}, line);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "url");
  EXPECT_NE(refused.error().message.find("/v1/embeddings"), std::string::npos);
}

TEST(Request, UsesOneTranslatorForManyLines) {
  RequestTranslator translator;
  TranslatedLine line;
  const auto* model = catalog::Catalog::built_in().find(kHaiku);
  std::string first;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(translator.translate(messages(kCall), {.model = model}, line));
    EXPECT_EQ(line.records(), 0U);
    ASSERT_TRUE(translator.translate(with(R"("stop":"\u0041")"), {.model = model}, line));
    ASSERT_EQ(line.records(), 1U);
    if (i == 0) first = line.record(0);
    EXPECT_EQ(line.record(0), first);
  }
}

}  // namespace
}  // namespace quarry::translate
