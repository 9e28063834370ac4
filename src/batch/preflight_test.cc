// What would become of a file: the jobs, where, at what cost, and every line that is at fault.
#include "batch/preflight.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <tuple>

namespace quarry::batch {
namespace {

using openai::DryRun;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kHaiku = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr std::size_t kLineBytesMax = 4'000;

class PreflightTest : public testing::Test {
 protected:
  config::DeploymentSettings& add(std::string id,
                                  std::string model_name = "m",
                                  std::string model_id = kHaiku) {
    config::DeploymentSettings settings;
    settings.id = std::move(id);
    settings.model_name = std::move(model_name);
    settings.model_id = std::move(model_id);
    settings.bedrock_region = "us-west-2";
    settings.bucket = "bucket";
    deployments_.push_back(std::move(settings));
    return deployments_.back();
  }
  static std::string line(int i, std::string_view model = "m", std::string_view extra = "") {
    return fmt::format(
        R"({{"custom_id":"id-{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}","messages":[{{"role":"user","content":"hi"}}]{}}}}})"
        "\n",
        i, model, extra);
  }
  static std::string lines(int count, std::string_view model = "m") {
    std::string text;
    for (int i = 0; i < count; ++i) text += line(i, model);
    return text;
  }
  DryRun run(const std::string& text, std::size_t window = 1'000'000) {
    files::Scanner scanner(kLineBytesMax);
    scanner.feed(std::as_bytes(std::span(text)));
    scan_ = scanner.finish();
    std::vector<aws::DeploymentPtr> all;
    for (const auto& settings : deployments_) {
      auto deployment = std::make_shared<aws::Deployment>();
      deployment->settings = settings;
      all.push_back(std::move(deployment));
    }
    const aws::DeploymentSet set(std::move(all));
    auto models = DeploymentModels::make(catalog::Catalog::built_in(), deployments_);
    if (!models) throw std::runtime_error(models.error().front().message);
    settings_.line_bytes_max = kLineBytesMax;
    Preflight preflight(settings_, scan_, set, *models);
    for (std::size_t at = 0; at < text.size(); at += window) {
      preflight.feed(
          std::as_bytes(std::span(text)).subspan(at, std::min(window, text.size() - at)));
    }
    preflight.end();
    return preflight.report();
  }
  using Said = std::tuple<std::int64_t, std::string, std::string>;
  static std::vector<Said> said(const std::vector<openai::DryRunFinding>& findings) {
    std::vector<Said> all;
    for (const auto& finding : findings) {
      all.emplace_back(finding.line.value_or(0), finding.code, finding.param);
    }
    return all;
  }

  std::vector<config::DeploymentSettings> deployments_;
  PreflightSettings settings_;
  files::Scan scan_;
};

TEST_F(PreflightTest, AGoodFileIsItsJobsAndWhatTheyCost) {
  add("dep");
  const DryRun run = this->run(lines(100));
  EXPECT_FALSE(run.would_fail());
  EXPECT_EQ(run.lines, 100);
  ASSERT_EQ(run.jobs.size(), 1u);
  const openai::DryRunJob& job = run.jobs.front();
  EXPECT_EQ(std::tie(job.model, job.deployment, job.model_id, job.region, job.bucket),
            std::tuple("m", "dep", kHaiku, "us-west-2", "bucket"));
  EXPECT_FALSE(job.on_demand);
  EXPECT_EQ(job.records, 100);
  EXPECT_GT(job.bytes, 100 * 50);
  // Claude 3 Haiku: 0.25 and 1.25 dollars a million on demand, half of that as a batch.
  const double tokens = static_cast<double>(job.estimate.input_tokens);
  const double output = static_cast<double>(job.estimate.output_tokens_max.value());
  EXPECT_EQ(output, 100 * 4096);
  EXPECT_NEAR(static_cast<double>(job.estimate.cost_nano_usd.value()), tokens * 125 + output * 625,
              1);
  EXPECT_NEAR(static_cast<double>(job.estimate.on_demand_cost_nano_usd.value()),
              tokens * 250 + output * 1250, 1);
  EXPECT_NEAR(static_cast<double>(job.estimate.input_cost_nano_usd.value()), tokens * 125, 1);
  EXPECT_EQ(run.estimate.cost_nano_usd, job.estimate.cost_nano_usd);
}

TEST_F(PreflightTest, TooFewForAJobRunOnDemandAtThatPrice) {
  add("dep");
  const DryRun run = this->run(lines(99));
  ASSERT_EQ(run.jobs.size(), 1u);
  EXPECT_TRUE(run.jobs.front().on_demand);
  EXPECT_EQ(run.estimate.cost_nano_usd, run.estimate.on_demand_cost_nano_usd);
}

TEST_F(PreflightTest, TooFewForAJobFailWhereTheConfigurationSaysSo) {
  add("dep").small_batch = config::SmallBatch::reject;
  const DryRun run = this->run(lines(99));
  EXPECT_THAT(run.jobs, IsEmpty());
  EXPECT_THAT(said(run.errors), ElementsAre(Said(0, "batch_below_minimum_records", "")));
}

TEST_F(PreflightTest, JobsAreCutEvenlyAndSpreadByWeight) {
  add("light").max_records_per_job = 100;
  auto& heavy = add("heavy");
  heavy.max_records_per_job = 100;
  heavy.weight = 3;
  for (const std::size_t window : {std::size_t{1'000'000}, std::size_t{97}}) {
    const DryRun run = this->run(lines(400), window);
    std::map<std::string, std::int64_t> records;
    for (const auto& job : run.jobs) records[job.deployment] += job.records;
    EXPECT_EQ(records["light"], 100);
    EXPECT_EQ(records["heavy"], 300);
  }
}

TEST_F(PreflightTest, EachModelsLinesAreItsOwnJobs) {
  add("a", "one");
  add("b", "two");
  const DryRun run = this->run(lines(3, "one") + line(7, "two") + line(8, "two", R"(,"n":2)"));
  ASSERT_EQ(run.jobs.size(), 2u);
  EXPECT_EQ(run.jobs[0].lines, 3);
  EXPECT_EQ(run.jobs[1].lines, 1);
  ASSERT_EQ(run.models.size(), 2u);
  EXPECT_EQ(run.models[1].lines, 2);
  EXPECT_EQ(run.models[1].refused, 1);
  EXPECT_EQ(run.refused, 1);
}

TEST_F(PreflightTest, EachLayersFaultsComeInTheOrderOfLines) {
  add("dep");
  const std::string text =
      line(1) + "nonsense\n" + line(2, "m", R"(,"n":2)") + line(1) +
      line(3, "m", R"(,"stream":true)") + line(4, "other") +
      R"({"custom_id":"id-5","method":"POST","url":"/v1/embeddings","body":{"model":"m"}})"
      "\n" +
      R"({"custom_id":"id-6","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}})"
      "\n" +
      line(7, "m", fmt::format(R"(,"x":"{}")", std::string(5'000, 'a'))) +
      line(1, "m", R"(,"temperature":7)");
  for (const std::size_t window : {std::size_t{1'000'000}, std::size_t{61}}) {
    const DryRun run = this->run(text, window);
    EXPECT_TRUE(run.would_fail());
    EXPECT_THAT(
        said(run.errors),
        ElementsAre(Said(2, "invalid_json_line", ""), Said(4, "duplicate_custom_id", "custom_id"),
                    Said(5, "streaming_unsupported", "body.stream"),
                    Said(6, "model_not_found", "body.model"), Said(7, "invalid_url", "url"),
                    Said(8, "invalid_request", "body.messages"), Said(9, "invalid_request", ""),
                    Said(10, "duplicate_custom_id", "custom_id")));
    ASSERT_EQ(run.refusals.size(), 2u);
    EXPECT_EQ(run.refusals[0].line, 3);
    EXPECT_EQ(run.refusals[0].custom_id, "id-2");
    EXPECT_EQ(run.refusals[0].param, "body.n");
    EXPECT_EQ(run.refusals[1].line, 10);
    EXPECT_EQ(run.refusals[1].param, "body.temperature");
  }
}

// What an upload's scan says of a file is said here, in its words, and beyond the hundred it keeps.
TEST_F(PreflightTest, SaysWhatTheScanSays) {
  add("dep");
  const std::string text =
      "[]\n{}\n" + line(1) + line(1) + "\xff\n" + line(2, "m", R"(,"stream":true)") + line(2) +
      fmt::format(
          R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m","messages":[]}}}})"
          "\n",
          std::string(600, 'i')) +
      line(3, std::string(600, 'm')) + std::string(kLineBytesMax + 1, 'x') + "\n" +
      std::string(kLineBytesMax + 1, ' ') + "\n";
  const DryRun run = this->run(text);
  ASSERT_GE(scan_.error_count, 8u);
  for (const openai::BatchError& expected : scan_.errors) {
    EXPECT_THAT(run.errors,
                testing::Contains(testing::Truly([&](const openai::DryRunFinding& finding) {
                  return finding.line == expected.line && finding.code == expected.code &&
                         finding.message == expected.message && finding.param == expected.param;
                })))
        << *expected.line << " " << expected.message;
  }
  std::string broken;
  for (int i = 0; i < 250; ++i) broken += "{\n";
  EXPECT_EQ(this->run(broken).errors.size(), 250u);
}

TEST_F(PreflightTest, KeepsSoManyFindingsAndCountsTheRest) {
  add("dep");
  settings_.findings_max = 5;
  std::string text;
  for (int i = 0; i < 8; ++i) text += line(i, "m", R"(,"n":2)") + "nonsense\n";
  const DryRun run = this->run(text);
  EXPECT_EQ(run.errors.size(), 5u);
  EXPECT_EQ(run.error_count, 8);
  EXPECT_EQ(run.refusals.size(), 5u);
  EXPECT_EQ(run.refusal_count, 8);
  EXPECT_EQ(run.refused, 8);
}

TEST_F(PreflightTest, AModelForAllLinesOverridesTheirs) {
  add("dep");
  settings_.target_models = {"m"};
  const DryRun run = this->run(lines(2, "whatever"));
  EXPECT_FALSE(run.would_fail());
  ASSERT_EQ(run.jobs.size(), 1u);
  EXPECT_EQ(run.jobs.front().lines, 2);
}

TEST_F(PreflightTest, OfAModelThatOnlyStandsForOneTheFormIsChecked) {
  add("dep").model.family = "openai_shaped";
  settings_.form_only = {"m"};
  const DryRun run = this->run(line(1) + line(2, "m", R"(,"logprobs":true)") +
                               line(3, "m", R"(,"tools":[{"type":"function","function":{}}])"));
  EXPECT_THAT(run.jobs, IsEmpty());
  ASSERT_EQ(run.refusals.size(), 1u);
  EXPECT_EQ(run.refusals.front().line, 3);
  ASSERT_EQ(run.models.size(), 1u);
  EXPECT_FALSE(run.models.front().known);
}

TEST_F(PreflightTest, AModelWithoutAPriceIsNamedAndNotCounted) {
  add("a", "priced");
  add("b", "free", "vendor.unheard-of-v1:0").model.family = "mistral";
  const DryRun run = this->run(lines(1, "priced") + line(9, "free", R"(,"max_tokens":10)"));
  EXPECT_THAT(run.unpriced, ElementsAre("free"));
  ASSERT_EQ(run.jobs.size(), 2u);
  EXPECT_EQ(run.jobs[0].model, "free");
  EXPECT_EQ(run.jobs[0].estimate.cost_nano_usd, std::nullopt);
  EXPECT_EQ(run.estimate.cost_nano_usd, run.jobs[1].estimate.cost_nano_usd);
}

TEST_F(PreflightTest, AnEmptyFileFails) {
  add("dep");
  EXPECT_THAT(said(this->run("\n\n").errors), ElementsAre(Said(0, "empty_file", "")));
}

}  // namespace
}  // namespace quarry::batch
