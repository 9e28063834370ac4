#include "catalog/catalog.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace quarry::embedded {
extern const std::string_view models_yaml;  // data/models.yaml
}

namespace quarry::catalog {

namespace {

// Inference profiles: "us.anthropic.…" (Bedrock user guide, "Supported Regions and models for
// inference profiles").
constexpr std::array<std::string_view, 9> kProfilePrefixes{"us", "eu", "apac",   "au",    "jp",
                                                           "ca", "sa", "us-gov", "global"};

[[noreturn]] void bad_data(std::string_view model, std::string_view why) {
  std::string message = "models.yaml: ";
  message.append(model).append(": ").append(why);
  throw std::runtime_error(message);
}

// "0.625" dollars per million tokens = 625 nano-dollars per token.
std::int64_t nano_usd(const std::string& model, const std::string& dollars) {
  const std::size_t point = std::min(dollars.find('.'), dollars.size());
  const std::string whole = dollars.substr(0, point);
  std::string fraction = point < dollars.size() ? dollars.substr(point + 1) : "";
  const bool digits_only =
      (whole + fraction).find_first_not_of("0123456789") == std::string::npos && !whole.empty();
  if (!digits_only || whole.size() > 9 || fraction.size() > 3) {
    bad_data(model, "'" + dollars + "' is not a price with at most three decimals");
  }
  fraction.append(3 - fraction.size(), '0');
  return std::stoll(whole) * 1000 + std::stoll(fraction);
}

std::optional<Prices> prices(const std::string& model, const YAML::Node& node) {
  if (!node) return std::nullopt;
  const auto price = [&](const char* key) { return nano_usd(model, node[key].as<std::string>()); };
  Prices result;
  result.input_nano_usd = price("input");
  result.output_nano_usd = price("output");
  result.cache_read_nano_usd = node["cache_read"] ? price("cache_read") : result.input_nano_usd;
  result.cache_write_nano_usd = node["cache_write"] ? price("cache_write") : result.input_nano_usd;
  return result;
}

std::optional<Prices> with_premium(const std::string& model,
                                   std::optional<Prices> base,
                                   int percent) {
  if (!base) return base;
  for (std::int64_t* price : {&base->input_nano_usd, &base->output_nano_usd,
                              &base->cache_read_nano_usd, &base->cache_write_nano_usd}) {
    const std::int64_t hundredfold = *price * (100 + percent);
    if (hundredfold % 100 != 0) bad_data(model, "its premium gives fractions of a nano-dollar");
    *price = hundredfold / 100;
  }
  return base;
}

Model read_model(const YAML::Node& node) {
  Model model;
  model.id = node["id"].as<std::string>();
  if (node["family"].as<std::string>() != "anthropic") bad_data(model.id, "unknown family");
  model.family = Family::anthropic;
  model.output_tokens_max = node["output_tokens_max"].as<std::int64_t>();
  model.temperature_or_top_p = node["temperature_or_top_p"].as<bool>(false);
  model.no_sampling = node["no_sampling"].as<bool>(false);
  model.no_prefill = node["no_prefill"].as<bool>(false);
  model.batch = node["batch"].as<bool>();
  model.batch_prices = prices(model.id, node["batch_prices"]);
  model.on_demand_prices = prices(model.id, node["on_demand"]);
  if (!node["source"] || !node["as_of"])
    bad_data(model.id, "says no source and date of its prices");
  return model;
}

// What an ARN names: after "arn:<partition>:bedrock:<region>:<account>:" a kind, '/', and the id.
std::optional<std::string_view> id_of_arn(std::string_view arn) {
  for (int field = 0; field < 5; ++field) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    if (field == 2 && arn.substr(0, colon) != "bedrock") return std::nullopt;
    arn.remove_prefix(colon + 1);
  }
  for (const std::string_view kind : {"foundation-model/", "inference-profile/"}) {
    if (arn.starts_with(kind)) return arn.substr(kind.size());
  }
  return std::nullopt;
}

struct Name {
  std::string_view id;
  bool global = false;
};

std::optional<Name> resolve(std::string_view model_id) {
  if (model_id.starts_with("arn:")) {
    const auto id = id_of_arn(model_id);
    if (!id) return std::nullopt;
    model_id = *id;
  }
  const std::string_view prefix = model_id.substr(0, model_id.find('.'));
  if (std::ranges::find(kProfilePrefixes, prefix) == kProfilePrefixes.end()) return Name{model_id};
  return Name{model_id.substr(prefix.size() + 1), prefix == "global"};
}

}  // namespace

Catalog Catalog::parse(std::string_view yaml) {
  Catalog catalog;
  for (const YAML::Node& node : YAML::Load(std::string(yaml))["models"]) {
    Model model = read_model(node);
    const auto same_id = [&](const Model& other) { return other.id == model.id; };
    if (std::ranges::any_of(catalog.models_, same_id)) bad_data(model.id, "is there twice");
    const int percent = node["premium_percent"].as<int>(0);
    catalog.models_.push_back(model);
    model.batch_prices = with_premium(model.id, model.batch_prices, percent);
    model.on_demand_prices = with_premium(model.id, model.on_demand_prices, percent);
    catalog.regional_.push_back(std::move(model));
  }
  return catalog;
}

const Catalog& Catalog::built_in() {
  static const Catalog catalog = parse(embedded::models_yaml);
  return catalog;
}

const Model* Catalog::find(std::string_view model_id) const {
  const auto name = resolve(model_id);
  if (!name) return nullptr;
  const auto& models = name->global ? models_ : regional_;
  const auto found = std::ranges::find(models, name->id, &Model::id);
  return found == models.end() ? nullptr : &*found;
}

std::int64_t cost_nano_usd(const Prices& prices, const openai::Usage& usage) {
  const std::int64_t plain_input =
      usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens;
  return plain_input * prices.input_nano_usd +
         usage.cached_input_tokens * prices.cache_read_nano_usd +
         usage.cache_write_tokens * prices.cache_write_nano_usd +
         usage.output_tokens * prices.output_nano_usd;
}

}  // namespace quarry::catalog
