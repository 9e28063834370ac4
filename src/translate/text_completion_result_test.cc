#include "translate/result_bodies.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

namespace bj = boost::json;

bj::value completion(const std::vector<Answer>& answers, const LineUsage& usage = {}) {
  const ResultOptions options{
      .model_name = "my \"model\"", .created = 7, .completion_seed = "5eed"};
  std::string out;
  begin_text_completion(options, out);
  for (std::size_t i = 0; i < answers.size(); ++i) append_choice(answers[i], i, out);
  end_text_completion(usage, out);
  return bj::parse(out);
}

TEST(TextCompletion, HasAChoiceForEachPromptInOrder) {
  const auto body = completion({{.text = "a\\n"}, {.text = "b", .finish = Finish::length}});
  EXPECT_EQ(body.at("id"), "cmpl-5eed");
  EXPECT_EQ(body.at("object"), "text_completion");
  EXPECT_EQ(body.at("created"), 7);
  EXPECT_EQ(body.at("model"), "my \"model\"");
  EXPECT_EQ(body.at("choices"),
            bj::parse(R"([{"index":0,"text":"a\n","logprobs":null,"finish_reason":"stop"},)"
                      R"({"index":1,"text":"b","logprobs":null,"finish_reason":"length"}])"));
}

TEST(TextCompletion, LeavesReasoningOutAndPutsARefusalIntoItsText) {
  const auto body = completion(
      {{.text = "Well. ", .reasoning = "hm", .refusal = "No.", .finish = Finish::content_filter}});
  EXPECT_EQ(body.at("choices").at(0).at("text"), "Well. No.");
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "content_filter");
}

TEST(TextCompletion, NeverFinishesForToolCalls) {
  const auto body = completion({{.text = "x", .finish = Finish::tool_calls}});
  EXPECT_EQ(body.at("choices").at(0).at("finish_reason"), "stop");
}

TEST(TextCompletion, TellsTheUsageOrThatThereIsNone) {
  const auto known = completion({{}}, openai::Usage{.input_tokens = 3, .output_tokens = 4});
  EXPECT_EQ(known.at("usage").at("total_tokens"), 7);
  EXPECT_FALSE(known.as_object().contains("usage_absent"));
  const auto unknown = completion({{}});
  EXPECT_TRUE(unknown.at("usage").is_null());
  EXPECT_EQ(unknown.at("usage_absent"), true);
}

}  // namespace
}  // namespace quarry::translate
