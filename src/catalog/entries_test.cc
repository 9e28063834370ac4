// The format of data/models.yaml and of the models section: what it refuses, and how one catalog is
// laid over another.
#include "catalog/catalog.h"
#include "catalog/prices.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace quarry::catalog {
namespace {

struct BadRow {
  const char* what;
  const char* yaml;
  const char* key;
  int line;
};
class BadData : public ::testing::TestWithParam<BadRow> {};

TEST_P(BadData, IsRefusedByModelKeyAndLine) {
  try {
    Catalog::parse(GetParam().yaml);
    FAIL() << "taken";
  } catch (const DataError& error) {
    EXPECT_EQ(error.key, GetParam().key) << error.what();
    EXPECT_EQ(error.line, GetParam().line) << error.what();
  }
}

#define MODEL "- id: a.b\n  family: llama\n  batch: true\n"
#define FAMILY "models: []\nfamilies:\n- name: x\n  endpoints: [responses]\n"
#define OF_X "models:\n- id: a.b\n  family: x\n  batch: true\n"
INSTANTIATE_TEST_SUITE_P(
    Rows,
    BadData,
    ::testing::Values(
        BadRow{"NotYaml", "- {id: [", "models", 1},
        BadRow{"NoList", "models: 3", "models", 1},
        BadRow{"NoMap", "- a.b\n", "models[0].id", 1},
        BadRow{"NoId", "- family: llama\n", "models[0].id", 1},
        BadRow{"NoFamily", "- id: a.b\n  batch: true\n", "models[0].family", 1},
        BadRow{"NoBatch", "- id: a.b\n  family: llama\n", "models[0].batch", 1},
        BadRow{"UnknownFamily", "- id: a.b\n  family: lama\n  batch: true\n", "models[0].family",
               2},
        BadRow{"NewFamilyOfUnknownEndpoints",
               "- id: a.b\n  family: new\n  batch: true\n  endpoints: [chat]\n",
               "models[0].endpoints", 4},
        BadRow{"VariantOfAFamilyWithoutARow",
               "- id: a.b\n  family: new\n  batch: true\n  endpoints: [responses]\n  variant: x\n",
               "models[0].variant", 5},
        BadRow{"FamiliesNoList", "models: []\nfamilies: llama\n", "families", 2},
        BadRow{"FamilyNoMap", "models: []\nfamilies:\n- llama\n", "families[0].name", 3},
        BadRow{"FamilyNoName", "models: []\nfamilies:\n- tools: true\n", "families[0].name", 3},
        BadRow{"FamilyNoEndpoints", "models: []\nfamilies:\n- name: x\n", "families[0].endpoints",
               3},
        BadRow{"FamilyUnknownKey", FAMILY "  refuses: [stop]\n", "families[0].refuses", 5},
        BadRow{"FamilyNoBoolean", FAMILY "  tools: maybe\n", "families[0].tools", 5},
        BadRow{"FamilyNoVariants", FAMILY "  variants: []\n", "families[0].variants", 5},
        BadRow{"FamilyTwice", FAMILY "- name: x\n  endpoints: [embeddings]\n", "families[1].name",
               5},
        BadRow{"FamilyOfBothKinds",
               "models: []\nfamilies:\n- name: x\n  endpoints: [responses, embeddings]\n",
               "families[0].endpoints", 4},
        BadRow{"ModelOfAFamilyWithoutItsVariant",
               "families:\n- {name: x, endpoints: [responses], variants: [v1]}\n" OF_X
               "  variant: v2\n",
               "models[0].variant", 7},
        BadRow{"UnknownKey", MODEL "  ouput_tokens_max: 3\n", "models[0].ouput_tokens_max", 4},
        BadRow{"KeyTwice", MODEL "  batch: false\n", "models[0].batch", 4},
        BadRow{"IdTwice", MODEL MODEL, "models[1].id", 4},
        BadRow{"ProfileAsId", "- id: us.a.b\n", "models[0].id", 1},
        BadRow{"UnknownVariant", MODEL "  variant: \"5\"\n", "models[0].variant", 4},
        BadRow{"VariantOfNone", "- id: a.b\n  family: jamba\n  batch: true\n  variant: \"1\"\n",
               "models[0].variant", 4},
        BadRow{"UnknownReasoning", MODEL "  reasoning: a lot\n", "models[0].reasoning", 4},
        BadRow{"UnknownInput", MODEL "  inputs: [smell]\n", "models[0].inputs", 4},
        BadRow{"InputsNoList", MODEL "  inputs: image\n", "models[0].inputs", 4},
        BadRow{"UnknownEndpoint", MODEL "  endpoints: [edits]\n", "models[0].endpoints", 4},
        BadRow{"EmbeddingsOfAChatModel", MODEL "  endpoints: [embeddings]\n", "models[0].endpoints",
               4},
        BadRow{"DimensionsOfAChatModel", MODEL "  dimensions: [3]\n", "models[0].dimensions", 4},
        BadRow{"NoBoolean", MODEL "  tools: maybe\n", "models[0].tools", 4},
        BadRow{"NoNumber", MODEL "  output_tokens_max: 4k\n", "models[0].output_tokens_max", 4},
        BadRow{"Negative", MODEL "  output_tokens_max: -1\n", "models[0].output_tokens_max", 4},
        BadRow{"UnknownProfile", MODEL "  profiles: [mars]\n", "models[0].profiles", 4},
        BadRow{"HalfAPrice", MODEL "  on_demand: {input: 1}\n", "models[0].on_demand.output", 4},
        BadRow{"MisspeltPrice", MODEL "  on_demand: {input: 1, output: 1, cached: 1}\n",
               "models[0].on_demand.cached", 4},
        BadRow{"PriceWithoutSource", MODEL "  on_demand: {input: 1, output: 1}\n",
               "models[0].source", 1},
        BadRow{"PremiumBelowAPicoDollar",
               MODEL "  on_demand: {input: 0.000001, output: 1}\n  premium_percent: 10\n",
               "models[0].premium_percent", 5},
        BadRow{"GlobalProfilePrice",
               MODEL "  profile_prices: {global: {on_demand: {input: 1, output: 1}}}\n",
               "models[0].profile_prices.global", 4}),
    [](const auto& row) { return std::string(row.param.what); });

TEST(BadEntry, IsNamedInTheMessage) {
  try {
    Catalog::parse(MODEL "  reasoning: a lot\n");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(),
                 "a.b: reasoning knows no 'a lot'; words are none, budget, adaptive, effort, "
                 "always");
  }
}
#undef MODEL
#undef FAMILY
#undef OF_X

TEST(Entry, IsReadInFull) {
  const Catalog catalog = Catalog::parse(R"(
models:
  - id: v.m
    family: nova
    variant: "2"
    endpoints: [chat_completions, responses]
    inputs: [image, document, audio, video]
    tools: false
    json_schema: true
    system: false
    reasoning: effort
    context_tokens_max: 1000
    output_tokens_max: 100
    native_output_tokens_max: 50
    refuses: [stop]
    temperature_or_top_p: true
    no_prefill: true
    batch: true
    profiles: ["", us]
    batch_regions: [us-east-1]
    on_demand: {input: 2, output: 4, cache_read: 0.2, cache_write: 2.5}
    batch_prices: {input: 1, output: 2}
    source: somewhere
    as_of: 2026-01-02
)");
  const Model& model = catalog.models().at(0);
  EXPECT_EQ(model.variant, "2");
  EXPECT_TRUE(model.answers(openai::Endpoint::responses));
  EXPECT_FALSE(model.answers(openai::Endpoint::completions));
  EXPECT_TRUE(model.inputs.image && model.inputs.document && model.inputs.audio &&
              model.inputs.video);
  EXPECT_FALSE(model.tools);
  EXPECT_TRUE(model.json_schema);
  EXPECT_FALSE(model.system);
  EXPECT_EQ(model.reasoning, Reasoning::effort);
  EXPECT_EQ(model.context_tokens_max, 1000);
  EXPECT_EQ(model.output_tokens_max, 100);
  EXPECT_EQ(model.native_output_tokens_max, 50);
  EXPECT_TRUE(model.refuses_parameter("stop"));
  EXPECT_FALSE(model.refuses_parameter("top_p"));
  EXPECT_TRUE(model.temperature_or_top_p && model.no_prefill && model.batch);
  EXPECT_EQ(model.profiles, (std::vector<std::string>{"", "us"}));
  EXPECT_EQ(model.batch_regions, std::vector<std::string>{"us-east-1"});
  EXPECT_EQ(*model.on_demand_prices, (Prices{2'000'000, 4'000'000, 200'000, 2'500'000}));
  EXPECT_EQ(*model.batch_prices, (Prices{1'000'000, 2'000'000, 1'000'000, 1'000'000}));
  EXPECT_EQ(model.price_source, "somewhere");
  EXPECT_EQ(model.price_date, "2026-01-02");
}

TEST(Entry, TakesFromItsFamilyWhatItDoesNotSay) {
  const Catalog catalog = Catalog::parse(
      "- {id: a.chat, family: titan_text, batch: false}\n"
      "- {id: a.embed, family: titan_embed, batch: true}\n");
  const Model& chat = catalog.models().at(0);
  EXPECT_TRUE(chat.answers(openai::Endpoint::completions));
  EXPECT_FALSE(chat.system);
  EXPECT_FALSE(chat.batch_prices || chat.on_demand_prices);
  const Model& embed = catalog.models().at(1);
  EXPECT_EQ(embed.endpoints, std::vector{openai::Endpoint::embeddings});
  EXPECT_EQ(embed.variant, "v2");
}

TEST(Family, GivesItsModelsWhatTheyDoNotSay) {
  const Catalog catalog = Catalog::parse(R"(
families:
- name: new
  endpoints: [chat_completions, responses]
  variants: ["7", "8"]
  inputs: [image]
  tools: true
  json_schema: true
  system: false
  reasoning: effort
  native_output_tokens_max: 9
models:
- {id: a.plain, family: new, batch: true}
- {id: a.other, family: new, batch: true, variant: "8", tools: false, inputs: [], reasoning: none,
   endpoints: [completions]}
)");
  const Model& plain = *catalog.find("a.plain");
  EXPECT_EQ(plain.variant, "7");
  EXPECT_TRUE(plain.answers(openai::Endpoint::responses));
  EXPECT_FALSE(plain.answers(openai::Endpoint::completions));
  EXPECT_TRUE(plain.inputs.image && plain.tools && plain.json_schema);
  EXPECT_FALSE(plain.system);
  EXPECT_EQ(plain.reasoning, Reasoning::effort);
  EXPECT_EQ(plain.native_output_tokens_max, 9);
  const Model& other = *catalog.find("a.other");
  EXPECT_EQ(other.variant, "8");
  EXPECT_EQ(other.endpoints, std::vector{openai::Endpoint::completions});
  EXPECT_FALSE(other.tools || other.inputs.image);
  EXPECT_EQ(other.reasoning, Reasoning::none);
  EXPECT_TRUE(catalog.model_of_family("new")->tools);
  EXPECT_FALSE(catalog.model_of_family("old"));
}

TEST(Family, WithoutARowIsWhatItsFirstModelSays) {
  const Catalog catalog = Catalog::parse(
      "- {id: a.one, family: new, endpoints: [responses], tools: true, batch: true,"
      " output_tokens_max: 5}\n"
      "- {id: a.two, family: new, batch: false}\n"
      "- {id: a.embed, family: new_embed, endpoints: [embeddings], batch: false}\n");
  const Model& two = *catalog.find("a.two");
  EXPECT_EQ(two.endpoints, std::vector{openai::Endpoint::responses});
  EXPECT_TRUE(two.tools);
  EXPECT_EQ(two.output_tokens_max, 0) << "a limit is the model's own";
  EXPECT_FALSE(two.batch);
  EXPECT_FALSE(catalog.find("a.embed")->system);
  EXPECT_EQ(std::ranges::count(catalog.families(), "new"), 1);
  EXPECT_TRUE(std::ranges::is_sorted(catalog.families()));
}

TEST(Family, IsNotTheUsersToAdd) {
  const Catalog catalog = Catalog::parse("models: []");
  EXPECT_THROW(catalog.extended("- {id: a.b, family: new, endpoints: [responses], batch: true}"),
               DataError);
  EXPECT_THROW(catalog.extended("{models: [], families: [{name: x, endpoints: [responses]}]}"),
               DataError);
  EXPECT_FALSE(catalog.extended("- {id: a.b, family: jamba, batch: true}").models().empty());
}

TEST(Family, ThatTheProjectDoesNotKnowHasNoModel) {
  EXPECT_THROW(model_of_family("lama"), std::invalid_argument);
}

const Catalog& small() {
  static const Catalog catalog = Catalog::parse(R"(
- id: a.one
  family: anthropic
  batch: true
  tools: true
  output_tokens_max: 100
  on_demand: {input: 2, output: 4}
  batch_prices: {input: 1, output: 2}
  premium_percent: 10
  profile_prices: {us-gov: {on_demand: {input: 3, output: 5}}}
  source: s
  as_of: d
)");
  return catalog;
}

TEST(Extended, OverridesOnlyTheKeysThatAreGiven) {
  const Catalog catalog = small().extended("- {id: a.one, output_tokens_max: 7}");
  const Model* model = catalog.find("us.a.one");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->output_tokens_max, 7);
  EXPECT_TRUE(model->tools && model->batch);
  EXPECT_EQ(model->on_demand_prices->input_pico_usd, 2'200'000);
  EXPECT_EQ(small().find("a.one")->output_tokens_max, 100) << "the first one has changed";
}

TEST(Extended, APriceHoldsForEveryProfile) {
  const Catalog catalog = small().extended("- {id: a.one, on_demand: {input: 9, output: 9}}");
  for (const char* id : {"a.one", "us.a.one", "global.a.one", "us-gov.a.one"}) {
    EXPECT_EQ(catalog.find(id)->on_demand_prices->input_pico_usd, 9'000'000) << id;
  }
  EXPECT_EQ(catalog.find("us.a.one")->batch_prices->input_pico_usd, 1'100'000);
  EXPECT_FALSE(catalog.find("us-gov.a.one")->batch_prices);
  EXPECT_EQ(catalog.find("a.one")->price_source, "config.yaml");
}

TEST(Extended, APriceMayHaveItsOwnPremiumAndProfiles) {
  const Catalog catalog = small().extended(
      "- {id: a.one, on_demand: {input: 10, output: 10}, premium_percent: 50,"
      " profile_prices: {eu: {on_demand: {input: 1, output: 1}}}}");
  EXPECT_EQ(catalog.find("global.a.one")->on_demand_prices->input_pico_usd, 10'000'000);
  EXPECT_EQ(catalog.find("us.a.one")->on_demand_prices->input_pico_usd, 15'000'000);
  EXPECT_EQ(catalog.find("eu.a.one")->on_demand_prices->input_pico_usd, 1'000'000);
}

TEST(Extended, AddsModelsAlsoByAnArnThatSaysNothing) {
  const std::string arn =
      "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456";
  const Catalog catalog = small().extended("models:\n- {id: '" + arn +
                                           "', family: llama, batch: true, on_demand: {input: 1, "
                                           "output: 1}}");
  ASSERT_NE(catalog.find(arn), nullptr);
  EXPECT_EQ(catalog.find(arn)->family, "llama");
  EXPECT_EQ(catalog.find(arn)->on_demand_prices->input_pico_usd, 1'000'000);
  EXPECT_EQ(catalog.models().size(), 2u);
}

TEST(Extended, AModelOfAnotherFamilyKeepsNothingOfTheOld) {
  const Catalog catalog = small().extended("- {id: a.one, family: titan_text}");
  EXPECT_FALSE(catalog.find("a.one")->tools);
  EXPECT_FALSE(catalog.find("us.a.one")->on_demand_prices);
  EXPECT_FALSE(catalog.find("us-gov.a.one")->on_demand_prices);
}

TEST(Extended, APointerLivesAsLongAsACopy) {
  const Model* model = nullptr;
  Catalog copy = small();
  {
    Catalog catalog = small().extended("- {id: b.two, family: llama, batch: false}");
    model = catalog.find("b.two");
    copy = catalog;
  }
  EXPECT_EQ(model, copy.find("b.two"));
  EXPECT_EQ(model->id, "b.two");
}

TEST(Dollars, AreWrittenAsTheyAreRead) {
  for (const char* text : {"0", "0.0175", "3", "0.000001", "12.5", "137.5"}) {
    ASSERT_TRUE(pico_usd(text)) << text;
    EXPECT_EQ(dollars_per_million(*pico_usd(text)), text);
  }
}

}  // namespace
}  // namespace quarry::catalog
