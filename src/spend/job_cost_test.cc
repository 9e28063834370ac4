#include "spend/job_cost.h"

#include <gtest/gtest.h>

namespace quarry::spend {
namespace {

// 3.00 and 15.00 USD a million tokens on demand, half of it in batch (data/models.yaml).
const catalog::Model& sonnet() {
  return *catalog::Catalog::built_in().find("us.anthropic.claude-3-5-sonnet-20240620-v1:0");
}

TEST(CostOfJob, IsTheBatchPriceForABedrockJobAndTheOnDemandPriceForADirectOne) {
  const openai::Usage usage{1000, 0, 0, 100, 0};
  EXPECT_EQ(cost_of_job(&sonnet(), store::JobKind::bedrock, usage).nano_usd,
            1000 * 1500 + 100 * 7500);
  EXPECT_EQ(cost_of_job(&sonnet(), store::JobKind::direct, usage).nano_usd,
            1000 * 3000 + 100 * 15000);
}

TEST(CostOfJob, IsUnknownAndNotFreeWhereThereIsNoPrice) {
  catalog::Model unpriced = sonnet();
  unpriced.batch_prices.reset();
  EXPECT_FALSE(cost_of_job(&unpriced, store::JobKind::bedrock, {1, 0, 0, 1, 0}).known);
  EXPECT_FALSE(cost_of_job(nullptr, store::JobKind::bedrock, {1, 0, 0, 1, 0}).known);
}

}  // namespace
}  // namespace quarry::spend
