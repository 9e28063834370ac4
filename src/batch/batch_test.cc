// The pure half of a batch's life: names, the sidecar, results joined with their lines, lines cut
// into jobs.
#include "base/bytes.h"
#include "batch/custom_ids.h"
#include "batch/names.h"
#include "batch/resource_names.h"
#include "batch/result_lines.h"
#include "batch/staging.h"

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
  EXPECT_TRUE(std::regex_match("s3://bucket/quarry/" + input_object(kBatch, 1), uri_pattern));
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
  append_custom_id(sidecar, 1, R"("a")");
  append_custom_id(sidecar, 4, R"("b \" ü")");
  append_custom_id(sidecar, 9, R"("c")");
  return *CustomIds::parse(std::move(sidecar));
}

TEST(CustomIdsSidecar, FindsARecordByItsLine) {
  const CustomIds ids = three_ids();
  EXPECT_EQ(ids.size(), 3u);
  ASSERT_EQ(ids.find(4), 1u);
  EXPECT_EQ(ids.custom_id_json(1), R"("b \" ü")");
  EXPECT_EQ(ids.find(5), std::nullopt);
}

TEST(CustomIdsSidecar, RefusesWhatIsCutOffOrOutOfOrder) {
  for (const char* broken : {"1 \"a\"", "x \"a\"\n", "2 \"a\"\n1 \"b\"\n", "1\n"}) {
    EXPECT_FALSE(CustomIds::parse(broken)) << broken;
  }
}

std::string row(int line, std::string_view text) {
  return fmt::format(
      R"({{"modelInput":{{}},"modelOutput":{{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{{"type":"text","text":"{}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":3,"output_tokens":2}}}},"recordId":"{}"}})",
      text, bedrock::record_id(static_cast<std::uint64_t>(line)));
}

ResultLines result_lines() {
  ResultSettings settings;
  settings.batch_id = kBatch;
  settings.model_name = "public";
  return ResultLines(std::move(settings), three_ids());
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
  lines.add_row(row(9, "nine"));
  lines.add_row(row(1, "one"));
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
  lines.add_row(row(4, "four"));
  lines.add_row(row(4, "again"));   // repeated: the first wins
  lines.add_row(row(77, "whose"));  // unknown
  lines.add_row("{\"recordId\":");  // unreadable
  lines.add_row(
      fmt::format(R"({{"recordId":"{}","error":{{"errorCode":400,"errorMessage":"bad"}}}})",
                  bedrock::record_id(1)));
  while (lines.add_absent({"result_missing", "gone", false}, 1)) {
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
  lines.add_row(fmt::format(
      R"({{"recordId":"{}","error":{{"errorCode":400,"errorMessage":"bad \"x\"","expired":false,"retryable":false}}}})",
      bedrock::record_id(1)));
  const auto errors = parsed(lines.errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].at("error").is_null());
  EXPECT_EQ(errors[0].at_pointer("/response/status_code"), 400);
  EXPECT_EQ(errors[0].at_pointer("/response/body/error/message"), "bad \"x\"");
  EXPECT_EQ(errors[0].at_pointer("/response/body/error/type"), "invalid_request_error");
}

TEST(ResultLines, WhatWasNotRunInTimeIsNotCountedAsFailed) {
  ResultLines lines = result_lines();
  lines.add_row(fmt::format(
      R"({{"recordId":"{}","error":{{"errorCode":408,"errorMessage":"x","expired":true}}}})",
      bedrock::record_id(1)));
  while (lines.add_absent({"batch_expired", "late", true}, 10)) {
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
  lines.add_row(fmt::format(
      R"({{"recordId":"{}","modelOutput":{{"content":[{{"type":"text"}}],"stop_reason":"end_turn","usage":{{"input_tokens":3,"output_tokens":2}}}}}})",
      bedrock::record_id(1)));
  EXPECT_EQ(lines.failed, 1);
  EXPECT_EQ(lines.usage.total_tokens(), 5);
}

TEST(ResultLines, AnOutputThatIsNotTheFamilysShapeIsAnErrorOfItsLine) {
  ResultLines lines = result_lines();
  lines.add_row(
      fmt::format(R"({{"recordId":"{}","modelOutput":{{"surprise":1}}}})", bedrock::record_id(1)));
  EXPECT_EQ(lines.completed, 0);
  EXPECT_EQ(parsed(lines.errors)[0].at_pointer("/response/status_code"), 502);
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
}

class Staging : public ::testing::Test {
 protected:
  Staging() {
    group_.records_per_job_max = 2;
    group_.model_name = "m";
    group_.deployment = &deployment_;
    group_.model = catalog::Catalog::built_in().find("anthropic.claude-3-haiku-20240307-v1:0");
  }
  static std::string line(int i, std::string_view model = "m", std::string_view extra = "") {
    return fmt::format(
        R"({{"custom_id":"id-{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}","messages":[{{"role":"user","content":"hi"}}]{}}}}})"
        "\n",
        i, model, extra);
  }
  // Runs the whole text through; gives the record counts of the jobs.
  std::vector<std::uint64_t> stage(const std::string& text, std::string override_model = "") {
    stager_ =
        std::make_unique<Stager>(StageSettings{kBatch, false, openai::Endpoint::chat_completions,
                                               1 << 20, std::move(override_model)},
                                 Stager::Groups{{"m", &group_}});
    std::vector<std::uint64_t> jobs;
    const auto drain = [&] {
      while (stager_->advance()) {
        group_.records.clear();
        if (group_.full) {
          jobs.push_back(group_.record_count);
          group_.begin_job();
        }
      }
    };
    stager_->feed(as_bytes(text));
    drain();
    stager_->end();
    drain();
    if (group_.record_count > 0) jobs.push_back(group_.record_count);
    return jobs;
  }

  aws::Deployment deployment_;
  GroupStage group_;
  std::unique_ptr<Stager> stager_;
};

TEST_F(Staging, CutsJobsAtTheRecordLimitAndLosesNoLine) {
  std::string text;
  for (int i = 1; i <= 5; ++i) text += line(i);
  EXPECT_EQ(stage(text), (std::vector<std::uint64_t>{2, 2, 1}));
  EXPECT_EQ(stager_->line_count, 5);
  EXPECT_EQ(group_.custom_ids, "5 \"id-5\"\n");
}

TEST(EvenCut, LeavesNoSmallRest) {
  EXPECT_EQ(even_cut(50'050, 50'000), 25'025u);
  EXPECT_EQ(even_cut(50'000, 50'000), 50'000u);
  EXPECT_EQ(even_cut(7, 50'000), 50'000u);
  EXPECT_EQ(even_cut(100'001, 50'000), 33'334u);
}

TEST_F(Staging, CutsJobsAtTheByteLimit) {
  group_.records_per_job_max = 1000;
  deployment_.settings.max_job_bytes = 10;  // one record is always allowed
  EXPECT_EQ(stage(line(1) + line(2) + line(3)), (std::vector<std::uint64_t>{1, 1, 1}));
}

TEST_F(Staging, TheLastLineNeedsNoLineEnd) {
  std::string text = line(1) + line(2);
  text.pop_back();
  EXPECT_EQ(stage(text), std::vector<std::uint64_t>{2});
}

TEST_F(Staging, ALineThatNoModelTakesGoesToTheErrorFileAndTheRestRuns) {
  EXPECT_EQ(stage(line(1, "m", R"(,"max_tokens":20000)") + line(2)), std::vector<std::uint64_t>{1});
  EXPECT_EQ(stager_->refused_count, 1);
  const auto refused = parsed(stager_->refused);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].at("custom_id"), "id-1");
  EXPECT_EQ(refused[0].at_pointer("/response/body/error/param"), "body.max_tokens");
}

TEST_F(Staging, LinesOfOtherModelsAreLeftForTheirOwnPass) {
  EXPECT_EQ(stage(line(1, "other") + line(2)), std::vector<std::uint64_t>{1});
  EXPECT_EQ(stager_->line_count, 1);
}

TEST_F(Staging, OneTargetModelOverridesWhatLinesSay) {
  EXPECT_EQ(stage(line(1, "other") + line(2), "m"), std::vector<std::uint64_t>{2});
}

}  // namespace
}  // namespace quarry::batch
