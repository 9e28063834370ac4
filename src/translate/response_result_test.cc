// What golden files of a family cannot show: answers that no family gives so far, and notes.
#include "translate/responses_body.h"
#include "translate/result_bodies.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::translate {
namespace {

namespace bj = boost::json;

bj::value response(const Answer& answer, std::string_view note = "") {
  const ResultOptions options{
      .model_name = "m\n", .created = 7, .completion_seed = "5eed", .note = note};
  std::string out;
  json::Document scratch;
  append_response(answer, options, scratch, out);
  return bj::parse(out);
}

// Of the request `body`, read, noted, and answered.
bj::value answered(const std::string& body) {
  json::Document document;
  ChatRequest request;
  std::string note;
  const auto root = document.parse(body);
  EXPECT_TRUE(root) << body;
  const auto read = read_responses_body(*root, false, request, note);
  EXPECT_TRUE(read) << read.error().message;
  EXPECT_LE(note.size(), TranslatedLine::kNoteBytesMax);
  return response({.text = "x"}, note);
}

TEST(Response, RepeatsOfItsRequestWhatTheNoteCarries) {
  const auto body = answered(
      R"({"input":"a","temperature":0.25,"top_p":1e-1,"max_output_tokens":99,)"
      R"("tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"},)"
      R"("parallel_tool_calls":false,"reasoning":{"effort":"high"},"truncation":"auto",)"
      R"("text":{"verbosity":"low","format":{"type":"json_object"}},"metadata":{"k y":"v é"}})");
  EXPECT_EQ(body.at("temperature"), 0.25);
  EXPECT_EQ(body.at("top_p"), 0.1);
  EXPECT_EQ(body.at("max_output_tokens"), 99);
  EXPECT_EQ(body.at("tool_choice"), bj::parse(R"({"type":"function","name":"f"})"));
  EXPECT_EQ(body.at("parallel_tool_calls"), false);
  EXPECT_EQ(body.at("reasoning").at("effort"), "high");
  EXPECT_EQ(body.at("truncation"), "auto");
  EXPECT_EQ(body.at("text"), bj::parse(R"({"format":{"type":"json_object"},"verbosity":"low"})"));
  EXPECT_EQ(body.at("metadata"), bj::parse(R"({"k y":"v é"})"));
}

TEST(Response, HasDefaultsForWhatWasNotSaid) {
  for (const auto& body : {answered(R"({"input":"a"})"), response({.text = "x"}, "no note")}) {
    EXPECT_TRUE(body.at("temperature").is_null());
    EXPECT_TRUE(body.at("top_p").is_null());
    EXPECT_TRUE(body.at("max_output_tokens").is_null());
    EXPECT_EQ(body.at("tool_choice"), "auto");
    EXPECT_EQ(body.at("parallel_tool_calls"), true);
    EXPECT_TRUE(body.at("reasoning").at("effort").is_null());
    EXPECT_EQ(body.at("truncation"), "disabled");
    EXPECT_EQ(body.at("text"), bj::parse(R"({"format":{"type":"text"}})"));
    EXPECT_EQ(body.at("metadata"), bj::object());
  }
}

TEST(Response, SaysNullOfAFormatAndMetadataThatDoNotFitTheNote) {
  const std::string filler(600, 'x');
  const auto body =
      answered(R"({"input":"a","temperature":0.5,"metadata":{"k":")" + filler +
               R"("},"text":{"format":{"type":"json_schema","name":"n","schema":{"title":")" +
               filler + R"("}},"verbosity":"high"}})");
  EXPECT_TRUE(body.at("metadata").is_null());
  EXPECT_TRUE(body.at("text").at("format").is_null());
  EXPECT_EQ(body.at("text").at("verbosity"), "high");
  EXPECT_EQ(body.at("temperature"), 0.5);
}

TEST(Response, MakesAnIdForACallWithoutOneAndForEveryItem) {
  Answer answer{.text = "t", .reasoning = "r", .finish = Finish::tool_calls};
  answer.calls.push_back({.id = "", .name = "f", .arguments = "{}"});
  answer.calls.push_back({.id = "given", .name = "g", .arguments = "{\\\"a\\\":1}"});
  const auto body = response(answer);
  EXPECT_EQ(body.at("status"), "completed");
  EXPECT_EQ(
      body.at("output"),
      bj::parse(R"([{"type":"reasoning","id":"rs_5eed_0","summary":[],)"
                R"("content":[{"type":"reasoning_text","text":"r"}]},)"
                R"({"type":"message","id":"msg_5eed_1","status":"completed","role":"assistant",)"
                R"("content":[{"type":"output_text","text":"t","annotations":[],"logprobs":[]}]},)"
                R"({"type":"function_call","id":"fc_5eed_2","status":"completed",)"
                R"("call_id":"call_5eed_0","name":"f","arguments":"{}"},)"
                R"({"type":"function_call","id":"fc_5eed_3","status":"completed",)"
                R"("call_id":"given","name":"g","arguments":"{\"a\":1}"}])"));
}

TEST(Response, ThatWasRefusedHoldsARefusalInsteadOfText) {
  const auto body = response({.refusal = "No.", .finish = Finish::content_filter});
  EXPECT_EQ(body.at("status"), "incomplete");
  EXPECT_EQ(body.at("incomplete_details").at("reason"), "content_filter");
  EXPECT_EQ(body.at("output").at(0).at("content"),
            bj::parse(R"([{"type":"refusal","refusal":"No."}])"));
  const auto both = response({.text = "Well.", .refusal = "No."});
  EXPECT_EQ(both.at("output").at(0).at("content").as_array().size(), 2U);
}

TEST(Response, ThatWasCutOffIsIncompleteAndSoIsItsLastItem) {
  Answer answer{.text = "t", .finish = Finish::length};
  const auto text = response(answer);
  EXPECT_EQ(text.at("status"), "incomplete");
  EXPECT_EQ(text.at("incomplete_details").at("reason"), "max_output_tokens");
  EXPECT_TRUE(text.at("completed_at").is_null());
  EXPECT_EQ(text.at("output").at(0).at("status"), "incomplete");

  answer.calls.push_back({.id = "c", .name = "f", .arguments = ""});
  const auto call = response(answer);
  EXPECT_EQ(call.at("output").at(0).at("status"), "completed");
  EXPECT_EQ(call.at("output").at(1).at("status"), "incomplete");
}

TEST(Response, TellsTheUsageOrThatThereIsNone) {
  const openai::Usage usage{.input_tokens = 10,
                            .cached_input_tokens = 4,
                            .cache_write_tokens = 2,
                            .output_tokens = 5,
                            .reasoning_tokens = 3};
  EXPECT_EQ(response({.text = "x", .usage = usage}).at("usage"),
            bj::parse(R"({"input_tokens":10,"input_tokens_details":{"cached_tokens":4,)"
                      R"("cache_write_tokens":2},"output_tokens":5,)"
                      R"("output_tokens_details":{"reasoning_tokens":3},"total_tokens":15})"));
  const auto unknown = response({.text = "x"});
  EXPECT_TRUE(unknown.at("usage").is_null());
  EXPECT_EQ(unknown.at("usage_absent"), true);
}

}  // namespace
}  // namespace quarry::translate
