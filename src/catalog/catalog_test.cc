#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

namespace quarry::catalog {
namespace {

TEST(Catalog, KnowsTheModelsOfTheFirstUsers) {
  const auto* sonnet = Catalog::built_in().find("anthropic.claude-3-5-sonnet-20240620-v1:0");
  ASSERT_NE(sonnet, nullptr);
  EXPECT_EQ(sonnet->output_tokens_max, 4096);
  EXPECT_TRUE(sonnet->batch);
  ASSERT_TRUE(sonnet->batch_prices);
  EXPECT_EQ(sonnet->batch_prices->input_pico_usd, 1'500'000);
  EXPECT_EQ(sonnet->on_demand_prices->output_pico_usd, 15'000'000);

  const auto* haiku = Catalog::built_in().find("anthropic.claude-3-haiku-20240307-v1:0");
  ASSERT_NE(haiku, nullptr);
  EXPECT_EQ(haiku->output_tokens_max, 4096);
  EXPECT_EQ(haiku->batch_prices->output_pico_usd, 625'000);
}

// What AWS's price list says where it is not half: it rounds to cents.
const std::set<std::string> kRoundedToCents{
    "mistral.ministral-3-8b-instruct", "openai.gpt-oss-safeguard-20b",
    "openai.gpt-oss-safeguard-120b",   "qwen.qwen3-next-80b-a3b",
    "qwen.qwen3-vl-235b-a22b",         "google.gemma-3-12b-it",
    "google.gemma-3-27b-it",           "nvidia.nemotron-nano-9b-v2"};

TEST(BuiltIn, BatchCostsHalfOfOnDemandOrHalfInWholeCents) {
  constexpr std::int64_t kCentAMillion = 10'000;  // pico-dollars a token
  for (const Model& model : Catalog::built_in().models()) {
    if (!model.batch_prices) continue;
    SCOPED_TRACE(model.id);
    ASSERT_TRUE(model.on_demand_prices);
    const std::int64_t most = kRoundedToCents.contains(model.id) ? kCentAMillion : 0;
    EXPECT_LE(
        std::abs(2 * model.batch_prices->input_pico_usd - model.on_demand_prices->input_pico_usd),
        most);
    EXPECT_LE(
        std::abs(2 * model.batch_prices->output_pico_usd - model.on_demand_prices->output_pico_usd),
        most);
  }
}

TEST(BuiltIn, EveryModelHasPricesButThoseThatNoSourceNames) {
  for (const Model& model : Catalog::built_in().models()) {
    SCOPED_TRACE(model.id);
    EXPECT_EQ(model.batch_prices.has_value(), model.batch);
    EXPECT_EQ(model.on_demand_prices.has_value(), model.family != "command_r");
    EXPECT_EQ(model.price_date.empty(), model.family == "command_r");
  }
}

// Bedrock user guide, "Meta Llama models": max_gen_len. Converse takes what the model can.
TEST(BuiltIn, LlamasCeilingsAreThoseOfInvokeModel) {
  for (const Model& model : Catalog::built_in().models()) {
    if (model.family != "llama") continue;
    EXPECT_EQ(model.native_output_tokens_max, model.variant == "4" ? 8192 : 2048) << model.id;
  }
  EXPECT_EQ(model_of_family("llama").native_output_tokens_max, 2048);
}

// "Batch inference is not supported for the requested model."
TEST(BuiltIn, NoJobIsPlannedForAModelThatRefusesThem) {
  for (const char* id : {"anthropic.claude-opus-4-7", "anthropic.claude-opus-4-8",
                         "anthropic.claude-sonnet-5", "anthropic.claude-fable-5"}) {
    const Model* model = Catalog::built_in().find(id);
    ASSERT_NE(model, nullptr) << id;
    EXPECT_FALSE(model->batch) << id;
  }
}

TEST(BuiltIn, EveryFamilyButConversesOwnHasAModelAndEveryModelAnswersSomething) {
  std::set<std::string, std::less<>> seen;
  for (const Model& model : Catalog::built_in().models()) {
    seen.insert(model.family);
    EXPECT_FALSE(model.endpoints.empty()) << model.id;
    EXPECT_EQ(model.answers(openai::Endpoint::embeddings), !model.dimensions.empty()) << model.id;
  }
  for (std::string_view family : families()) EXPECT_TRUE(seen.contains(family)) << family;
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
        NameRow{"ChinaArn",
                "arn:aws-cn:bedrock:cn-north-1::foundation-model/"
                "anthropic.claude-3-haiku-20240307-v1:0",
                true},
        NameRow{"EuSovereignProfileArn",
                "arn:aws-eusc:bedrock:eusc-de-east-1:123456789012:inference-profile/"
                "eu.anthropic.claude-3-haiku-20240307-v1:0",
                true},
        NameRow{"NoPartition",
                "arn:gcp:bedrock:us-east-1::foundation-model/"
                "anthropic.claude-3-haiku-20240307-v1:0",
                false},
        NameRow{"CustomModelArn",
                "arn:aws:bedrock:us-east-1:123456789012:custom-model/"
                "anthropic.claude-3-haiku-20240307-v1:0/abc123def456",
                false},
        NameRow{"Context", "anthropic.claude-3-haiku-20240307-v1:0:48k", true},
        NameRow{"ProfileAndContext", "us.anthropic.claude-3-haiku-20240307-v1:0:200k", true},
        NameRow{"NoRevision", "anthropic.claude-3-haiku-20240307-v1", true},
        NameRow{"NoVersion", "anthropic.claude-3-haiku-20240307", true},
        NameRow{"NoDate", "anthropic.claude-3-haiku", false},
        NameRow{"OtherVersion", "anthropic.claude-3-haiku-20240307-v2:0", false},
        NameRow{"OtherRevision", "anthropic.claude-3-haiku-20240307-v1:1", false},
        NameRow{"NoContext", "anthropic.claude-3-haiku-20240307-v1:0:k", false},
        NameRow{"Lookalike", "anthropic.claude-3-haiku-20240307-v1:01", false},
        NameRow{"Longer", "anthropic.claude-3-haiku-20240307-v10:0", false},
        NameRow{"UnknownPrefix", "xx.anthropic.claude-3-haiku-20240307-v1:0", false},
        NameRow{"Empty", "", false},
        NameRow{"OnlyArn", "arn:", false}),
    [](const auto& row) { return std::string(row.param.what); });

struct AliasRow {
  const char* what;
  const char* model_id;
  const char* id;  // "" = no model
};
class Aliases : public ::testing::TestWithParam<AliasRow> {};

TEST_P(Aliases, AreBoundedByTheVersion) {
  const auto* model = Catalog::built_in().find(GetParam().model_id);
  EXPECT_EQ(model ? model->id : "", GetParam().id);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    Aliases,
    ::testing::Values(
        AliasRow{"TitanEmbedV2Bare", "amazon.titan-embed-text-v2", "amazon.titan-embed-text-v2:0"},
        AliasRow{"TitanEmbedV20", "amazon.titan-embed-text-v20", ""},
        AliasRow{"TitanEmbedV1Revision", "amazon.titan-embed-text-v1:2",
                 "amazon.titan-embed-text-v1"},
        AliasRow{"TitanEmbedV1Context", "amazon.titan-embed-text-v1:2:8k",
                 "amazon.titan-embed-text-v1"},
        AliasRow{"TitanEmbedOfEither", "amazon.titan-embed-text", ""},
        AliasRow{"AddedVersion", "global.anthropic.claude-sonnet-4-6-v1:0",
                 "anthropic.claude-sonnet-4-6"},
        AliasRow{"Sonnet4IsNotSonnet46", "anthropic.claude-sonnet-4", ""},
        AliasRow{"NoMinorVersion", "anthropic.claude-opus-4-6-v1:0",
                 "anthropic.claude-opus-4-6-v1"},
        AliasRow{"DotIsNoVersion", "deepseek.v3.2-v1:0", "deepseek.v3.2"},
        AliasRow{"DeepSeek31", "deepseek.v3-v1:0", "deepseek.v3-v1:0"},
        AliasRow{"MinorIsAnotherModel", "minimax.minimax-m2.2", ""},
        AliasRow{"Nemotron", "nvidia.nemotron-nano-3-30b:0", "nvidia.nemotron-nano-3-30b"},
        AliasRow{"NanoV2", "nvidia.nemotron-nano-9b", "nvidia.nemotron-nano-9b-v2"},
        AliasRow{"Indian", "in.moonshotai.kimi-k3", "moonshotai.kimi-k3"}),
    [](const auto& row) { return std::string(row.param.what); });

std::int64_t batch_input(std::string_view model_id) {
  const Model* model = Catalog::built_in().find(model_id);
  return model && model->batch_prices ? model->batch_prices->input_pico_usd : -1;
}

TEST(BuiltIn, RegionalProfilesOfNewModelsCostTheirPremium) {
  EXPECT_EQ(batch_input("global.anthropic.claude-haiku-4-5-20251001-v1:0"), 500'000);
  EXPECT_EQ(batch_input("us.anthropic.claude-haiku-4-5-20251001-v1:0"), 550'000);
  EXPECT_EQ(batch_input("us-gov.anthropic.claude-haiku-4-5-20251001-v1:0"), 600'000);
  EXPECT_EQ(batch_input("us.anthropic.claude-3-haiku-20240307-v1:0"), 125'000);
}

TEST(BuiltIn, AProfileOfWhichNoPriceIsKnownHasNone) {
  EXPECT_EQ(batch_input("us.amazon.nova-micro-v1:0"), 17'500);
  EXPECT_EQ(batch_input("amazon.nova-micro-v1:0"), 17'500);
  EXPECT_EQ(batch_input("eu.amazon.nova-micro-v1:0"), 23'000);
  EXPECT_EQ(batch_input("ca.amazon.nova-micro-v1:0"), -1);
  EXPECT_EQ(batch_input("us-gov.anthropic.claude-opus-4-6-v1"), -1);
}

constexpr const char* kOneModel = R"(models:
  - {id: m, family: anthropic, output_tokens_max: 1, batch: true, source: s, as_of: d,
     batch_prices: {input: "PRICE", output: "1"}})";

Catalog with_price(const std::string& price) {
  std::string yaml = kOneModel;
  return Catalog::parse(yaml.replace(yaml.find("PRICE"), 5, price));
}

TEST(Catalog, TakesPricesExactlyOrNotAtAll) {
  EXPECT_EQ(with_price("0.125").find("m")->batch_prices->input_pico_usd, 125'000);
  EXPECT_EQ(with_price("0.0175").find("m")->batch_prices->input_pico_usd, 17'500);
  EXPECT_EQ(with_price("0.000001").find("m")->batch_prices->input_pico_usd, 1);
  EXPECT_EQ(with_price("12").find("m")->batch_prices->input_pico_usd, 12'000'000);
  for (const char* price : {"0.0000001", "1e3", "-1", "", ".5", "1.", "1.2.3", "1_0", " 1"}) {
    EXPECT_THROW(with_price(price), DataError) << price;
  }
}

TEST(Cost, CountsCachedTokensAtTheirOwnPrices) {
  const Prices prices{.input_pico_usd = 3'000'000,
                      .output_pico_usd = 15'000'000,
                      .cache_read_pico_usd = 300'000,
                      .cache_write_pico_usd = 3'750'000};
  const openai::Usage usage{.input_tokens = 100,
                            .cached_input_tokens = 60,
                            .cache_write_tokens = 10,
                            .output_tokens = 7,
                            .reasoning_tokens = 3};
  EXPECT_EQ(cost_nano_usd(prices, usage), 30 * 3000 + 60 * 300 + 10 * 3750 + 7 * 15000);
}

TEST(Cost, OfABillionTokensIsExact) {
  const Prices prices{.input_pico_usd = 15'000'000,
                      .output_pico_usd = 75'000'000,
                      .cache_read_pico_usd = 0,
                      .cache_write_pico_usd = 0};
  const openai::Usage usage{.input_tokens = 1'000'000'000, .output_tokens = 1'000'000'001};
  EXPECT_EQ(cost_nano_usd(prices, usage), 90'000'000'075'000);
}

// 17.5 nano-dollars a token.
TEST(Cost, IsRoundedOnceToTheNearestNanoDollar) {
  const Prices prices{.input_pico_usd = 17'500,
                      .output_pico_usd = 300,
                      .cache_read_pico_usd = 0,
                      .cache_write_pico_usd = 0};
  EXPECT_EQ(cost_nano_usd(prices, {.input_tokens = 2}), 35);
  EXPECT_EQ(cost_nano_usd(prices, {.input_tokens = 1}), 18);
  EXPECT_EQ(cost_nano_usd(prices, {.output_tokens = 1}), 0);
  EXPECT_EQ(cost_nano_usd(prices, {.input_tokens = 1, .output_tokens = 10}), 21);  // 20.5
  EXPECT_EQ(cost_nano_usd(prices, {.input_tokens = 1'000'001}), 17'500'018);
}

TEST(Cost, OfATrillionTokensDoesNotOverflow) {
  const Prices prices{.input_pico_usd = 75'000'000'999, .output_pico_usd = 0};
  EXPECT_EQ(cost_nano_usd(prices, {.input_tokens = 100'000'000'000}), 7'500'000'099'900'000'000);
}

}  // namespace
}  // namespace quarry::catalog
