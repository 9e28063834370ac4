#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace quarry::catalog {
namespace {

TEST(Catalog, KnowsTheModelsOfTheFirstUsers) {
  const auto* sonnet = Catalog::built_in().find("anthropic.claude-3-5-sonnet-20240620-v1:0");
  ASSERT_NE(sonnet, nullptr);
  EXPECT_EQ(sonnet->output_tokens_max, 8192);
  EXPECT_TRUE(sonnet->batch);
  ASSERT_TRUE(sonnet->batch_prices);
  EXPECT_EQ(sonnet->batch_prices->input_nano_usd, 1500);
  EXPECT_EQ(sonnet->on_demand_prices->output_nano_usd, 15000);

  const auto* haiku = Catalog::built_in().find("anthropic.claude-3-haiku-20240307-v1:0");
  ASSERT_NE(haiku, nullptr);
  EXPECT_EQ(haiku->output_tokens_max, 4096);
  EXPECT_EQ(haiku->batch_prices->output_nano_usd, 625);
}

TEST(Catalog, BatchCostsHalfOfOnDemandForEveryModel) {
  for (const Model& model : Catalog::built_in().models()) {
    SCOPED_TRACE(model.id);
    ASSERT_TRUE(model.batch_prices && model.on_demand_prices);
    EXPECT_EQ(2 * model.batch_prices->input_nano_usd, model.on_demand_prices->input_nano_usd);
    EXPECT_EQ(2 * model.batch_prices->output_nano_usd, model.on_demand_prices->output_nano_usd);
  }
}

struct NameRow {
  const char* what;
  const char* model_id;
  bool known;
};
class Names : public ::testing::TestWithParam<NameRow> {};

TEST_P(Names, ResolveToTheModelOrToNothing) {
  const auto* model = Catalog::built_in().find(GetParam().model_id);
  ASSERT_EQ(model != nullptr, GetParam().known);
  if (model != nullptr) EXPECT_EQ(model->id, "anthropic.claude-3-haiku-20240307-v1:0");
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    Names,
    ::testing::Values(
        NameRow{"Bare", "anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Us", "us.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Eu", "eu.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Apac", "apac.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Au", "au.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Jp", "jp.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Gov", "us-gov.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{"Global", "global.anthropic.claude-3-haiku-20240307-v1:0", true},
        NameRow{
            "FoundationModelArn",
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            true},
        NameRow{"ProfileArn",
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
                "us.anthropic.claude-3-haiku-20240307-v1:0",
                true},
        NameRow{"GovArn",
                "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/"
                "anthropic.claude-3-haiku-20240307-v1:0",
                true},
        NameRow{"ApplicationProfileArn",
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
                false},
        NameRow{
            "ForeignArn",
            "arn:aws:sagemaker:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0",
            false},
        NameRow{"Lookalike", "anthropic.claude-3-haiku-20240307-v1:01", false},
        NameRow{"UnknownPrefix", "xx.anthropic.claude-3-haiku-20240307-v1:0", false},
        NameRow{"Empty", "", false},
        NameRow{"OnlyArn", "arn:", false}),
    [](const auto& row) { return std::string(row.param.what); });

TEST(Catalog, RegionalProfilesOfNewModelsCostTheirPremium) {
  const auto& catalog = Catalog::built_in();
  EXPECT_EQ(
      catalog.find("global.anthropic.claude-haiku-4-5-20251001-v1:0")->batch_prices->input_nano_usd,
      500);
  EXPECT_EQ(
      catalog.find("us.anthropic.claude-haiku-4-5-20251001-v1:0")->batch_prices->input_nano_usd,
      550);
  EXPECT_EQ(catalog.find("us.anthropic.claude-3-haiku-20240307-v1:0")->batch_prices->input_nano_usd,
            125);
}

constexpr const char* kOneModel = R"(models:
  - {id: m, family: anthropic, output_tokens_max: 1, batch: true, source: s, as_of: d,
     batch_prices: {input: "PRICE", output: "1"}})";

Catalog with_price(const std::string& price) {
  std::string yaml = kOneModel;
  return Catalog::parse(yaml.replace(yaml.find("PRICE"), 5, price));
}

TEST(Catalog, TakesPricesExactlyOrNotAtAll) {
  EXPECT_EQ(with_price("0.125").find("m")->batch_prices->input_nano_usd, 125);
  EXPECT_EQ(with_price("12").find("m")->batch_prices->input_nano_usd, 12000);
  for (const char* price : {"0.0625", "1e3", "-1", "", ".5", "1.2.3"}) {
    EXPECT_THROW(with_price(price), std::runtime_error) << price;
  }
}

TEST(Cost, CountsCachedTokensAtTheirOwnPrices) {
  const Prices prices{.input_nano_usd = 3000,
                      .output_nano_usd = 15000,
                      .cache_read_nano_usd = 300,
                      .cache_write_nano_usd = 3750};
  const openai::Usage usage{.input_tokens = 100,
                            .cached_input_tokens = 60,
                            .cache_write_tokens = 10,
                            .output_tokens = 7,
                            .reasoning_tokens = 3};
  EXPECT_EQ(cost_nano_usd(prices, usage), 30 * 3000 + 60 * 300 + 10 * 3750 + 7 * 15000);
}

TEST(Cost, OfABillionTokensIsExact) {
  const Prices prices{.input_nano_usd = 15000,
                      .output_nano_usd = 75000,
                      .cache_read_nano_usd = 0,
                      .cache_write_nano_usd = 0};
  const openai::Usage usage{.input_tokens = 1'000'000'000, .output_tokens = 1'000'000'001};
  EXPECT_EQ(cost_nano_usd(prices, usage), 90'000'000'075'000);
}

}  // namespace
}  // namespace quarry::catalog
