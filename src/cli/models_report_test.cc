// The catalog as people and programs see it.
#include "cli/models_report.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <string>

namespace quarry::cli {
namespace {

const catalog::Catalog& two_models() {
  static const catalog::Catalog catalog = catalog::Catalog::parse(R"(
- id: vendor.chat-v1:0
  family: llama
  variant: "3.3"
  inputs: [image]
  tools: true
  reasoning: effort
  context_tokens_max: 128000
  output_tokens_max: 65535
  batch: true
  profiles: ["", us]
  on_demand: { input: "0.035", output: "12" }
  batch_prices: { input: "0.0175", output: "6" }
  profile_prices: { us: { on_demand: { input: "0.07", output: "13", cache_read: "0.01" } } }
  source: somewhere
  as_of: 2026-01-02
- id: vendor.embed
  family: titan_embed
  dimensions: [1024, 512]
  context_tokens_max: 1000000
  batch: false
)");
  return catalog;
}

std::vector<ModelRow> rows() {
  std::vector<ModelRow> rows;
  rows.push_back({.model = two_models().find("us.vendor.chat-v1:0"),
                  .model_name = "mine",
                  .model_id = "us.vendor.chat-v1:0",
                  .region = "us-west-2",
                  .profiles = {}});
  for (const catalog::Model& model : two_models().models()) {
    rows.push_back(
        {.model = &model, .model_name = "", .model_id = "", .region = "", .profiles = {}});
  }
  rows[1].profiles.emplace_back("us", two_models().find("us.vendor.chat-v1:0"));
  return rows;
}

TEST(ModelsTable, ShowsWhatAModelTakesAndCosts) {
  EXPECT_EQ(models_table(rows()),
            // clang-format off
      "MODEL                       FAMILY          ENDPOINTS        INPUTS      FEATURES             CONTEXT  OUTPUT                 BATCH $/M   ON DEMAND $/M  CALLED BY\n"
      "mine = us.vendor.chat-v1:0  llama 3.3       chat,compl,resp  text,image  tools,thinks:effort  128k     2048 (converse 65535)  unknown     0.07 / 13      us-west-2\n"
      "vendor.chat-v1:0            llama 3.3       chat,compl,resp  text,image  tools,thinks:effort  128k     2048 (converse 65535)  0.0175 / 6  0.035 / 12     id us.\n"
      "vendor.embed                titan_embed v2  embed            text        1024/512             1M       -                      no batch    unknown\n");
  // clang-format on
}

TEST(ModelsJson, HoldsEveryFieldWithExactPrices) {
  const auto json = boost::json::parse(models_json(rows()));
  const auto& data = json.at("data").as_array();
  ASSERT_EQ(data.size(), 3U);
  EXPECT_EQ(data[0].at("object"), "deployment");
  EXPECT_EQ(data[0].at("model_name"), "mine");
  EXPECT_EQ(data[0].at("on_demand").at("cache_read"), "0.01");
  EXPECT_TRUE(data[0].at("batch_prices").is_null());

  EXPECT_EQ(data[1], boost::json::parse(R"({
    "id": "vendor.chat-v1:0", "object": "model", "family": "llama", "variant": "3.3",
    "endpoints": ["chat_completions", "completions", "responses"], "inputs": ["text", "image"],
    "tools": true, "json_schema": false, "system": true, "reasoning": "effort",
    "context_tokens_max": 128000, "output_tokens_max": 65535,
    "native_output_tokens_max": 2048, "refuses": [],
    "temperature_or_top_p": false, "no_prefill": false, "dimensions": [], "batch": true,
    "profiles": ["", "us"], "batch_regions": [],
    "batch_prices": {"input": "0.0175", "output": "6", "cache_read": "0.0175",
                     "cache_write": "0.0175"},
    "on_demand": {"input": "0.035", "output": "12", "cache_read": "0.035",
                  "cache_write": "0.035"},
    "profile_prices": {"us": {"batch_prices": null,
                              "on_demand": {"input": "0.07", "output": "13", "cache_read": "0.01",
                                            "cache_write": "0.07"}}},
    "source": "somewhere", "as_of": "2026-01-02"})"));
  EXPECT_TRUE(data[2].at("output_tokens_max").is_null());
  EXPECT_TRUE(data[2].at("native_output_tokens_max").is_null());
  EXPECT_EQ(data[2].at("dimensions"), boost::json::parse("[1024, 512]"));
}

}  // namespace
}  // namespace quarry::cli
