// What a completions body is read as; how it becomes a model's is in tests/golden.
#include "translate/completions_body.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

class CompletionsBody : public ::testing::Test {
 protected:
  // "" or "<code> <param>".
  std::string read(const std::string& body, bool drop_params = false) {
    text_ = body;
    const auto root = document_.parse(text_);
    EXPECT_TRUE(root) << body;
    if (!root) return "not JSON";
    return said(read_completions_body(*root, drop_params, request_, prompts_));
  }
  static std::string said(const Outcome& outcome) {
    return outcome ? "" : outcome.error().code + " " + outcome.error().param;
  }

  std::string text_;
  json::Document document_;
  ChatRequest request_;
  std::vector<json::Value> prompts_;
};

TEST_F(CompletionsBody, IsOneUserMessageForEachPrompt) {
  ASSERT_EQ(read(R"({"prompt":["first","second"],"max_tokens":5})"), "");
  ASSERT_EQ(prompts_.size(), 2U);
  for (const std::size_t i : {0U, 1U}) {
    ASSERT_EQ(said(use_prompt(prompts_, i, request_)), "");
    const Conversation& conversation = request_.conversation;
    ASSERT_EQ(conversation.parts.size(), 1U);
    const Part& part = conversation.parts.front();
    EXPECT_EQ(part.role, Role::user);
    EXPECT_EQ(part.kind, PartKind::text);
    EXPECT_TRUE(part.first);
    EXPECT_EQ(part.text.text(), i == 0 ? "first" : "second");
    EXPECT_EQ(conversation.raw_prompt->text(), part.text.text());
    EXPECT_EQ(conversation.place(part), "body.prompt[" + std::to_string(i) + "]");
    EXPECT_EQ(request_.value(Param::max_tokens)->raw(), "5");
  }
}

TEST_F(CompletionsBody, OfOnePromptIsCalledByItsNameAlone) {
  ASSERT_EQ(read(R"({"prompt":" x"})"), "");
  ASSERT_EQ(said(use_prompt(prompts_, 0, request_)), "");
  EXPECT_EQ(request_.conversation.place(request_.conversation.parts.front()), "body.prompt");
}

TEST_F(CompletionsBody, HasNoBlankPrompt) {
  ASSERT_EQ(read(R"({"prompt":" \n\t"})"), "");
  EXPECT_EQ(said(use_prompt(prompts_, 0, request_)), "invalid_value body.prompt");
  ASSERT_EQ(read(R"({"prompt":["a",""]})"), "");
  EXPECT_EQ(said(use_prompt(prompts_, 1, request_)), "invalid_value body.prompt[1]");
}

TEST_F(CompletionsBody, ForgetsTheLineBefore) {
  ASSERT_EQ(read(R"({"prompt":["a","b"],"temperature":1,"stop":"x"})", true), "");
  ASSERT_EQ(said(use_prompt(prompts_, 1, request_)), "");
  ASSERT_EQ(read(R"({"prompt":"c"})"), "");
  EXPECT_EQ(prompts_.size(), 1U);
  EXPECT_FALSE(request_.value(Param::temperature) || request_.value(Param::stop));
  EXPECT_FALSE(request_.drop_params);
  EXPECT_TRUE(request_.conversation.parts.empty());
}

TEST_F(CompletionsBody, RefusesWhatIsNoPrompt) {
  for (const auto& [prompt, error] : std::initializer_list<std::pair<const char*, const char*>>{
           {"null", "missing_required_parameter body.prompt"},
           {"5", "invalid_value body.prompt"},
           {"{}", "invalid_value body.prompt"},
           {"[]", "invalid_value body.prompt"},
           {"[1,2]", "unsupported_parameter body.prompt"},
           {"[[1,2],[3]]", "unsupported_parameter body.prompt"},
           {R"(["a",null])", "invalid_value body.prompt[1]"},
       }) {
    EXPECT_EQ(read(std::string(R"({"prompt":)") + prompt + "}"), error);
    EXPECT_EQ(read(std::string(R"({"prompt":)") + prompt + "}", true), error);
  }
}

TEST_F(CompletionsBody, RefusesWhatWouldChangeTheAnswerOrDropsIt) {
  for (const char* member : {R"("n":2)", R"("n":"1")", R"("best_of":2)", R"("echo":true)",
                             R"("echo":0)", R"("suffix":"x")", R"("logprobs":0)", R"("logprobs":5)",
                             R"("logprobs":false)", R"("tools":[])", R"("no_such_thing":1)"}) {
    const std::string body = std::string(R"({"prompt":"a",)") + member + "}";
    const std::string name(member + 1, std::string_view(member).find(':') - 2);
    EXPECT_EQ(read(body), "unsupported_parameter body." + name) << member;
    EXPECT_EQ(read(body, true), "") << member;
    EXPECT_FALSE(request_.value(Param::logprobs));
  }
}

TEST_F(CompletionsBody, LeavesOutWhatChangesNothing) {
  EXPECT_EQ(read(R"({"prompt":"a","model":"m","n":1,"best_of":1,"echo":false,"suffix":"",)"
                 R"("logprobs":null,"user":"u","stream":false,"stream_options":{},"seed":null})"),
            "");
  for (const auto& value : request_.values) EXPECT_FALSE(value);
}

TEST_F(CompletionsBody, IsNeverStreamed) {
  EXPECT_EQ(read(R"({"prompt":"a","stream":true})"), "streaming_unsupported body.stream");
  EXPECT_EQ(read(R"({"prompt":"a","stream":true})", true), "streaming_unsupported body.stream");
}

}  // namespace
}  // namespace quarry::translate
