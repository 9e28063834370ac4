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

TEST(CostOfJob, OfWhatUsedNothingIsNothingAndKnown) {
  EXPECT_TRUE(cost_of_job(nullptr, store::JobKind::bedrock, {}).known);
  EXPECT_FALSE(cost_of_job(nullptr, store::JobKind::bedrock, {.known = false}).known);
}

TEST(BillOfJob, SplitsTheCostToTheLastNanoDollar) {
  catalog::Model model = sonnet();
  model.batch_prices = catalog::Prices{1'333, 777, 400, 1'999};
  for (std::int64_t tokens = 0; tokens < 500; ++tokens) {
    const JobUsage used{.usage = {tokens * 3, tokens, tokens, tokens * 7 + 1, 0}};
    const store::JobBill bill = bill_of_job(&model, store::JobKind::bedrock, used, "id");
    const Cost cost = cost_of_job(&model, store::JobKind::bedrock, used);
    ASSERT_EQ(bill.input_nano_usd + bill.output_nano_usd, cost.nano_usd) << tokens;
    ASSERT_GE(bill.input_nano_usd, 0);
    ASSERT_NEAR(static_cast<double>(bill.output_nano_usd),
                static_cast<double>(tokens * 7 + 1) * 0.777, 0.51);
  }
}

TEST(BillOfJob, SaysThePriceOfTheWayThatItRanAndWhereItIsFrom) {
  const JobUsage used{.usage = {1000, 0, 0, 100, 0}, .from_manifest = true, .differs = true};
  const auto direct = bill_of_job(&sonnet(), store::JobKind::direct, used, "us.anthropic.x");
  EXPECT_EQ(direct.price, (store::PriceOfJob{3'000'000, 15'000'000, 3'000'000, 3'000'000}));
  const auto batch = bill_of_job(&sonnet(), store::JobKind::bedrock, used, "us.anthropic.x");
  EXPECT_EQ(batch.price->input_pico_usd, 1'500'000);
  EXPECT_EQ(batch.price->output_pico_usd, 7'500'000);
  EXPECT_EQ(batch.model_id, "us.anthropic.x");
  EXPECT_EQ(batch.price_date, sonnet().price_date);
  EXPECT_TRUE(batch.from_manifest && batch.manifest_differs);
  EXPECT_EQ(bill_of_job(nullptr, store::JobKind::bedrock, used, "x").price, std::nullopt);
}

TEST(UsageOfJob, IsWhatTheAnswersSayWhereAllDo) {
  const openai::Usage said{100, 10, 5, 20, 7};
  for (const std::optional<Counted>& counted :
       {std::optional<Counted>(), std::optional(Counted{85, 20, 10, 5}),
        std::optional(Counted{})}) {
    const JobUsage used = usage_of_job(said, 0, counted, true);
    EXPECT_EQ(used.usage, said);
    EXPECT_TRUE(used.known);
    EXPECT_FALSE(used.from_manifest);
    EXPECT_FALSE(used.differs);
  }
}

TEST(UsageOfJob, StaysTheAnswersWhereAWSCountedOtherwiseButSaysSo) {
  const openai::Usage said{100, 0, 0, 20, 0};
  for (const Counted& counted : {Counted{101, 20, {}, {}}, Counted{100, 19, {}, {}}}) {
    const JobUsage used = usage_of_job(said, 0, counted, true);
    EXPECT_EQ(used.usage, said);
    EXPECT_TRUE(used.differs);
  }
}

TEST(UsageOfJob, OfSilentAnswersIsWhatAWSCountedBeyondTheOthers) {
  const JobUsage used = usage_of_job({100, 0, 0, 20, 3}, 2, Counted{160, 50, 10, 4}, true);
  EXPECT_EQ(used.usage, (openai::Usage{174, 10, 4, 50, 3}));
  EXPECT_TRUE(used.from_manifest);
  EXPECT_TRUE(used.known);
  EXPECT_FALSE(used.differs);
}

TEST(UsageOfJob, IsNeverLessThanTheAnswersSay) {
  const JobUsage used = usage_of_job({100, 0, 0, 20, 0}, 1, Counted{40, 5, {}, {}}, true);
  EXPECT_EQ(used.usage, (openai::Usage{100, 0, 0, 20, 0}));
}

TEST(UsageOfJob, OfEmbeddingsNeedsNoCountOfOutput) {
  const JobUsage used = usage_of_job({}, 3, Counted{40, {}, {}, {}}, false);
  EXPECT_EQ(used.usage.input_tokens, 40);
  EXPECT_TRUE(used.known);
}

TEST(UsageOfJob, OfSilentChatsIsUnknownWhereAWSCountsTheirInputAlone) {
  const JobUsage used = usage_of_job({100, 0, 0, 20, 0}, 1, Counted{160, {}, {}, {}}, true);
  EXPECT_FALSE(used.known);
  EXPECT_EQ(used.usage, (openai::Usage{160, 0, 0, 20, 0}));  // as far as it is known
  EXPECT_TRUE(usage_of_job({100, 0, 0, 20, 0}, 0, Counted{160, {}, {}, {}}, true).known);
}

TEST(UsageOfJob, IsUnknownAndNotNothingWhereNobodySaysIt) {
  EXPECT_FALSE(usage_of_job({}, 1, std::nullopt, true).known);
  EXPECT_FALSE(usage_of_job({}, 1, Counted{{}, 5, {}, {}}, true).known);
}

}  // namespace
}  // namespace quarry::spend
