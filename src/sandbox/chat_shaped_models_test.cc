// What the chat-completion families and Jamba answer and refuse.

#include "sandbox/chat_shaped_models.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kGptOss = "openai.gpt-oss-120b-1:0";
constexpr std::string_view kQwen = "qwen.qwen3-32b-v1:0";
constexpr std::string_view kJamba = "ai21.jamba-1-5-large-v1:0";
constexpr std::string_view kTool =
    R"({"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}})";

std::string with_user(std::string_view text, std::string_view members = "") {
  std::string body =
      R"({"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":)";
  body += json::serialize(json::value(text));
  body.append("}]").append(members.empty() ? "" : ",").append(members).append("}");
  return body;
}

ModelResult ask(std::string_view body, std::string_view model = kQwen, std::string_view seed = "") {
  const json::object request = json::parse(body).as_object();
  return model == kJamba ? answer_jamba(request, model, seed)
                         : answer_openai_shaped(request, model, seed);
}

json::object answer_to(std::string_view body, std::string_view model = kQwen) {
  const auto answer = ask(body, model);
  EXPECT_TRUE(answer) << answer.error().message;
  return answer ? json::parse(answer->body).as_object() : json::object{};
}

json::object first_choice(std::string_view body, std::string_view model = kQwen) {
  json::object answer = answer_to(body, model);
  return answer.at("choices").at(0).as_object();
}

std::string refusal_of(std::string_view body, std::string_view model = kQwen) {
  const auto answer = ask(body, model);
  EXPECT_FALSE(answer) << answer->body;
  if (answer) return {};
  EXPECT_EQ(answer.error().code, 400);
  return answer.error().message;
}

TEST(OpenAiShaped, AnswersAChatCompletionWithItsUsage) {
  const auto result = ask(with_user("Tell me about tea"));
  ASSERT_TRUE(result);
  const auto answer = json::parse(result->body).as_object();
  EXPECT_EQ(answer.at("object"), "chat.completion");
  EXPECT_EQ(answer.at("model").as_string(), kQwen);
  EXPECT_EQ(answer.at("choices").at(0).at("finish_reason"), "stop");
  EXPECT_EQ(answer.at("choices").at(0).at("message").at("role"), "assistant");
  EXPECT_NE(answer.at("choices").at(0).at("message").at("content").as_string().find("tea"),
            json::string::npos);
  const auto& usage = answer.at("usage");
  EXPECT_EQ(usage.at("prompt_tokens").to_number<std::uint64_t>(), result->input_tokens);
  EXPECT_EQ(usage.at("completion_tokens").to_number<std::uint64_t>(), result->output_tokens);
  EXPECT_EQ(usage.at("total_tokens").to_number<std::uint64_t>(),
            result->input_tokens + result->output_tokens);
}

TEST(OpenAiShaped, CallsItselfByItsModelsOwnId) {
  for (const auto id : {"us.qwen.qwen3-32b-v1:0",
                        "arn:aws:bedrock:us-east-1::foundation-model/qwen.qwen3-32b-v1:0"}) {
    EXPECT_EQ(answer_to(with_user("x"), id).at("model").as_string(), kQwen);
  }
}

TEST(OpenAiShaped, AnswersTheSameRequestTheSameWayUnderOneSeed) {
  const auto body = with_user("Tell me about tea");
  EXPECT_EQ(ask(body, kQwen, "a")->body, ask(body, kQwen, "a")->body);
  EXPECT_NE(ask(body, kQwen, "a")->body, ask(body, kQwen, "b")->body);
}

TEST(OpenAiShaped, WrapsTheReasoningOfGptOssInTagsBeforeTheContent) {
  const auto message = first_choice(with_user("Hi"), kGptOss).at("message").as_object();
  const std::string content(message.at("content").as_string());
  EXPECT_TRUE(content.starts_with("<reasoning>")) << content;
  EXPECT_LT(content.find("</reasoning>") + 12, content.size());
  EXPECT_FALSE(message.contains("reasoning_content"));
}

TEST(OpenAiShaped, ScriptsReasoningInTheFamilysForm) {
  const auto body = with_user("[[sandbox:reasoning because]] [[sandbox:echo yes]]");
  EXPECT_EQ(first_choice(body, kGptOss).at("message").at("content"),
            "<reasoning>because</reasoning>yes");
  const auto qwen = first_choice(body).at("message").as_object();
  EXPECT_EQ(qwen.at("content"), "yes");
  EXPECT_EQ(qwen.at("reasoning_content"), "because");
}

TEST(OpenAiShaped, EchoesExactlyWhatItIsToldTo) {
  const auto body = with_user("[[sandbox:echo a \"b\"\nc]]");
  for (const auto model : {kQwen, kGptOss})
    EXPECT_EQ(first_choice(body, model).at("message").at("content"), "a \"b\"\nc");
}

TEST(OpenAiShaped, EndsForTheReasonThatIsScripted) {
  EXPECT_EQ(first_choice(with_user("[[sandbox:stop content_filter]]")).at("finish_reason"),
            "content_filter");
}

TEST(OpenAiShaped, RefusesAsTheTextScripts) {
  const auto answer = ask(with_user("[[sandbox:error 429 slow down]]"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, 429);
  EXPECT_EQ(answer.error().message, "slow down");
}

TEST(OpenAiShaped, CallsTheToolThatIsForcedScriptedOrRequired) {
  const std::string tools = "\"tools\":[" + std::string(kTool) + "]";
  for (const auto& body :
       {with_user("In Oslo?", tools + R"(,"tool_choice":"required")"),
        with_user("In Oslo?",
                  tools + R"(,"tool_choice":{"type":"function","function":{"name":"weather"}})"),
        with_user("In Oslo? [[sandbox:tool weather]]", tools)}) {
    const auto choice = first_choice(body);
    EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
    EXPECT_TRUE(choice.at("message").at("content").is_null());
    const auto& call = choice.at("message").at("tool_calls").at(0);
    EXPECT_EQ(call.at("type"), "function");
    EXPECT_EQ(call.at("function").at("name"), "weather");
    const auto arguments = json::parse(call.at("function").at("arguments").as_string());
    EXPECT_TRUE(arguments.at("city").is_string());
  }
}

TEST(OpenAiShaped, AnswersInTextOnceTheToolHasAnswered) {
  const std::string body =
      R"({"messages":[{"role":"user","content":"[[sandbox:tool weather]]"},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"weather","arguments":"{}"}}]},)"
      R"({"role":"tool","tool_call_id":"c1","content":"sunny"}],"tools":[)" +
      std::string(kTool) + "]}";
  const auto choice = first_choice(body);
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_FALSE(choice.at("message").as_object().contains("tool_calls"));
}

TEST(OpenAiShaped, CallsNoToolWhenToldNotTo) {
  const auto choice =
      first_choice(with_user("[[sandbox:tool weather]]",
                             "\"tools\":[" + std::string(kTool) + R"(],"tool_choice":"none")"));
  EXPECT_EQ(choice.at("finish_reason"), "stop");
}

TEST(OpenAiShaped, HonoursAJsonSchema) {
  const auto choice = first_choice(with_user(
      "Go",
      R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object","properties":{"n":{"type":"integer","minimum":3}},"required":["n"]}}})"));
  const auto content = json::parse(choice.at("message").at("content").as_string());
  EXPECT_GE(content.at("n").as_int64(), 3);
}

TEST(OpenAiShaped, AnswersAnObjectWhenJsonIsAsked) {
  const auto choice = first_choice(with_user("Go", R"("response_format":{"type":"json_object"})"));
  EXPECT_TRUE(json::parse(choice.at("message").at("content").as_string()).is_object());
}

TEST(OpenAiShaped, EndsBeforeAStopSequence) {
  const auto choice = first_choice(with_user("[[sandbox:echo one END two]]", R"("stop":["END"])"));
  EXPECT_EQ(choice.at("message").at("content"), "one ");
  EXPECT_EQ(choice.at("finish_reason"), "stop");
}

TEST(OpenAiShaped, CutsAtItsTokensWithoutBreakingACharacter) {
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    for (int tokens = 1; tokens < 6; ++tokens) {
      auto request = json::parse(with_user("[[sandbox:echo ☃☃☃☃☃☃☃☃☃☃]]")).as_object();
      request[name] = tokens;
      const auto answer = answer_openai_shaped(request, kQwen, "");
      ASSERT_TRUE(answer);
      const auto body = json::parse(answer->body);  // refuses broken UTF-8
      EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "length");
      EXPECT_LE(answer->output_tokens, static_cast<std::uint64_t>(tokens));
    }
  }
}

TEST(OpenAiShaped, CutsTheReasoningInsideItsTags) {
  const auto choice = first_choice(with_user("Why?", R"("max_tokens":3)"), kGptOss);
  EXPECT_EQ(choice.at("finish_reason"), "length");
  const std::string content(choice.at("message").at("content").as_string());
  EXPECT_TRUE(content.ends_with("</reasoning>")) << content;
}

TEST(OpenAiShaped, MakesAsManyChoicesAsAsked) {
  const auto answer = answer_to(with_user("Hello", R"("n":3)"));
  EXPECT_EQ(answer.at("choices").as_array().size(), 3u);
  EXPECT_EQ(answer.at("choices").at(2).at("index"), 2);
}

TEST(OpenAiShaped, GivesLogprobsThatSpellTheContent) {
  const auto choice =
      first_choice(with_user("[[sandbox:echo one two]]", R"("logprobs":true,"top_logprobs":1)"));
  std::string spelled;
  for (const auto& token : choice.at("logprobs").at("content").as_array()) {
    spelled += std::string_view(token.at("token").as_string());
    EXPECT_LE(token.at("logprob").to_number<double>(), 0);
    EXPECT_EQ(token.at("top_logprobs").as_array().size(), 1u);
  }
  EXPECT_EQ(spelled, "one two");
  EXPECT_TRUE(first_choice(with_user("x")).at("logprobs").is_null());
}

TEST(OpenAiShaped, IgnoresMembersItDoesNotKnow) {
  EXPECT_TRUE(ask(with_user("x", R"("model":"other","foo":{"a":1},"store":true)"), kGptOss));
}

TEST(OpenAiShaped, TakesNullForAMissingMember) {
  EXPECT_TRUE(ask(with_user(
      "x", R"("temperature":null,"tools":null,"tool_choice":null,"stop":null,"n":null)")));
}

TEST(OpenAiShaped, RefusesToStream) {
  EXPECT_NE(refusal_of(with_user("x", R"("stream":true)")).find("'stream'"), std::string::npos);
  EXPECT_TRUE(ask(with_user("x", R"("stream":false)")));
}

struct Row {
  const char* name;
  const char* body;
  const char* message;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class OpenAiRefusal : public ::testing::TestWithParam<Row> {};

TEST_P(OpenAiRefusal, NamesTheMember) {
  EXPECT_EQ(refusal_of(GetParam().body), GetParam().message);
}

#define USER_X R"("messages":[{"role":"user","content":"x"}])"

INSTANTIATE_TEST_SUITE_P(
    Rows,
    OpenAiRefusal,
    ::testing::Values(
        Row{"NoMessages", "{}", "Missing required parameter: 'messages'."},
        Row{"MessagesOfWrongType", R"({"messages":"x"})",
            "Invalid type for 'messages': expected an array of objects, but got a string instead."},
        Row{"EmptyMessages", R"({"messages":[]})",
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead."},
        Row{"UnknownRole", R"({"messages":[{"role":"bot","content":"x"}]})",
            "Invalid value: 'bot'. Supported values are: 'system', 'developer', 'user', "
            "'assistant', and 'tool'."},
        Row{"NoContent", R"({"messages":[{"role":"user"}]})",
            "Missing required parameter: 'messages[0].content'."},
        Row{"Image",
            R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]})",
            "Invalid content type. image_url is only supported by certain models."},
        Row{"ToolWithoutCall", R"({"messages":[{"role":"tool","tool_call_id":"a","content":"x"}]})",
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
            "message with 'tool_calls'."},
        Row{"TemperatureTooHigh", "{" USER_X R"(,"temperature":2.5})",
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got "
            "2.5 "
            "instead."},
        Row{"TopPNegative", "{" USER_X R"(,"top_p":-1})",
            "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -1 "
            "instead."},
        Row{"NoTokens", "{" USER_X R"(,"max_completion_tokens":0})",
            "Invalid 'max_completion_tokens': integer below minimum value. Expected a value >= 1, "
            "but got 0 instead."},
        Row{"TokensOfWrongType", "{" USER_X R"(,"max_tokens":"9"})",
            "Invalid type for 'max_tokens': expected an integer, but got a string instead."},
        Row{"TooManyStops", "{" USER_X R"(,"stop":["a","b","c","d","e"]})",
            "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an "
            "array with length 5 instead."},
        Row{"ChoiceWithoutTools", "{" USER_X R"(,"tool_choice":"auto"})",
            "'tool_choice' is only allowed when 'tools' are specified."},
        Row{"ChoiceOfUnknownTool",
            "{" USER_X
            R"(,"tools":[{"type":"function","function":{"name":"a"}}],"tool_choice":{"type":"function","function":{"name":"b"}}})",
            "Tool choice 'b' not found in 'tools' parameter."},
        Row{"ToolWithoutName", "{" USER_X R"(,"tools":[{"type":"function","function":{}}]})",
            "Missing required parameter: 'tools[0].function.name'."},
        Row{"SchemaWithoutSchema",
            "{" USER_X R"(,"response_format":{"type":"json_schema","json_schema":{"name":"x"}}})",
            "Missing required parameter: 'response_format.json_schema.schema'."},
        Row{"TopLogprobsAlone", "{" USER_X R"(,"top_logprobs":2})",
            "Invalid value for 'top_logprobs': it needs 'logprobs' to be true."}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(OpenAiShaped, RefusesAnUnknownReasoningEffortOfGptOssAlone) {
  const auto body = with_user("x", R"("reasoning_effort":"none")");
  EXPECT_EQ(refusal_of(body, kGptOss),
            "Invalid value: 'none'. Supported values are: 'low', 'medium', and 'high'.");
  EXPECT_TRUE(ask(body, kQwen));
}

TEST(OpenAiShaped, LooksAtInlinePicturesWhereTheModelCan) {
  const std::string body =
      R"({"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]})";
  EXPECT_TRUE(ask(body, "google.gemma-3-27b-it"));
  EXPECT_FALSE(ask(body, "deepseek.v3-v1:0"));
  EXPECT_TRUE(ask(body, "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123"));
}

TEST(Jamba, AnswersItsOwnChatShape) {
  const auto answer = answer_to(with_user("Tell me about tea"), kJamba);
  EXPECT_EQ(answer.at("model"), "jamba-1.5-large");
  EXPECT_FALSE(answer.contains("object"));
  const auto& choice = answer.at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "stop");
  EXPECT_EQ(choice.at("message").at("role"), "assistant");
  EXPECT_TRUE(choice.at("message").at("content").is_string());
  EXPECT_TRUE(choice.at("message").at("tool_calls").is_null());
  EXPECT_GT(answer.at("usage").at("total_tokens").to_number<int>(), 0);
}

TEST(Jamba, CallsAScriptedTool) {
  const auto choice = first_choice(
      with_user("[[sandbox:tool weather]]", "\"tools\":[" + std::string(kTool) + "]"), kJamba);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_EQ(choice.at("message").at("tool_calls").at(0).at("function").at("name"), "weather");
}

TEST(Jamba, FollowsTheOtherHooks) {
  EXPECT_EQ(first_choice(with_user("[[sandbox:echo hi]] [[sandbox:stop length]]"), kJamba)
                .at("finish_reason"),
            "length");
  EXPECT_EQ(ask(with_user("[[sandbox:error 503 later]]"), kJamba).error().code, 503);
}

TEST(Jamba, CutsAtItsTokens) {
  const auto choice = first_choice(with_user("Tell me", R"("max_tokens":2)"), kJamba);
  EXPECT_EQ(choice.at("finish_reason"), "length");
  EXPECT_LE(choice.at("message").at("content").as_string().size(), 8u);
}

class JambaRefusal : public ::testing::TestWithParam<Row> {};

TEST_P(JambaRefusal, NamesTheMember) {
  EXPECT_EQ(refusal_of(GetParam().body, kJamba),
            "Malformed input request: " + std::string(GetParam().message) +
                ", please reformat your input and try again.");
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    JambaRefusal,
    ::testing::Values(
        Row{"NoMessages", "{}", "#: required key [messages] not found"},
        Row{"UnknownMember", "{" USER_X R"(,"max_completion_tokens":1})",
            "#: extraneous key [max_completion_tokens] is not permitted"},
        Row{"PartsForContent",
            R"({"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]})",
            "#/messages/0/content: expected type: String, found: JSONArray"},
        Row{"OnlySystem", R"({"messages":[{"role":"system","content":"x"}]})",
            "#/messages: at least one user or assistant message is required"},
        Row{"UnknownRole", R"({"messages":[{"role":"developer","content":"x"}]})",
            "#/messages/0/role: developer is not a valid enum value"},
        Row{"TooManyTokens", "{" USER_X R"(,"max_tokens":4097})",
            "#/max_tokens: 4097 is not less or equal to 4096"},
        Row{"TemperatureTooHigh", "{" USER_X R"(,"temperature":2.1})",
            "#/temperature: 2.1 is not less or equal to 2"},
        Row{"TopPTooHigh", "{" USER_X R"(,"top_p":1.5})", "#/top_p: 1.5 is not less or equal to 1"},
        Row{"NullMember", "{" USER_X R"(,"temperature":null})",
            "#/temperature: expected type: Number, found: Null"},
        Row{"JsonSchema", "{" USER_X R"(,"response_format":{"type":"json_schema"}})",
            "#/response_format/type: json_schema is not a valid enum value"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Jamba, InstructKnowsNoTools) {
  const auto request =
      json::parse(with_user("x", "\"tools\":[" + std::string(kTool) + "]")).as_object();
  EXPECT_TRUE(answer_jamba(request, kJamba, ""));
  const auto refused = answer_jamba(request, "ai21.jamba-instruct-v1:0", "");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("extraneous key [tools]"), std::string::npos);
}

}  // namespace
}  // namespace quarry::sandbox
