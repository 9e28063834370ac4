#include "cli/models_report.h"

#include "catalog/prices.h"
#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace quarry::cli {
namespace {

namespace bj = boost::json;
using catalog::dollars_per_million;
using catalog::Model;
using catalog::Prices;

std::string_view word(openai::Endpoint endpoint) {
  switch (endpoint) {
    case openai::Endpoint::chat_completions:
      return "chat_completions";
    case openai::Endpoint::completions:
      return "completions";
    case openai::Endpoint::responses:
      return "responses";
    case openai::Endpoint::embeddings:
      return "embeddings";
  }
  return "";
}

std::string_view word(catalog::Reasoning reasoning) {
  switch (reasoning) {
    case catalog::Reasoning::none:
      return "none";
    case catalog::Reasoning::budget:
      return "budget";
    case catalog::Reasoning::adaptive:
      return "adaptive";
    case catalog::Reasoning::effort:
      return "effort";
    case catalog::Reasoning::always:
      return "always";
  }
  return "";
}

std::vector<std::string> inputs_of(const Model& model) {
  std::vector<std::string> inputs{"text"};
  if (model.inputs.image) inputs.emplace_back("image");
  if (model.inputs.document) inputs.emplace_back("document");
  if (model.inputs.audio) inputs.emplace_back("audio");
  if (model.inputs.video) inputs.emplace_back("video");
  return inputs;
}

std::string short_endpoints(const Model& model) {
  std::vector<std::string_view> names;
  if (model.answers(openai::Endpoint::chat_completions)) names.emplace_back("chat");
  if (model.answers(openai::Endpoint::completions)) names.emplace_back("compl");
  if (model.answers(openai::Endpoint::responses)) names.emplace_back("resp");
  if (model.answers(openai::Endpoint::embeddings)) names.emplace_back("embed");
  return fmt::format("{}", fmt::join(names, ","));
}

std::string features_of(const Model& model) {
  std::vector<std::string> features;
  if (model.tools) features.emplace_back("tools");
  if (model.json_schema) features.emplace_back("schema");
  if (model.reasoning != catalog::Reasoning::none) {
    features.push_back(fmt::format("thinks:{}", word(model.reasoning)));
  }
  if (!model.dimensions.empty()) {
    features.push_back(fmt::format("{}", fmt::join(model.dimensions, "/")));
  }
  return fmt::format("{}", fmt::join(features, ","));
}

// 200000 -> "200k", 65535 -> "65535".
std::string tokens(std::int64_t count) {
  if (count == 0) return "-";
  if (count % 1'000'000 == 0) return fmt::format("{}M", count / 1'000'000);
  if (count % 1'000 == 0) return fmt::format("{}k", count / 1'000);
  return std::to_string(count);
}

// "2048 (converse 8192)" where InvokeModel takes less than the model can.
std::string output_tokens(const Model& model) {
  const std::int64_t native = model.native_output_tokens_max;
  const std::int64_t most = model.output_tokens_max;
  if (native == 0 || (most != 0 && most <= native)) return tokens(most);
  return fmt::format("{} (converse {})", tokens(native), tokens(most));
}

std::string prices_text(const std::optional<Prices>& prices) {
  if (!prices) return "unknown";
  return fmt::format("{} / {}", dollars_per_million(prices->input_pico_usd),
                     dollars_per_million(prices->output_pico_usd));
}

std::string where(const ModelRow& row) {
  if (!row.model_name.empty()) return row.region;
  std::vector<std::string> places;
  for (const std::string& prefix : row.model->profiles) {
    places.push_back(prefix.empty() ? "id" : prefix + ".");
  }
  places.insert(places.end(), row.model->batch_regions.begin(), row.model->batch_regions.end());
  return fmt::format("{}", fmt::join(places, " "));
}

constexpr std::size_t kColumns = 10;
using Line = std::array<std::string, kColumns>;

Line line_of(const ModelRow& row) {
  const Model& model = *row.model;
  const bool deployed = !row.model_name.empty();
  return {deployed ? fmt::format("{} = {}", row.model_name, row.model_id) : model.id,
          model.variant.empty() ? model.family : fmt::format("{} {}", model.family, model.variant),
          short_endpoints(model),
          fmt::format("{}", fmt::join(inputs_of(model), ",")),
          features_of(model),
          tokens(model.context_tokens_max),
          output_tokens(model),
          model.batch ? prices_text(model.batch_prices) : "no batch",
          prices_text(model.on_demand_prices),
          where(row)};
}

bj::value prices_json(const std::optional<Prices>& prices) {
  if (!prices) return nullptr;
  return {{"input", dollars_per_million(prices->input_pico_usd)},
          {"output", dollars_per_million(prices->output_pico_usd)},
          {"cache_read", dollars_per_million(prices->cache_read_pico_usd)},
          {"cache_write", dollars_per_million(prices->cache_write_pico_usd)}};
}

bj::value count_json(std::int64_t count) { return count == 0 ? bj::value(nullptr) : count; }

template <class Range>
bj::array list_json(const Range& values) {
  bj::array list;
  for (const auto& value : values) list.emplace_back(value);
  return list;
}

bj::object row_json(const ModelRow& row) {
  const Model& model = *row.model;
  bj::array endpoints;
  for (openai::Endpoint endpoint : model.endpoints) endpoints.emplace_back(word(endpoint));
  bj::object profile_prices;
  for (const auto& [prefix, priced] : row.profiles) {
    profile_prices[prefix] = {{"batch_prices", prices_json(priced->batch_prices)},
                              {"on_demand", prices_json(priced->on_demand_prices)}};
  }
  bj::object object{{"id", model.id},
                    {"object", row.model_name.empty() ? "model" : "deployment"},
                    {"family", model.family},
                    {"variant", model.variant},
                    {"endpoints", std::move(endpoints)},
                    {"inputs", list_json(inputs_of(model))},
                    {"tools", model.tools},
                    {"json_schema", model.json_schema},
                    {"system", model.system},
                    {"reasoning", word(model.reasoning)},
                    {"context_tokens_max", count_json(model.context_tokens_max)},
                    {"output_tokens_max", count_json(model.output_tokens_max)},
                    {"native_output_tokens_max", count_json(model.native_output_tokens_max)},
                    {"refuses", list_json(model.refuses)},
                    {"temperature_or_top_p", model.temperature_or_top_p},
                    {"no_prefill", model.no_prefill},
                    {"dimensions", list_json(model.dimensions)},
                    {"batch", model.batch},
                    {"profiles", list_json(model.profiles)},
                    {"batch_regions", list_json(model.batch_regions)},
                    {"batch_prices", prices_json(model.batch_prices)},
                    {"on_demand", prices_json(model.on_demand_prices)},
                    {"profile_prices", std::move(profile_prices)},
                    {"source", model.price_source},
                    {"as_of", model.price_date}};
  if (!row.model_name.empty()) {
    object["model_name"] = row.model_name;
    object["model_id"] = row.model_id;
    object["region"] = row.region;
  }
  return object;
}

}  // namespace

std::string models_table(const std::vector<ModelRow>& rows) {
  std::vector<Line> lines{{"MODEL", "FAMILY", "ENDPOINTS", "INPUTS", "FEATURES", "CONTEXT",
                           "OUTPUT", "BATCH $/M", "ON DEMAND $/M", "CALLED BY"}};
  for (const ModelRow& row : rows) lines.push_back(line_of(row));
  std::array<std::size_t, kColumns> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const Line& line : lines) {
    std::string out;
    for (std::size_t i = 0; i < kColumns; ++i) {
      out += fmt::format("{:<{}}  ", line[i], widths[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text;
}

std::string models_json(const std::vector<ModelRow>& rows) {
  bj::array data;
  for (const ModelRow& row : rows) data.push_back(row_json(row));
  return json::value_text(bj::object{{"object", "list"}, {"data", std::move(data)}}) + "\n";
}

}  // namespace quarry::cli
