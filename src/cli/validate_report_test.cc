// What `quarry validate` prints.
#include "cli/validate_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using openai::DryRun;
using openai::DryRunFinding;
using testing::HasSubstr;
using testing::Not;

DryRun one_job() {
  DryRun run;
  run.endpoint = "/v1/chat/completions";
  run.bytes = 45'678;
  run.lines = 1'200;
  run.models = {{"m", 1'200, 3, true}};
  openai::DryRunJob job;
  job.model = "m";
  job.model_id = "us.vendor.model-v1:0";
  job.region = "us-west-2";
  job.bucket = "my-bucket";
  job.records = 1'197;
  job.bytes = 50'000;
  job.estimate = {12'000, 120'000, 1'500'000, 10'500'000, 21'000'000};
  run.estimate = job.estimate;
  run.jobs = {job};
  return run;
}

TEST(ValidateReport, AFindingIsItsLineCodeParameterAndMessage) {
  EXPECT_EQ(render_finding({12, "a", "invalid_value", "must be at most 1", "body.temperature"}),
            "line 12: invalid_value body.temperature: must be at most 1\n");
  EXPECT_EQ(render_finding({3, "", "invalid_json_line", "is not JSON", ""}),
            "line 3: invalid_json_line: is not JSON\n");
  EXPECT_EQ(render_finding({{}, "", "empty_file", "The input file is empty.", ""}),
            "batch: empty_file: The input file is empty.\n");
}

TEST(ValidateReport, TheParameterIsSaidOnce) {
  EXPECT_EQ(render_finding({1, "a", "invalid_value", "body.stop: must not be empty", "body.stop"}),
            "line 1: invalid_value body.stop: must not be empty\n");
}

TEST(ValidateReport, AFindingIsOneLineOfPrintableText) {
  EXPECT_EQ(render_finding({1, "", "c", "no '\x1b[2J\n'", "body.\r"}),
            "line 1: c body.\\x0d: no '\\x1b[2J\\x0a'\n");
}

TEST(ValidateReport, ShowsWhereAJobRunsAndWhatItCosts) {
  const std::string text = render_validation(one_job(), "in.jsonl");
  for (const char* part :
       {"in.jsonl: 1,200 lines, 45.7 kB, for /v1/chat/completions\n", "us.vendor.model-v1:0",
        "us-west-2", "my-bucket", "1,197", "as a job", "about 12,000 input tokens",
        "at most 120,000 output tokens", "$0.0015 for the input", "at most $0.0105 with the output",
        "all on demand: at most $0.021\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("without")));
}

TEST(ValidateReport, SaysWhatTheEstimateLeavesOut) {
  DryRun run = one_job();
  run.unpriced = {"a", "b"};
  run.unbounded = {"c"};
  run.estimate.cost_nano_usd = std::nullopt;
  run.jobs.front().estimate.output_tokens_max = std::nullopt;
  const std::string text = render_validation(run, "in.jsonl");
  for (const char* part :
       {"without a, b, whose price is not known", "no limit",
        "without the output of c, which nothing limits", "at most not known with the output"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ValidateReport, AsManyJobsAsFitTheEyeAreShown) {
  DryRun run = one_job();
  run.jobs.assign(70, run.jobs.front());
  const std::string text = render_validation(run, "in.jsonl");
  EXPECT_THAT(text, HasSubstr("\n50 "));
  EXPECT_THAT(text, Not(HasSubstr("\n51 ")));
  EXPECT_THAT(text, HasSubstr("and 20 more"));
}

TEST(ValidateReport, TheVerdictCounts) {
  DryRun run = one_job();
  EXPECT_EQ(render_verdict(run, 0), "nothing is wrong with 1,200 lines\n");
  run.error_count = 1;
  EXPECT_EQ(render_verdict(run, 1), "1 error fails the batch; 1,199 of 1,200 lines are fine\n");
  run.refusal_count = 2;
  run.error_count = 0;
  EXPECT_EQ(render_verdict(run, 2),
            "2 lines would end in the error file; 1,198 of 1,200 lines are fine\n");
}

TEST(ValidateReport, HintsAtAConfigurationOnlyWhereModelsAreNotKnown) {
  DryRun run = one_job();
  EXPECT_EQ(unknown_models_hint(run, false), "");
  run.models.push_back({"mine", 1, 0, false});
  EXPECT_THAT(unknown_models_hint(run, false), HasSubstr("not known by name: mine"));
  EXPECT_EQ(unknown_models_hint(run, true), "");
  run.models.erase(run.models.begin());
  EXPECT_THAT(unknown_models_hint(run, false), HasSubstr("none of these models is known"));
}

}  // namespace
}  // namespace quarry::cli
