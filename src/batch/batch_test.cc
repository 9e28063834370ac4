// The pure half of a batch's life: names, the sidecar, results joined with their lines.
#include "batch/custom_ids.h"
#include "batch/names.h"
#include "batch/progress.h"
#include "batch/resource_names.h"
#include "batch/result_lines.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace quarry::batch {
namespace {

const BatchId kBatch{"batch_0123456789abcdef0123456789abcdef"};

TEST(Names, AreWhatBedrocksPatternsAllow) {
  // AWS API reference, CreateModelInvocationJob.
  const std::regex job_name_pattern("[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\\+\\-\\.]){0,63}");
  const std::regex token_pattern("[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}");
  const std::regex uri_pattern("s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+)*/?");
  EXPECT_TRUE(std::regex_match(job_name(kBatch, 99'999, 9), job_name_pattern));
  EXPECT_LE(job_name(kBatch, 99'999, 9).size(), 63u);
  EXPECT_TRUE(std::regex_match(client_request_token(kBatch, 1, 1), token_pattern));
  EXPECT_TRUE(std::regex_match("s3://bucket/quarry/" + input_object(kBatch, 1, new_mark()), uri_pattern));
  EXPECT_TRUE(std::regex_match("s3://bucket/quarry/" + results_prefix(kBatch, 1), uri_pattern));
}

TEST(Names, AreTheSameEachTimeAndDifferForEachJobAndLine) {
  EXPECT_EQ(client_request_token(kBatch, 1, 1), client_request_token(kBatch, 1, 1));
  EXPECT_NE(client_request_token(kBatch, 1, 1), client_request_token(kBatch, 1, 2));
  EXPECT_NE(client_request_token(kBatch, 1, 1), client_request_token(kBatch, 2, 1));
  EXPECT_EQ(line_seed(kBatch, 5), line_seed(kBatch, 5));
  EXPECT_NE(line_seed(kBatch, 5), line_seed(kBatch, 6));
  EXPECT_EQ(line_seed(kBatch, 5).size(), 32u);
}

CustomIds three_ids() {
  std::string sidecar;
  append_custom_id(sidecar, {.line_index = 1, .custom_id_json = R"("a")"});
  append_custom_id(sidecar, {.line_index = 4, .custom_id_json = R"("b \" ü")"});
  append_custom_id(sidecar, {.line_index = 9, .custom_id_json = R"("c")"});
  return *CustomIds::parse(std::move(sidecar));
}

TEST(CustomIdsSidecar, FindsALineByItsIndex) {
  const CustomIds ids = three_ids();
  EXPECT_EQ(ids.size(), 3u);
  ASSERT_EQ(ids.find(4), 1u);
  EXPECT_EQ(ids.row(1).custom_id_json, R"("b \" ü")");
  EXPECT_EQ(ids.row(1).parts, 1u);
  EXPECT_EQ(ids.row(1).note, "");
  EXPECT_EQ(ids.find(5), std::nullopt);
}

TEST(CustomIdsSidecar, OfBeforeLinesHadSeveralRecordsIsStillRead) {
  const auto ids = CustomIds::parse("1 \"a\"\n4 \"x3 =n\"\n");
  ASSERT_TRUE(ids) << ids.error().message();
  EXPECT_EQ(ids->row(1).custom_id_json, R"("x3 =n")");
  EXPECT_EQ(ids->row(1).parts, 1u);
  EXPECT_EQ(ids->parts_of_several(), 0u);
}

TEST(CustomIdsSidecar, KeepsPartsAndNotesOfALine) {
  std::string sidecar;
  append_custom_id(sidecar, {1, R"("a")", 3, "base64"});
  append_custom_id(sidecar, {2, R"("b")", 1, R"({"temperature":1,"x":"\u0020"})"});
  append_custom_id(sidecar, {3, R"("c")", 2, ""});
  append_custom_id(sidecar, {4, R"("d")", 1, ""});
  const auto ids = CustomIds::parse(std::move(sidecar));
  ASSERT_TRUE(ids) << ids.error().message();
  EXPECT_EQ(ids->row(0).parts, 3u);
  EXPECT_EQ(ids->row(0).note, "base64");
  EXPECT_EQ(ids->row(0).custom_id_json, R"("a")");
  EXPECT_EQ(ids->row(1).note, R"({"temperature":1,"x":"\u0020"})");
  EXPECT_EQ(ids->row(1).custom_id_json, R"("b")");
  EXPECT_EQ(ids->row(2).parts, 2u);
  EXPECT_EQ(ids->row(3).custom_id_json, R"("d")");
  EXPECT_EQ(ids->first_part(2), 3u);
  EXPECT_EQ(ids->parts_of_several(), 5u);
}

TEST(CustomIdsSidecar, RefusesWhatIsCutOffOrOutOfOrder) {
  for (const char* broken : {"1 \"a\"", "x \"a\"\n", "2 \"a\"\n1 \"b\"\n", "1\n", "1 x0 \"a\"\n",
                             "1 x2\n", "1 x2a \"a\"\n", "1 =note\n"}) {
    EXPECT_FALSE(CustomIds::parse(broken)) << broken;
  }
}

std::string row(int line, std::string_view text) {
  return fmt::format(
      R"({{"modelInput":{{}},"modelOutput":{{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{{"type":"text","text":"{}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":3,"output_tokens":2}}}},"recordId":"{}"}})",
      text, bedrock::record_id({static_cast<std::uint64_t>(line)}));
}

ResultLines result_lines() {
  ResultSettings settings;
  settings.batch_id = kBatch;
  settings.model_name = "public";
  settings.family = "anthropic";
  return ResultLines(std::move(settings), three_ids());
}

void add(ResultLines& lines, std::string_view text) {
  const auto added = lines.add_row(text);
  ASSERT_TRUE(added) << added.error().message();
}

std::vector<boost::json::value> parsed(std::string_view text) {
  std::vector<boost::json::value> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(boost::json::parse(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  return lines;
}

TEST(ResultLines, JoinByRecordWhateverTheOrder) {
  ResultLines lines = result_lines();
  add(lines, row(9, "nine"));
  add(lines, row(1, "one"));
  const auto output = parsed(lines.output);
  ASSERT_EQ(output.size(), 2u);
  EXPECT_EQ(output[0].at("custom_id"), "c");
  EXPECT_EQ(output[0].at_pointer("/response/body/choices/0/message/content"), "nine");
  EXPECT_EQ(output[0].at_pointer("/response/body/model"), "public");
  EXPECT_EQ(output[1].at("custom_id"), "a");
  EXPECT_EQ(lines.usage.total_tokens(), 10);
  EXPECT_EQ(lines.missing(), 1u);
}

TEST(ResultLines, EveryCustomIdEndsInExactlyOneFile) {
  ResultLines lines = result_lines();
  add(lines, row(4, "four"));
  add(lines, row(4, "again"));   // repeated: the first wins
  add(lines, row(77, "whose"));  // unknown
  add(lines, "{\"recordId\":");  // unreadable
  add(lines, fmt::format(R"({{"recordId":"{}","error":{{"errorCode":400,"errorMessage":"bad"}}}})",
                         bedrock::record_id({1})));
  while (*lines.add_absent({"result_missing", "gone", false}, 1)) {
  }
  std::multiset<std::string> seen;
  for (const auto& text : {lines.output, lines.errors}) {
    for (const auto& value : parsed(text))
      seen.insert(std::string(value.at("custom_id").as_string()));
  }
  EXPECT_EQ(seen, (std::multiset<std::string>{"a", "b \" ü", "c"}));
  EXPECT_EQ(lines.completed, 1);
  EXPECT_EQ(lines.failed, 2);
  EXPECT_EQ(lines.repeated_rows, 1);
  EXPECT_EQ(lines.unknown_rows, 1);
  EXPECT_EQ(lines.unreadable_rows, 1);
}

TEST(ResultLines, ARefusedRecordIsAResponseOfTheErrorFile) {
  ResultLines lines = result_lines();
  add(lines,
      fmt::format(
          R"({{"recordId":"{}","error":{{"errorCode":400,"errorMessage":"bad \"x\"","expired":false,"retryable":false}}}})",
          bedrock::record_id({1})));
  const auto errors = parsed(lines.errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].at("error").is_null());
  EXPECT_EQ(errors[0].at_pointer("/response/status_code"), 400);
  EXPECT_EQ(errors[0].at_pointer("/response/body/error/message"), "bad \"x\"");
  EXPECT_EQ(errors[0].at_pointer("/response/body/error/type"), "invalid_request_error");
}

TEST(ResultLines, WhatWasNotRunInTimeIsNotCountedAsFailed) {
  ResultLines lines = result_lines();
  add(lines,
      fmt::format(
          R"({{"recordId":"{}","error":{{"errorCode":408,"errorMessage":"x","expired":true}}}})",
          bedrock::record_id({1})));
  while (*lines.add_absent({"batch_expired", "late", true}, 10)) {
  }
  EXPECT_EQ(lines.failed, 3);
  EXPECT_EQ(lines.unfinished, 3);
  for (const auto& value : parsed(lines.errors)) {
    EXPECT_TRUE(value.at("response").is_null());
    EXPECT_EQ(value.at_pointer("/error/code"), "batch_expired");
  }
}

TEST(ResultLines, AnAnswerThatCannotBeTranslatedIsStillBilled) {
  ResultLines lines = result_lines();
  add(lines,
      fmt::format(
          R"({{"recordId":"{}","modelOutput":{{"content":[{{"type":"text"}}],"stop_reason":"end_turn","usage":{{"input_tokens":3,"output_tokens":2}}}}}})",
          bedrock::record_id({1})));
  EXPECT_EQ(lines.failed, 1);
  EXPECT_EQ(lines.usage.total_tokens(), 5);
}

TEST(ResultLines, AnOutputThatIsNotTheFamilysShapeIsAnErrorOfItsLine) {
  ResultLines lines = result_lines();
  add(lines, fmt::format(R"({{"recordId":"{}","modelOutput":{{"surprise":1}}}})",
                         bedrock::record_id({1})));
  EXPECT_EQ(lines.completed, 0);
  EXPECT_EQ(parsed(lines.errors)[0].at_pointer("/response/status_code"), 502);
}

TEST(LinesOf, AreThoseThatAreWholeWhereverTheRecordsThatAreDoneLie) {
  store::JobRow job;
  job.lines = job.records = 100;
  EXPECT_EQ(lines_of(job, 0), 0);
  EXPECT_EQ(lines_of(job, 37), 37);
  EXPECT_EQ(lines_of(job, 100), 100);
  EXPECT_EQ(lines_of(job, 101), 100) << "AWS may count more than there is";
  job.lines = 4;
  job.records = 200;
  EXPECT_EQ(lines_of(job, 0), 0);
  EXPECT_EQ(lines_of(job, 196), 0) << "one record may be missing in each line";
  EXPECT_EQ(lines_of(job, 198), 2);
  EXPECT_EQ(lines_of(job, 200), 4);
  job.lines = job.records = 0;
  EXPECT_EQ(lines_of(job, 0), 0);
  EXPECT_EQ(lines_of(job, std::optional<std::int64_t>()), std::nullopt);
}

TEST(ResourceNames, AreNotForClients) {
  // AWS's words for a job under the minimum (live message).
  EXPECT_EQ(without_resource_names(
                "Batch job arn:aws:bedrock:us-west-2:123456789012:model-invocation-job/abc "
                "contains less records (2) than the required minimum of: 100"),
            "Batch job <arn> contains less records (2) than the required minimum of: 100");
  EXPECT_EQ(without_resource_names("PutObject s3://bucket/key: AccessDenied"),
            "PutObject <s3 object>: AccessDenied");
  EXPECT_EQ(without_resource_names("nothing to hide"), "nothing to hide");
  EXPECT_EQ(public_words(Error(Errc::upstream, "PutObject s3://b/k: AccessDenied")),
            without_resource_names("PutObject s3://b/k: AccessDenied"));
  EXPECT_FALSE(public_words(Error(Errc::forbidden, "program /opt/x ended with 1: token=abc")
                                .reason("NoCredentials"))
                   .contains("/opt/x"));
}

TEST(ResourceNames, OfARefusedCallOnlyAwssCodeAndWordsAreForClients) {
  EXPECT_EQ(without_resource_names(
                "CreateModelInvocationJob quarry-0123-1000001-1: ValidationException: The role: "
                "arn:aws:iam::123456789012:role/x cannot be assumed (HTTP 400, request id a-b-1)"),
            "ValidationException: The role: <arn> cannot be assumed");
  EXPECT_EQ(without_resource_names("reading part 3: PutObject s3://b/k: AccessDenied (HTTP 403)"),
            "AccessDenied");
  EXPECT_EQ(without_resource_names("GetObject s3://b/k: SlowDown: Please (retry). (HTTP 503)"),
            "SlowDown: Please (retry).");
  // Words of AWS's own, of a job.
  EXPECT_EQ(without_resource_names("Access denied: the role (HTTP 403) is not trusted: see above"),
            "Access denied: the role (HTTP 403) is not trusted: see above");
}

}  // namespace
}  // namespace quarry::batch
