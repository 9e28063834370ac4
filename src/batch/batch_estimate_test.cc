// What a batch reserves: by the scan of its file, the rule of thumb of token_estimate.h and the
// catalog's prices of Claude 3.5 Sonnet (3.00 and 15.00 USD a million tokens on demand, half of it
// in batch).
#include "batch/batch_estimate.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace quarry::batch {
namespace {

using openai::Endpoint;
using openai::RequestSize;

constexpr const char* kSonnet = "us.anthropic.claude-3-5-sonnet-20240620-v1:0";
constexpr const char* kTitan = "amazon.titan-embed-text-v2:0";

class BatchEstimate : public ::testing::Test {
 protected:
  config::DeploymentSettings& add(std::string name, std::string model_id) {
    config::DeploymentSettings settings;
    settings.id = fmt_id();
    settings.model_name = std::move(name);
    settings.model_id = std::move(model_id);
    settings.bedrock_region = "us-west-2";
    settings_.push_back(std::move(settings));
    return settings_.back();
  }
  std::vector<access::ModelEstimate> estimate(const files::Scan& scan,
                                              Endpoint endpoint = Endpoint::chat_completions,
                                              std::vector<std::string> targets = {},
                                              std::int64_t file_bytes = 0) const {
    std::vector<aws::DeploymentPtr> made;
    for (const auto& settings : settings_) {
      auto deployment = std::make_shared<aws::Deployment>();
      deployment->settings = settings;
      made.push_back(std::move(deployment));
    }
    auto models = DeploymentModels::make(catalog::Catalog::built_in(), settings_);
    if (!models) throw std::runtime_error(models.error().front().message);
    return estimate_batch({scan, file_bytes, std::move(targets), endpoint},
                          aws::DeploymentSet(std::move(made)), *models);
  }
  // largest: of one line; none: the file was scanned by a version that did not look.
  static files::Scan scan(const std::string& model,
                          std::uint64_t lines,
                          RequestSize size,
                          std::optional<RequestSize> largest = {}) {
    files::Scan scan;
    if (largest) scan.largest[model] = *largest;
    scan.lines = lines;
    scan.models[model] = lines;
    scan.sizes.emplace()[model] = size;
    return scan;
  }

 private:
  std::string fmt_id() const { return "d" + std::to_string(settings_.size()); }
  std::vector<config::DeploymentSettings> settings_;
};

TEST_F(BatchEstimate, OfWhatRunsAsJobsOnlyIsAtTheBatchPriceWithAllOfItsOutput) {
  add("m", kSonnet).small_batch = config::SmallBatch::reject;
  const auto found = estimate(
      scan("m", 200,
           {.text_bytes = 7'000, .messages = 200, .answers = 200, .output_tokens_max = 5'000}));
  ASSERT_EQ(found.size(), 1u);
  const std::int64_t input = 7'000 * 10 / 35 + 200 * 5;
  EXPECT_EQ(found[0].tokens, input + 5'000);
  EXPECT_EQ(found[0].nano_usd, input * 1'500 + 5'000 * 7'500);
}

// Of 1,000 lines with 100 tokens in and 10 out; the largest has 200 and 20.
constexpr RequestSize kAll{.text_bytes = 33'250,
                           .token_ids = 85'500,
                           .messages = 1'000,
                           .answers = 1'000,
                           .output_tokens_max = 10'000,
                           .body_bytes = 100'000};
constexpr RequestSize kLargest{
    .token_ids = 195, .messages = 1, .answers = 1, .output_tokens_max = 20, .body_bytes = 1'000};
constexpr std::int64_t kAllAsJobs = 100'000 * 1'500 + 10'000 * 7'500;
constexpr std::int64_t kMoreOnDemand = 200 * 1'500 + 20 * 7'500;  // of the largest

TEST_F(BatchEstimate, TakesItThatOneJobLessALineRunsOnDemand) {
  add("m", kSonnet);
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd,
            kAllAsJobs + 99 * kMoreOnDemand);
}

TEST_F(BatchEstimate, ABatchThatRefusedLinesMayLeaveTooSmallIsAtTheOnDemandPrice) {
  add("m", kSonnet);
  const RequestSize one{.messages = 1, .answers = 1, .output_tokens_max = 10};
  const RequestSize hundred{.messages = 100, .answers = 100, .output_tokens_max = 1'000};
  EXPECT_EQ(estimate(scan("m", 100, hundred, one))[0].nano_usd,
            99 * (5 * 3'000 + 10 * 15'000) + (5 * 1'500 + 10 * 7'500));
}

TEST_F(BatchEstimate, FewerRecordsThanAwsTakesMayRunOnDemandThoughTheConfigSaysLess) {
  add("m", kSonnet).min_records_per_job = 1;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd,
            kAllAsJobs + 99 * kMoreOnDemand);
}

TEST_F(BatchEstimate, WhereBytesOrPartsCutJobsShortAllIsAtTheOnDemandPrice) {
  config::DeploymentSettings& settings = add("m", kSonnet);
  RequestSize large = kLargest, all = kAll;
  large.body_bytes = 10'000'000;
  EXPECT_EQ(estimate(scan("m", 1'000, all, large))[0].nano_usd, kAllAsJobs + 99 * kMoreOnDemand)
      << "they all fit in one job";
  all.body_bytes = 1'000'000'000;
  EXPECT_EQ(estimate(scan("m", 1'000, all, large))[0].nano_usd, 2 * kAllAsJobs);
  settings.max_records_per_job = 300;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd,
            kAllAsJobs + 99 * kMoreOnDemand);
  RequestSize many = kLargest;
  many.answers = 201;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, many))[0].nano_usd, 2 * kAllAsJobs);
  settings.max_records_per_job = 199;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd, 2 * kAllAsJobs);
}

TEST_F(BatchEstimate, OfAFileWhoseLargestLineIsNotKnownIsAtTheOnDemandPrice) {
  add("m", kSonnet);
  EXPECT_EQ(estimate(scan("m", 1'000, kAll))[0].nano_usd, 2 * kAllAsJobs);
}

TEST_F(BatchEstimate, NeedsEveryPriceThatItsLinesMayBeBilledBy) {
  config::DeploymentSettings& own =
      add("m", "arn:aws:bedrock:us-west-2:123456789012:custom-model/x");
  own.model.family = "anthropic";
  own.model.batch_input_pico_usd = own.model.batch_output_pico_usd = 1'000'000;
  own.batch = true;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd, std::nullopt)
      << "the last job may run on demand";
  own.small_batch = config::SmallBatch::reject;
  EXPECT_EQ(estimate(scan("m", 1'000, kAll, kLargest))[0].nano_usd, 110'000 * 1'000);
}

TEST_F(BatchEstimate, Nova2HasNoLimitAtHighEffort) {
  add("nova", "us.amazon.nova-2-lite-v1:0").model.max_output_tokens = 1'000;
  add("m", kSonnet);
  const RequestSize size{
      .messages = 3, .answers = 3, .output_tokens_max = 3, .high_effort_answers = 2};
  EXPECT_EQ(estimate(scan("nova", 200, size))[0].tokens, 3 * 5 + 3 + 2'000);
  EXPECT_EQ(estimate(scan("m", 200, size))[0].tokens, 3 * 5 + 3);
}

TEST_F(BatchEstimate, NamesOfOneModelAreOneWithOneLimit) {
  config::DeploymentSettings& settings = add("claude-*", kSonnet);
  settings.wildcard = true;
  settings.limits.open_batches = 3;
  files::Scan both = scan("claude-a", 1, {.token_ids = 10});
  both.models["claude-b"] = 2;
  both.sizes->emplace("claude-b", RequestSize{.token_ids = 20});
  both.lines = 3;
  const auto found = estimate(both);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].model, "claude-*");
  EXPECT_EQ(found[0].tokens, 30);
  EXPECT_EQ(found[0].nano_usd, 30 * 3'000);
  EXPECT_EQ(found[0].limits.open_batches, 3);
}

TEST_F(BatchEstimate, TakesTheDearestWayThatTheLinesMayRun) {
  add("m", kSonnet);
  add("m", kSonnet).model.batch_input_pico_usd = 9'000'000;
  const RequestSize size{.text_bytes = 3'500, .messages = 0, .output_tokens_max = 0};
  EXPECT_EQ(estimate(scan("m", 200, size))[0].nano_usd, 1'000 * 9'000);
}

TEST_F(BatchEstimate, OfALineWithoutALimitIsTheModelsOwn) {
  add("m", kSonnet).model.max_output_tokens = 1'000;
  EXPECT_EQ(
      estimate(scan("m", 200, {.answers = 3, .output_tokens_max = 7, .unlimited_answers = 2}))[0]
          .tokens,
      3 * 5 + 7 + 2'000);
}

TEST_F(BatchEstimate, OfALimitBeyondTheModelsOwnIsTheModelsOwn) {
  add("m", kSonnet).model.max_output_tokens = 1'000;
  const auto output_of = [&](RequestSize size) {
    return estimate(scan("m", 200, size))[0].tokens - size.answers * 5;
  };
  const std::int64_t huge = std::int64_t{1} << 62;
  EXPECT_EQ(output_of({.answers = 3, .output_tokens_max = huge}), 3'000);
  EXPECT_EQ(output_of({.answers = 3, .output_tokens_max = 2'999}), 2'999);
  EXPECT_EQ(output_of({.answers = 3, .output_tokens_max = huge, .unlimited_answers = 1}), 3'000);
}

TEST_F(BatchEstimate, OfEmbeddingsHasNoOutputAndCountsTokensAsTheyAre) {
  add("e", kTitan);
  const auto found =
      estimate(scan("e", 200,
                    {.text_bytes = 470, .token_ids = 30, .answers = 200, .unlimited_answers = 200}),
               Endpoint::embeddings);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].tokens, 130);
}

TEST_F(BatchEstimate, WithATargetModelCountsAllLinesForIt) {
  add("m", kSonnet);
  files::Scan both = scan("x", 150, {.text_bytes = 350});
  both.sizes->emplace("", RequestSize{.text_bytes = 350});
  both.lines = 200;
  const auto found = estimate(both, Endpoint::chat_completions, {"m"});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].model, "m");
  EXPECT_EQ(found[0].tokens, 200);
}

TEST_F(BatchEstimate, OfAFileWhoseSizesNobodyLookedAtIsByItsBytes) {
  add("m", kSonnet).model.max_output_tokens = 100;
  files::Scan old = scan("m", 50, {});
  old.sizes.reset();
  old.lines = 100;
  EXPECT_EQ(estimate(old, Endpoint::chat_completions, {}, 70'000)[0].tokens,
            10'000 + 50 * 5 + 50 * 100);
}

TEST_F(BatchEstimate, SaysWhatHasNoPriceAndLeavesOutWhatNobodyHas) {
  config::DeploymentSettings& unknown =
      add("m", "arn:aws:bedrock:us-west-2:123456789012:custom-model/x");
  unknown.model.family = "anthropic";
  EXPECT_EQ(estimate(scan("m", 200, {}))[0].nano_usd, std::nullopt);
  EXPECT_TRUE(estimate(scan("other", 200, {})).empty());
}

TEST_F(BatchEstimate, HasTheLimitsThatAnyEntryOfTheModelGives) {
  add("m", kSonnet);
  add("m", kSonnet).limits.open_batches = 3;
  EXPECT_EQ(estimate(scan("m", 200, {}))[0].limits.open_batches, 3);
}

}  // namespace
}  // namespace quarry::batch
