#include "spend/job_cost.h"

#include <gtest/gtest.h>

namespace quarry::spend {
namespace {

// 3.00 and 15.00 USD a million tokens on demand, half of it in batch (data/models.yaml).
const catalog::Model& sonnet() {
  return *catalog::Catalog::built_in().find("us.anthropic.claude-3-5-sonnet-20240620-v1:0");
}

TEST(CostOfJob, IsTheBatchPriceForABedrockJobAndTheOnDemandPriceForADirectOne) {
  const JobUsage usage{.usage = {1000, 0, 0, 100, 0}};
  EXPECT_EQ(cost_of_job(&sonnet(), store::JobKind::bedrock, usage).nano_usd,
            1000 * 1500 + 100 * 7500);
  EXPECT_EQ(cost_of_job(&sonnet(), store::JobKind::direct, usage).nano_usd,
            1000 * 3000 + 100 * 15000);
}

TEST(CostOfJob, IsUnknownAndNotFreeWhereThereIsNoPrice) {
  catalog::Model unpriced = sonnet();
  unpriced.batch_prices.reset();
  const JobUsage one_token_each{.usage = {1, 0, 0, 1, 0}};
  EXPECT_FALSE(cost_of_job(&unpriced, store::JobKind::bedrock, one_token_each).known);
  EXPECT_FALSE(cost_of_job(nullptr, store::JobKind::bedrock, one_token_each).known);
}

TEST(CostOfJob, IsUnknownWhereSomeUsageIs) {
  const JobUsage usage{.usage = {1000, 0, 0, 0, 0}, .known = false};
  const Cost cost = cost_of_job(&sonnet(), store::JobKind::bedrock, usage);
  EXPECT_FALSE(cost.known);
  EXPECT_EQ(cost.nano_usd, 1000 * 1500);
}

TEST(UsageOfJob, IsWhatTheAnswersSayWhereAllDo) {
  const openai::Usage said{100, 10, 5, 20, 7};
  for (const std::optional<Counted>& counted :
       {std::optional<Counted>(), std::optional(Counted{85, 20, 10, 5}),
        std::optional(Counted{})}) {
    const JobUsage used = usage_of_job(said, 0, counted);
    EXPECT_EQ(used.usage, said);
    EXPECT_TRUE(used.known);
    EXPECT_FALSE(used.from_manifest);
    EXPECT_FALSE(used.differs);
  }
}

TEST(UsageOfJob, StaysTheAnswersWhereAWSCountedOtherwiseButSaysSo) {
  const openai::Usage said{100, 0, 0, 20, 0};
  for (const Counted& counted : {Counted{101, 20, {}, {}}, Counted{100, 19, {}, {}}}) {
    const JobUsage used = usage_of_job(said, 0, counted);
    EXPECT_EQ(used.usage, said);
    EXPECT_TRUE(used.differs);
  }
}

TEST(UsageOfJob, OfSilentAnswersIsWhatAWSCountedBeyondTheOthers) {
  const JobUsage used = usage_of_job({100, 0, 0, 20, 3}, 2, Counted{160, 50, 10, 4});
  EXPECT_EQ(used.usage, (openai::Usage{174, 10, 4, 50, 3}));
  EXPECT_TRUE(used.from_manifest);
  EXPECT_TRUE(used.known);
  EXPECT_FALSE(used.differs);
}

TEST(UsageOfJob, IsNeverLessThanTheAnswersSay) {
  const JobUsage used = usage_of_job({100, 0, 0, 20, 0}, 1, Counted{40, 5, {}, {}});
  EXPECT_EQ(used.usage, (openai::Usage{100, 0, 0, 20, 0}));
}

TEST(UsageOfJob, OfEmbeddingsNeedsNoCountOfOutput) {
  const JobUsage used = usage_of_job({}, 3, Counted{40, {}, {}, {}});
  EXPECT_EQ(used.usage.input_tokens, 40);
  EXPECT_TRUE(used.known);
}

TEST(UsageOfJob, IsUnknownAndNotNothingWhereNobodySaysIt) {
  EXPECT_FALSE(usage_of_job({}, 1, std::nullopt).known);
  EXPECT_FALSE(usage_of_job({}, 1, Counted{{}, 5, {}, {}}).known);
}

}  // namespace
}  // namespace quarry::spend
