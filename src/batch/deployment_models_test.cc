// Which model a deployment runs: the catalog's, as its entry of config.yaml changes it.
#include "batch/deployment_models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace quarry::batch {
namespace {

using testing::HasSubstr;

constexpr const char* kOpaqueArn =
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456";
constexpr const char* kHaiku45 = "us.anthropic.claude-haiku-4-5-20251001-v1:0";

config::DeploymentSettings deployment(std::string model_id) {
  config::DeploymentSettings settings;
  settings.id = "dep-1";
  settings.model_name = "m";
  settings.model_id = std::move(model_id);
  settings.line = 7;
  settings.bedrock_region = "us-west-2";
  settings.path = "model_list[2]";
  return settings;
}

catalog::Model resolved(const config::DeploymentSettings& settings) {
  auto models = DeploymentModels::make(catalog::Catalog::built_in(), {settings});
  if (!models) {
    ADD_FAILURE() << models.error().front().message;
    return {};
  }
  EXPECT_NE(models->of(settings), nullptr);
  return *models->of(settings);
}

config::ConfigError refused(const config::DeploymentSettings& settings) {
  auto models = DeploymentModels::make(catalog::Catalog::built_in(), {settings});
  EXPECT_FALSE(models) << "taken";
  return models ? config::ConfigError{} : models.error().front();
}

TEST(DeploymentModels, AreTheCatalogsAtThePricesOfTheirProfile) {
  const catalog::Model model = resolved(deployment(kHaiku45));
  EXPECT_EQ(model.family, "anthropic");
  EXPECT_EQ(model.batch_prices->input_pico_usd, 550'000);
}

TEST(DeploymentModels, AnUnknownModelIsAnErrorThatSaysWhatToWrite) {
  const config::ConfigError error = refused(deployment(kOpaqueArn));
  EXPECT_EQ(error.line, 7);
  EXPECT_EQ(error.key, "model_list[2].litellm_params.model");
  for (const char* part : {kOpaqueArn, "model_info.base_model", "bedrock_model_family",
                           "openai_shaped", "`models:`"}) {
    EXPECT_THAT(error.message, HasSubstr(part));
  }
}

TEST(DeploymentModels, EveryErrorIsSaidAtOnce) {
  auto second = deployment("also.unknown");
  second.id = "dep-2";
  const auto models =
      DeploymentModels::make(catalog::Catalog::built_in(), {deployment(kOpaqueArn), second});
  ASSERT_FALSE(models);
  EXPECT_EQ(models.error().size(), 2u);
}

TEST(DeploymentModels, BaseModelSaysWhatAnOpaqueArnIs) {
  auto settings = deployment(kOpaqueArn);
  settings.model.base_model = kHaiku45;
  EXPECT_EQ(resolved(settings).id, "anthropic.claude-haiku-4-5-20251001-v1:0");
  EXPECT_EQ(resolved(settings).on_demand_prices->input_pico_usd, 1'100'000);
  settings.model.base_model = "anthropic.claude-9";
  EXPECT_EQ(refused(settings).key, "model_list[2].model_info.base_model");
}

TEST(DeploymentModels, AFamilyAloneIsEnoughButHasNoPrice) {
  auto settings = deployment(kOpaqueArn);
  settings.model.family = "llama";
  const catalog::Model model = resolved(settings);
  EXPECT_EQ(model.family, "llama");
  EXPECT_EQ(model.id, kOpaqueArn);
  EXPECT_TRUE(model.batch);
  EXPECT_TRUE(model.answers(openai::Endpoint::completions));
  EXPECT_FALSE(model.batch_prices || model.on_demand_prices);
  settings.model.family = "lama";
  EXPECT_EQ(refused(settings).key, "model_list[2].litellm_params.bedrock_model_family");
}

TEST(DeploymentModels, AnotherFamilyForAKnownModelKeepsItsLimitsAndPrices) {
  auto settings = deployment(kHaiku45);
  settings.model.family = "converse";
  const catalog::Model model = resolved(settings);
  EXPECT_EQ(model.family, "converse");
  EXPECT_EQ(model.output_tokens_max, 64000);
  EXPECT_TRUE(model.inputs.image && model.temperature_or_top_p);
  EXPECT_EQ(model.batch_prices->input_pico_usd, 550'000);
}

TEST(DeploymentModels, WhatTheEntrySaysWinsOverTheCatalog) {
  auto settings = deployment("amazon.nova-micro-v1:0");
  settings.model.max_input_tokens = 5;
  settings.model.max_output_tokens = 6;
  settings.model.tools = false;
  settings.model.image = true;
  settings.model.document = true;
  settings.model.json_schema = true;
  settings.model.reasoning = true;
  const catalog::Model model = resolved(settings);
  EXPECT_EQ(model.context_tokens_max, 5);
  EXPECT_EQ(model.output_tokens_max, 6);
  EXPECT_FALSE(model.tools);
  EXPECT_TRUE(model.inputs.image && model.inputs.document && model.json_schema);
  EXPECT_EQ(model.reasoning, catalog::Reasoning::effort);
}

TEST(DeploymentModels, ABatchPriceThatIsNotGivenIsHalfOfTheOnDemandOneThatIs) {
  auto settings = deployment(kHaiku45);
  settings.model.input_pico_usd = 3'000'001;
  settings.model.output_pico_usd = 15'000'000;
  catalog::Model model = resolved(settings);
  EXPECT_EQ(*model.on_demand_prices,
            (catalog::Prices{3'000'001, 15'000'000, 3'000'001, 3'000'001}));
  EXPECT_EQ(model.batch_prices->input_pico_usd, 1'500'001);
  EXPECT_EQ(model.batch_prices->output_pico_usd, 7'500'000);
  EXPECT_EQ(model.price_source, "config.yaml");
  settings.model.batch_input_pico_usd = 1;
  settings.model.cache_read_pico_usd = 2;
  settings.model.cache_write_pico_usd = 3;
  model = resolved(settings);
  EXPECT_EQ(model.batch_prices->input_pico_usd, 1);
  EXPECT_EQ(model.batch_prices->cache_read_pico_usd, 1);
  EXPECT_EQ(model.on_demand_prices->cache_read_pico_usd, 2);
  EXPECT_EQ(model.on_demand_prices->cache_write_pico_usd, 3);
}

TEST(DeploymentModels, HalfAPriceIsNoPriceWhereTheCatalogHasNone) {
  auto settings = deployment(kOpaqueArn);
  settings.model.family = "llama";
  settings.model.output_pico_usd = 1;
  EXPECT_EQ(refused(settings).key, "model_list[2].model_info.output_cost_per_token");
  settings.model.output_pico_usd.reset();
  settings.model.batch_input_pico_usd = 1;
  EXPECT_EQ(refused(settings).key, "model_list[2].model_info.input_cost_per_token_batches");
  settings.model.batch_input_pico_usd.reset();
  settings.model.cache_read_pico_usd = 1;
  EXPECT_EQ(refused(settings).key, "model_list[2].model_info.cache_read_input_token_cost");
}

TEST(DeploymentModels, AnEmbeddingModelHasNoOutputToPrice) {
  auto settings = deployment(kOpaqueArn);
  settings.model.family = "titan_embed";
  settings.model.input_pico_usd = 20'000;
  EXPECT_EQ(resolved(settings).batch_prices->input_pico_usd, 10'000);
  EXPECT_EQ(resolved(settings).batch_prices->output_pico_usd, 0);
}

TEST(DeploymentModels, TheModeMustSuitTheModel) {
  auto settings = deployment(kHaiku45);
  settings.model.mode = "embedding";
  EXPECT_EQ(refused(settings).key, "model_list[2].model_info.mode");
  settings.model.mode = "chat";
  EXPECT_EQ(resolved(settings).family, "anthropic");
}

TEST(DeploymentModels, AreFoundAfterAMove) {
  const auto settings = deployment(kHaiku45);
  auto made = DeploymentModels::make(catalog::Catalog::built_in(), {settings});
  ASSERT_TRUE(made);
  const catalog::Model* before = made->of(settings);
  const DeploymentModels moved = std::move(*made);
  EXPECT_EQ(moved.of(settings), before);
  auto other = settings;
  other.id = "dep-2";
  EXPECT_EQ(moved.of(other), nullptr);
}

std::vector<std::string> doubts(const std::string& model_id) {
  const auto settings = deployment(model_id);
  return doubts_about(settings, resolved(settings));
}

TEST(Doubts, NoneAboutAModelThatRunsBatchesByThisProfileAtAKnownPrice) {
  EXPECT_THAT(doubts(kHaiku45), testing::IsEmpty());
  EXPECT_THAT(doubts("amazon.nova-micro-v1:0"), testing::IsEmpty());
  EXPECT_THAT(doubts("arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
                     "us.anthropic.claude-haiku-4-5-20251001-v1:0"),
              testing::IsEmpty());
}

TEST(Doubts, AboutAModelThatRunsNoBatches) {
  EXPECT_THAT(doubts("us.anthropic.claude-opus-4-8"),
              testing::ElementsAre(HasSubstr("does not run as a batch inference job")));
}

TEST(Doubts, AboutAPriceThatIsNotKnown) {
  EXPECT_THAT(doubts("ca.amazon.titan-embed-text-v2:0"), testing::IsEmpty());
  EXPECT_THAT(doubts("ca.deepseek.v3.2"),
              testing::ElementsAre(HasSubstr("no price is known for this model")));
}

TEST(Doubts, AboutAProfileThatTheModelIsNotKnownBy) {
  EXPECT_THAT(doubts("meta.llama4-scout-17b-instruct-v1:0"),
              testing::ElementsAre(HasSubstr("called by its bare id; known are: 'us.'")));
  EXPECT_THAT(doubts("arn:aws:bedrock:us-east-1::foundation-model/"
                     "meta.llama4-scout-17b-instruct-v1:0"),
              testing::SizeIs(1));
}

TEST(Doubts, AboutTheUsPriceOfABareIdElsewhere) {
  auto settings = deployment("amazon.titan-embed-text-v2:0");
  settings.bedrock_region = "eu-west-2";
  EXPECT_THAT(doubts_about(settings, resolved(settings)),
              testing::ElementsAre(HasSubstr("may be another in eu-west-2")));
  settings.model.input_pico_usd = 1;
  EXPECT_THAT(doubts_about(settings, resolved(settings)), testing::IsEmpty());
  settings.model_id = kHaiku45;
  EXPECT_THAT(doubts_about(settings, resolved(settings)), testing::IsEmpty());
}

TEST(Doubts, NoneAboutTheProfileOfAnOpaqueArn) {
  auto settings = deployment(kOpaqueArn);
  settings.model.base_model = "us.meta.llama4-scout-17b-instruct-v1:0";
  EXPECT_THAT(doubts_about(settings, resolved(settings)), testing::IsEmpty());
}

TEST(Doubts, AboutAFamilyThatIsNotTheModelsOwn) {
  auto settings = deployment("us.amazon.nova-pro-v1:0");
  settings.model.family = "anthropic";
  EXPECT_THAT(doubts_about(settings, resolved(settings)),
              testing::Contains(HasSubstr("known to be of 'nova'")));
  settings.model.family = "nova";
  EXPECT_THAT(doubts_about(settings, resolved(settings)), testing::IsEmpty());
}

TEST(CatalogOf, LaysTheModelsSectionOverTheBuiltInOne) {
  config::Settings settings;
  EXPECT_EQ(catalog_of(settings)->models().size(), catalog::Catalog::built_in().models().size());
  settings.models_yaml = "models:\n  - {id: my.model, family: llama, batch: true}\n";
  ASSERT_TRUE(catalog_of(settings));
  EXPECT_NE(catalog_of(settings)->find("us.my.model"), nullptr);
}

TEST(CatalogOf, NamesTheLineOfTheFile) {
  config::Settings settings;
  settings.models_yaml = "models:\n  - id: my.model\n    family: lama\n    batch: true\n";
  settings.models_line = 10;
  const auto catalog = catalog_of(settings);
  ASSERT_FALSE(catalog);
  EXPECT_EQ(catalog.error().front().line, 12);
  EXPECT_EQ(catalog.error().front().key, "models[0].family");
  EXPECT_THAT(catalog.error().front().message, HasSubstr("my.model"));
}

config::DeploymentSettings any_model() {
  config::DeploymentSettings settings = deployment("*");
  settings.model_name = "bedrock/*";
  settings.wildcard = true;
  return settings;
}

config::DeploymentSettings made_of(config::DeploymentSettings entry, const std::string& model_id) {
  entry.id += "@" + model_id;
  entry.model_name = "bedrock/" + model_id;
  entry.model_id = model_id;
  return entry;
}

TEST(DeploymentModels, AWildcardsModelIsFoundWhenItIsAskedFor) {
  auto made = DeploymentModels::make(catalog::Catalog::built_in(), {any_model()});
  ASSERT_TRUE(made);
  const DeploymentModels models = std::move(*made);
  EXPECT_EQ(models.of(any_model()), nullptr);
  const auto one = made_of(any_model(), kHaiku45);
  EXPECT_TRUE(models.knows(one));
  const catalog::Model* model = models.of(one);
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->batch_prices->input_pico_usd, 550'000);
  EXPECT_EQ(models.of(one), model) << "what it gave out stays where it is";

  const auto unknown = made_of(any_model(), "vendor.nothing-v1:0");
  EXPECT_FALSE(models.knows(unknown));
  EXPECT_EQ(models.of(unknown), nullptr);
}

TEST(DeploymentModels, WhatAWildcardsEntrySaysOfItsModelsHoldsForEach) {
  auto entry = any_model();
  entry.model.family = "llama";
  auto models = DeploymentModels::make(catalog::Catalog::built_in(), {entry});
  ASSERT_TRUE(models);
  const catalog::Model* model = models->of(made_of(entry, kOpaqueArn));
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->family, "llama");

  entry.model.family = "lama";
  EXPECT_THAT(refused(entry).message, HasSubstr("'lama' is no family"));
  entry = any_model();
  entry.model.base_model = "nothing";
  EXPECT_THAT(refused(entry).key, HasSubstr("base_model"));
}

}  // namespace
}  // namespace quarry::batch
