// What a responses body is read as; how it becomes a model's is in tests/golden.
#include "translate/responses_body.h"

#include "translate/translator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace quarry::translate {
namespace {

using Rows = std::initializer_list<std::pair<const char*, const char*>>;

class ResponsesBody : public ::testing::Test {
 protected:
  // "" or "<code> <param>".
  std::string read(const std::string& body, bool drop_params = false) {
    text_ = body;
    const auto root = document_.parse(text_);
    EXPECT_TRUE(root) << body;
    if (!root) return "not JSON";
    const auto outcome = read_responses_body(*root, drop_params, request_, note_);
    return outcome ? "" : outcome.error().code + " " + outcome.error().param;
  }
  // Of a body with one user message and this member.
  std::string with(const std::string& member, bool drop_params = false) {
    return read(R"({"input":"a",)" + member + "}", drop_params);
  }
  // Of a body with these items after one user message, and a tool.
  std::string items(const std::string& items) {
    return read(R"({"tools":[{"type":"function","name":"f"}],"input":[{"role":"user",)"
                R"("content":"a"},)" +
                items + "]}");
  }
  const std::vector<Part>& parts() const { return request_.conversation.parts; }

  std::string text_;
  json::Document document_;
  ChatRequest request_;
  std::string note_;
};

std::string call(const std::string& id) {
  return R"({"type":"function_call","call_id":")" + id + R"(","name":"f","arguments":"{}"})";
}
std::string output(const std::string& id) {
  return R"({"type":"function_call_output","call_id":")" + id + R"(","output":"o"})";
}

TEST_F(ResponsesBody, OfATextIsOneUserMessage) {
  ASSERT_EQ(read(R"({"input":"hi","instructions":"be terse"})"), "");
  ASSERT_EQ(parts().size(), 1U);
  EXPECT_EQ(parts().front().role, Role::user);
  EXPECT_TRUE(parts().front().first);
  EXPECT_EQ(request_.conversation.place(parts().front()), "body.input");
  const auto& system = request_.conversation.system;
  ASSERT_EQ(system.size(), 1U);
  EXPECT_EQ(system.front().text.text(), "be terse");
  EXPECT_EQ(request_.conversation.place(system.front()), "body.instructions");
}

// OpenAI API reference, "Create a model response": strict is true where it is not said.
TEST_F(ResponsesBody, HoldsAToolToItsSchemaWhereItCanBe) {
  const auto strict = [&](const std::string& rest) {
    EXPECT_EQ(with(R"("tools":[{"type":"function","name":"f")" + rest + "}]"), "");
    return request_.tools.front().strict;
  };
  const std::string closed =
      R"(,"parameters":{"type":"object","properties":{"a":{"type":"array","items":)"
      R"({"type":"object","properties":{},"additionalProperties":false}}},"required":["a"],)"
      R"("additionalProperties":false})";
  EXPECT_TRUE(strict(closed));
  EXPECT_TRUE(strict(closed + R"(,"strict":null)"));
  EXPECT_FALSE(strict(closed + R"(,"strict":false)"));
  EXPECT_FALSE(strict(""));
  EXPECT_FALSE(strict(R"(,"parameters":{"type":"object","properties":{"a":{}}})"));
  EXPECT_FALSE(strict(R"(,"parameters":{"type":"object","properties":{"a":{}},)"
                      R"("additionalProperties":false})"));
}

TEST_F(ResponsesBody, JoinsCallsToWhatTheAssistantSaidBefore) {
  ASSERT_EQ(items(R"({"role":"assistant","content":"I look."},)" + call("1") +
                  R"(,{"type":"reasoning","summary":[]},)" + call("2") + "," + output("2") + "," +
                  output("1") + "," + call("3") + "," + output("3")),
            "");
  std::string firsts;
  for (const Part& part : parts()) {
    if (!part.nested) firsts += part.first ? 'F' : '-';
  }
  // user, assistant, two calls, two results, a call of its own, its result
  EXPECT_EQ(firsts, "FF--FFFF");
  EXPECT_TRUE(request_.conversation.uses_tools);
  EXPECT_EQ(parts()[4].nested_count, 1U);
  EXPECT_TRUE(parts()[5].nested);
}

TEST_F(ResponsesBody, HasEachCallAnsweredBeforeItGoesOn) {
  for (const std::string& then :
       {std::string(R"({"role":"user","content":"b"})"),
        std::string(R"({"role":"assistant","content":"b"})"), output("1") + "," + call("3")}) {
    EXPECT_EQ(items(call("1") + "," + call("2") + "," + then), "invalid_value body.input[2]");
  }
  EXPECT_EQ(items(call("1")), "invalid_value body.input[1]");
  EXPECT_EQ(items(output("1")), "invalid_value body.input[1].call_id");
  EXPECT_EQ(items(call("1") + "," + output("2")), "invalid_value body.input[2].call_id");
  EXPECT_EQ(items(call("1") + "," + output("1") + "," + output("1")),
            "invalid_value body.input[3].call_id");
  EXPECT_EQ(items(call("1") + "," + call("1")), "invalid_value body.input[2].call_id");
  EXPECT_EQ(items(call("")), "invalid_value body.input[1].call_id");
}

TEST_F(ResponsesBody, BeginsWithTheUser) {
  EXPECT_EQ(read(R"({"input":[{"role":"assistant","content":"a"}]})"),
            "invalid_value body.input[0]");
  EXPECT_EQ(read(R"({"input":[)" + call("1") + "]}"), "invalid_value body.input[0]");
  EXPECT_EQ(read(R"({"input":[{"role":"system","content":"a"}]})"), "invalid_value body.input");
  EXPECT_EQ(read(R"({"input":[]})"), "invalid_value body.input");
  EXPECT_EQ(read(R"({"input":" "})"), "invalid_value body.input");
}

TEST_F(ResponsesBody, RefusesWhatIsNoItemAndSaysWhere) {
  for (const auto& [item, error] : Rows{
           {"1", "invalid_value body.input[1]"},
           {"{}", "missing_required_parameter body.input[1].role"},
           {R"({"type":1})", "invalid_value body.input[1].type"},
           {R"({"role":"user"})", "missing_required_parameter body.input[1].content"},
           {R"({"role":"user","content":""})", "invalid_value body.input[1].content"},
           {R"({"role":"user","content":5})", "invalid_value body.input[1].content"},
           {R"({"role":"tool","content":"x"})", "invalid_value body.input[1].role"},
           {R"({"type":"item_reference","id":"x"})", "unsupported_parameter body.input[1]"},
           {R"({"type":"web_search_call"})", "unsupported_parameter body.input[1].type"},
           {R"({"type":"function_call"})", "missing_required_parameter body.input[1].call_id"},
           {R"({"type":"function_call","call_id":"1"})",
            "missing_required_parameter body.input[1].name"},
           {R"({"type":"function_call","call_id":"1","name":"f","arguments":{}})",
            "invalid_value body.input[1].arguments"},
           {R"({"role":"user","content":["x"]})", "invalid_value body.input[1].content[0]"},
           {R"({"role":"user","content":[{"text":"x"}]})",
            "missing_required_parameter body.input[1].content[0].type"},
           {R"({"role":"user","content":[{"type":"input_text"}]})",
            "missing_required_parameter body.input[1].content[0].text"},
           {R"({"role":"user","content":[{"type":"text","text":"x"}]})",
            "unsupported_parameter body.input[1].content[0].type"},
           {R"({"role":"user","content":[{"type":"output_text","text":"x"}]})",
            "unsupported_parameter body.input[1].content[0].type"},
           {R"({"role":"user","content":[{"type":"input_audio","input_audio":{}}]})",
            "unsupported_parameter body.input[1].content[0].type"},
           {R"({"role":"assistant","content":[{"type":"input_image","image_url":"x"}]})",
            "unsupported_parameter body.input[1].content[0].type"},
           {R"({"role":"system","content":[{"type":"input_image","image_url":"x"}]})",
            "invalid_value body.input[1].content[0]"},
           {R"({"role":"user","content":[{"type":"input_image"}]})",
            "missing_required_parameter body.input[1].content[0].image_url"},
           {R"({"role":"user","content":[{"type":"input_image","file_id":"f"}]})",
            "unsupported_parameter body.input[1].content[0].file_id"},
           {R"({"role":"user","content":[{"type":"input_image","image_url":"https://a/b.png"}]})",
            "invalid_value body.input[1].content[0].image_url"},
           {R"({"role":"user","content":[{"type":"input_file"}]})",
            "missing_required_parameter body.input[1].content[0].file_data"},
           {R"({"role":"user","content":[{"type":"input_file","file_id":"f"}]})",
            "unsupported_parameter body.input[1].content[0].file_id"},
           {R"({"role":"user","content":[{"type":"input_file","file_url":"f"}]})",
            "unsupported_parameter body.input[1].content[0].file_url"},
           {R"({"role":"user","content":[{"type":"input_file","file_data":"!"}]})",
            "invalid_value body.input[1].content[0].file_data"},
       }) {
    EXPECT_EQ(items(item), error) << item;
  }
}

TEST_F(ResponsesBody, RefusesInAnOutputWhatNoModelReadsThere) {
  for (const auto& [value, error] : Rows{
           {"null", "missing_required_parameter body.input[2].output"},
           {"{}", "invalid_value body.input[2].output"},
           {R"([{"type":"input_file","file_data":"x"}])",
            "unsupported_parameter body.input[2].output[0].type"},
           {R"([{"type":"input_text","text":"x"},{"type":"input_image","image_url":"x"}])",
            "invalid_value body.input[2].output[1].image_url"},
       }) {
    EXPECT_EQ(items(call("1") + R"(,{"type":"function_call_output","call_id":"1","output":)" +
                    value + "}"),
              error);
  }
}

TEST_F(ResponsesBody, NamesTheMemberThatIsWrong) {
  for (
      const auto& [member, error] : Rows{
          {R"("instructions":["a"])", "invalid_value body.instructions"},
          {R"("tools":{})", "invalid_value body.tools"},
          {R"("tools":["f"])", "invalid_value body.tools[0]"},
          {R"("tools":[{"name":"f"}])", "missing_required_parameter body.tools[0].type"},
          {R"("tools":[{"type":"function"}])", "missing_required_parameter body.tools[0].name"},
          {R"("tools":[{"type":"mcp","server_label":"x"}])",
           "unsupported_parameter body.tools[0].type"},
          {R"("tool_choice":"any")", "invalid_value body.tool_choice"},
          {R"("tool_choice":5)", "invalid_value body.tool_choice"},
          {R"("tool_choice":{})", "missing_required_parameter body.tool_choice.type"},
          {R"("tool_choice":{"type":"file_search"})",
           "unsupported_parameter body.tool_choice.type"},
          {R"("tool_choice":{"type":"function"})",
           "missing_required_parameter body.tool_choice.name"},
          {R"("tool_choice":{"type":"function","name":"g"},"tools":[{"type":"function","name":"f"}])",
           "invalid_value body.tool_choice.name"},
          {R"("tool_choice":"required")", "invalid_value body.tool_choice"},
          {R"("parallel_tool_calls":1)", "invalid_value body.parallel_tool_calls"},
          {R"("text":"x")", "invalid_value body.text"},
          {R"("text":{"format":"text"})", "invalid_value body.text.format"},
          {R"("text":{"format":{}})", "missing_required_parameter body.text.format.type"},
          {R"("text":{"format":{"type":"xml"}})", "invalid_value body.text.format.type"},
          {R"("text":{"format":{"type":"json_schema","name":"n"}})",
           "missing_required_parameter body.text.format.schema"},
          {R"("text":{"verbosity":"loud"})", "invalid_value body.text.verbosity"},
          {R"("text":{"colour":"red"})", "unsupported_parameter body.text.colour"},
          {R"("reasoning":true)", "invalid_value body.reasoning"},
          {R"("reasoning":{"effort":"much"})", "invalid_value body.reasoning.effort"},
          {R"("reasoning":{"summary":"long"})", "invalid_value body.reasoning.summary"},
          {R"("reasoning":{"mode":"pro"})", "unsupported_parameter body.reasoning.mode"},
          {R"("include":"x")", "invalid_value body.include"},
          {R"("include":["message.output_text.logprobs","x"])", "invalid_value body.include[1]"},
          {R"("truncation":"middle")", "invalid_value body.truncation"},
          {R"("background":true)", "unsupported_parameter body.background"},
          {R"("background":"no")", "invalid_value body.background"},
          {R"("stream":true)", "streaming_unsupported body.stream"},
          {R"("moderation":{"model":"m"})", "unsupported_parameter body.moderation"},
          {R"("no_such_thing":1)", "unsupported_parameter body.no_such_thing"},
      }) {
    EXPECT_EQ(with(member), error) << member;
  }
}

TEST_F(ResponsesBody, NeverDropsWhatTheConversationDependsOn) {
  for (const char* name : {"previous_response_id", "conversation", "prompt", "messages",
                           "max_tokens", "max_completion_tokens", "response_format"}) {
    const std::string member = "\"" + std::string(name) + "\":\"x\"";
    EXPECT_EQ(with(member, true), "unsupported_parameter body." + std::string(name));
    EXPECT_EQ(with("\"" + std::string(name) + "\":null"), "");
  }
}

TEST_F(ResponsesBody, DropsWhatIsUnknownWhereThatIsWanted) {
  EXPECT_EQ(
      with(R"("no_such_thing":1,"background":true,"moderation":{},"reasoning":{"mode":"pro"},)"
           R"("text":{"colour":"red"})",
           true),
      "");
}

TEST_F(ResponsesBody, SetsTheParametersUnderTheNamesOfTheClient) {
  ASSERT_EQ(with(R"("max_output_tokens":5,"reasoning":{"effort":"low"},)"
                 R"("text":{"verbosity":"high"},"temperature":1)"),
            "");
  EXPECT_EQ(request_.value(Param::max_tokens)->raw(), "5");
  EXPECT_EQ(request_.param(Param::max_tokens), "body.max_output_tokens");
  EXPECT_EQ(request_.value(Param::reasoning_effort)->raw(), "\"low\"");
  EXPECT_EQ(request_.param(Param::reasoning_effort), "body.reasoning.effort");
  EXPECT_EQ(request_.value(Param::verbosity)->raw(), "\"high\"");
  EXPECT_EQ(request_.param(Param::verbosity), "body.text.verbosity");
  EXPECT_EQ(request_.param(Param::temperature), "body.temperature");
}

TEST_F(ResponsesBody, ReadsToolsThatAreFlat) {
  ASSERT_EQ(with(R"("tools":[{"type":"function","name":"f","description":"d","strict":true,)"
                 R"("parameters":{"type":"object"}}],"tool_choice":"required",)"
                 R"("parallel_tool_calls":false)"),
            "");
  ASSERT_EQ(request_.tools.size(), 1U);
  EXPECT_EQ(request_.tools.front().name.text(), "f");
  EXPECT_TRUE(request_.tools.front().strict);
  EXPECT_EQ(request_.tool_choice, ToolChoice::required);
  EXPECT_FALSE(request_.parallel_tool_calls);
}

TEST_F(ResponsesBody, ReadsAFormatThatIsFlat) {
  ASSERT_EQ(with(R"("text":{"format":{"type":"json_schema","name":"n","strict":true,)"
                 R"("schema":{"type":"object"}}})"),
            "");
  EXPECT_EQ(request_.format, Format::json_schema);
  EXPECT_EQ(request_.schema->raw(), R"({"type":"object"})");
  EXPECT_EQ(request_.schema_name->text(), "n");
  EXPECT_TRUE(request_.schema_strict);
}

TEST_F(ResponsesBody, NotesNothingOfARequestThatSaysNothing) {
  ASSERT_EQ(with(R"("metadata":{},"text":{"format":{"type":"text"}},"reasoning":{})"), "");
  EXPECT_EQ(note_, "");
}

TEST_F(ResponsesBody, ForgetsTheNoteOfTheLineBefore) {
  ASSERT_EQ(with(R"("temperature":1)"), "");
  ASSERT_NE(note_, "");
  EXPECT_NE(with(R"("temperature":1,"stream":true)"), "");
  EXPECT_EQ(note_, "");
}

TEST_F(ResponsesBody, HasANoteThatFitsHoweverMuchIsSaid) {
  const std::string number = "0." + std::string(600, '1');
  const std::string name(64, 'f');
  ASSERT_EQ(with(R"("temperature":)" + number + R"(,"top_p":)" + number +
                 R"(,"max_output_tokens":1234567890123,"tools":[{"type":"function","name":")" +
                 name + R"("}],"tool_choice":{"type":"function","name":")" + name +
                 R"("},"parallel_tool_calls":false,"reasoning":{"effort":"minimal"},)"
                 R"("truncation":"disabled","metadata":{"k":")" +
                 std::string(600, 'x') +
                 R"("},"text":{"verbosity":"medium","format":{"type":"json_schema","name":")" +
                 name + R"(","schema":{"title":")" + std::string(600, 'y') + R"("}}})"),
            "");
  EXPECT_LE(note_.size(), TranslatedLine::kNoteBytesMax);
  EXPECT_EQ(note_,
            R"({"max_output_tokens":1234567890123,"tool_choice":{"type":"function","name":")" +
                name +
                R"("},"parallel_tool_calls":false,"reasoning":{"effort":"minimal"},)"
                R"("truncation":"disabled","text":{"format":null,"verbosity":"medium"},)"
                R"("metadata":null})");
}

TEST_F(ResponsesBody, NotesNoMetadataThatIsNotOfStrings) {
  ASSERT_EQ(with(R"("metadata":{"a":1})"), "");
  EXPECT_EQ(note_, "");
}

}  // namespace
}  // namespace quarry::translate
