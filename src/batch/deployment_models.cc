#include "batch/deployment_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace quarry::batch {
namespace {

using catalog::Model;
using catalog::Prices;
using catalog::Reasoning;
using config::ConfigError;
using config::DeploymentSettings;
using config::ModelOverrides;

// One deployment's model, or what is wrong with what its entry says.
class Resolver {
 public:
  Resolver(const catalog::Catalog& catalog, const DeploymentSettings& deployment)
      : catalog_(catalog), deployment_(deployment), given_(deployment.model) {}

  std::expected<Model, ConfigError> resolve() {
    auto model = find();
    if (!model) return model;
    if (auto error = check_mode(*model)) return std::unexpected(std::move(*error));
    apply_limits(*model);
    apply_features(*model);
    if (auto error = apply_prices(*model)) return std::unexpected(std::move(*error));
    return model;
  }

 private:
  ConfigError complaint(std::string_view key, std::string message) const {
    return {deployment_.line, fmt::format("{}.{}", deployment_.path, key), std::move(message)};
  }
  std::expected<Model, ConfigError> find() const;
  std::optional<ConfigError> check_mode(const Model& model) const;
  void apply_limits(Model& model) const;
  void apply_features(Model& model) const;
  std::optional<ConfigError> apply_prices(Model& model) const;
  std::optional<ConfigError> lay_over(std::optional<Prices>& prices,
                                      std::optional<std::int64_t> input,
                                      std::optional<std::int64_t> output,
                                      std::string_view suffix,
                                      bool embeds) const;

  const catalog::Catalog& catalog_;
  const DeploymentSettings& deployment_;
  const ModelOverrides& given_;
};

std::expected<Model, ConfigError> Resolver::find() const {
  const std::string& name = given_.base_model.empty() ? deployment_.model_id : given_.base_model;
  const Model* known = catalog_.find(name);
  if (!known && !given_.base_model.empty()) {
    return std::unexpected(complaint(
        "model_info.base_model",
        fmt::format("'{}' is not in the catalog; hint: `quarry models` lists it, and a `models:` "
                    "section adds to it",
                    given_.base_model)));
  }
  if (given_.family.empty()) {
    if (known) return *known;
    return std::unexpected(complaint(
        "litellm_params.model",
        fmt::format("'{}' is not in the catalog, so nothing says how to speak to it; hint: name a "
                    "model of `quarry models` as model_info.base_model, or its family as "
                    "litellm_params.bedrock_model_family ({}), or describe it in a `models:` "
                    "section",
                    deployment_.model_id, fmt::join(catalog::families(), ", "))));
  }
  if (std::ranges::find(catalog::families(), given_.family) == catalog::families().end()) {
    return std::unexpected(
        complaint("litellm_params.bedrock_model_family",
                  fmt::format("'{}' is no family; hint: families are {}", given_.family,
                              fmt::join(catalog::families(), ", "))));
  }
  if (known && known->family == given_.family) return *known;
  // Another family speaks to it: its limits and prices are the model's own still.
  Model model = catalog::model_of_family(given_.family);
  if (known) {
    model.id = known->id;
    model.inputs = known->inputs;
    model.tools = known->tools;
    model.json_schema = known->json_schema;
    model.context_tokens_max = known->context_tokens_max;
    model.output_tokens_max = known->output_tokens_max;
    model.refuses = known->refuses;
    model.temperature_or_top_p = known->temperature_or_top_p;
    model.no_prefill = known->no_prefill;
    model.batch = known->batch;
    model.profiles = known->profiles;
    model.batch_regions = known->batch_regions;
    model.batch_prices = known->batch_prices;
    model.on_demand_prices = known->on_demand_prices;
    model.price_source = known->price_source;
    model.price_date = known->price_date;
  } else {
    model.id = deployment_.model_id;
    model.batch = true;  // whoever configures it for batches knows
  }
  return model;
}

std::optional<ConfigError> Resolver::check_mode(const Model& model) const {
  if (given_.mode.empty()) return std::nullopt;
  const bool embeds = model.answers(openai::Endpoint::embeddings);
  if (embeds == (given_.mode == "embedding")) return std::nullopt;
  return complaint("model_info.mode", fmt::format("is '{}', but {} is {} model", given_.mode,
                                                  model.id, embeds ? "an embedding" : "a chat"));
}

void Resolver::apply_limits(Model& model) const {
  if (given_.max_input_tokens) model.context_tokens_max = *given_.max_input_tokens;
  if (given_.max_output_tokens) model.output_tokens_max = *given_.max_output_tokens;
}

Reasoning usual_reasoning(std::string_view family) {
  if (family == "anthropic") return Reasoning::budget;
  if (family == "nova" || family == "openai_shaped") return Reasoning::effort;
  return Reasoning::always;
}

void Resolver::apply_features(Model& model) const {
  if (given_.tools) model.tools = *given_.tools;
  if (given_.image) model.inputs.image = *given_.image;
  if (given_.document) model.inputs.document = *given_.document;
  if (given_.json_schema) model.json_schema = *given_.json_schema;
  if (!given_.reasoning) return;
  if (!*given_.reasoning) {
    model.reasoning = Reasoning::none;
  } else if (model.reasoning == Reasoning::none) {
    model.reasoning = usual_reasoning(model.family);
  }
}

// One half of a price alone lies over a known price; where none is known it is no price.
std::optional<ConfigError> Resolver::lay_over(std::optional<Prices>& prices,
                                              std::optional<std::int64_t> input,
                                              std::optional<std::int64_t> output,
                                              std::string_view suffix,
                                              bool embeds) const {
  if (!input && !output) return std::nullopt;
  if (!prices && embeds && !output) output = 0;
  if (!prices && (!input || !output)) {
    const char* given = input ? "input" : "output";
    const char* missing = input ? "output" : "input";
    return complaint(
        fmt::format("model_info.{}_cost_per_token{}", given, suffix),
        fmt::format("is half a price: {}_cost_per_token{} is missing, and the catalog has no price",
                    missing, suffix));
  }
  Prices changed = prices.value_or(Prices{});
  if (output) changed.output_pico_usd = *output;
  if (input) {
    changed.input_pico_usd = *input;
    // What was known of cached tokens was known of another price.
    changed.cache_read_pico_usd = *input;
    changed.cache_write_pico_usd = *input;
  }
  prices = changed;
  return std::nullopt;
}

std::int64_t half(std::int64_t pico_usd) { return pico_usd / 2 + pico_usd % 2; }

// LiteLLM's rule: a batch price that is not given is half of the on-demand one that is.
std::optional<ConfigError> Resolver::apply_prices(Model& model) const {
  const ModelOverrides& given = given_;
  const bool embeds = model.answers(openai::Endpoint::embeddings);
  if (auto error = lay_over(model.on_demand_prices, given.input_pico_usd, given.output_pico_usd, "",
                            embeds)) {
    return error;
  }
  auto batch_input = given.batch_input_pico_usd;
  auto batch_output = given.batch_output_pico_usd;
  if (!batch_input && given.input_pico_usd) batch_input = half(*given.input_pico_usd);
  if (!batch_output && given.output_pico_usd) batch_output = half(*given.output_pico_usd);
  if (auto error = lay_over(model.batch_prices, batch_input, batch_output, "_batches", embeds)) {
    return error;
  }
  if ((given.cache_read_pico_usd || given.cache_write_pico_usd) && !model.on_demand_prices) {
    return complaint(given.cache_read_pico_usd ? "model_info.cache_read_input_token_cost"
                                               : "model_info.cache_creation_input_token_cost",
                     "needs input_cost_per_token and output_cost_per_token beside it");
  }
  if (given.cache_read_pico_usd) {
    model.on_demand_prices->cache_read_pico_usd = *given.cache_read_pico_usd;
  }
  if (given.cache_write_pico_usd) {
    model.on_demand_prices->cache_write_pico_usd = *given.cache_write_pico_usd;
  }
  if (given.input_pico_usd || given.output_pico_usd || batch_input || batch_output) {
    model.price_source = "config.yaml";
    model.price_date.clear();
  }
  return std::nullopt;
}

}  // namespace

std::expected<catalog::Catalog, std::vector<ConfigError>> catalog_of(
    const config::Settings& settings) {
  const catalog::Catalog& built_in = catalog::Catalog::built_in();
  if (settings.models_yaml.empty()) return built_in;
  try {
    return built_in.extended(settings.models_yaml);
  } catch (const catalog::DataError& error) {
    const bool placed = settings.models_line > 0 && error.line > 0;
    const int line = placed ? settings.models_line + error.line - 1 : settings.models_line;
    return std::unexpected(std::vector{ConfigError{line, error.key, error.what()}});
  }
}

namespace {

// A wildcard's entry as it is configured, not what was made of it.
bool any_model(const DeploymentSettings& deployment) {
  return deployment.wildcard && deployment.model_id.contains('*');
}

// What its entry says of the model can be checked before one is asked for.
bool names_its_model(const DeploymentSettings& deployment) {
  return !deployment.model.base_model.empty() || !deployment.model.family.empty();
}

}  // namespace

struct DeploymentModels::State {
  explicit State(catalog::Catalog c) : catalog(std::move(c)) {}

  const catalog::Catalog catalog;
  std::mutex mutex;
  std::map<std::string, Model> by_id;
};

std::expected<DeploymentModels, std::vector<ConfigError>> DeploymentModels::make(
    const catalog::Catalog& catalog, const std::vector<DeploymentSettings>& deployments) {
  auto state = std::make_shared<State>(catalog);
  std::vector<ConfigError> errors;
  for (const DeploymentSettings& deployment : deployments) {
    if (any_model(deployment) && !names_its_model(deployment)) continue;
    auto model = Resolver(catalog, deployment).resolve();
    if (!model) {
      errors.push_back(std::move(model.error()));
    } else if (!any_model(deployment)) {
      state->by_id.insert_or_assign(deployment.id, std::move(*model));
    }
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return DeploymentModels(std::move(state));
}

bool DeploymentModels::knows(const DeploymentSettings& deployment) const {
  return !any_model(deployment) && Resolver(state_->catalog, deployment).resolve().has_value();
}

const Model* DeploymentModels::of(const DeploymentSettings& deployment) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->by_id.find(deployment.id);
  if (found != state_->by_id.end()) return &found->second;
  if (!deployment.wildcard || any_model(deployment)) return nullptr;
  auto model = Resolver(state_->catalog, deployment).resolve();
  if (!model) return nullptr;
  return &state_->by_id.emplace(deployment.id, std::move(*model)).first->second;
}

namespace {

// "us" of "us.anthropic.…", alone or at the end of an inference profile's ARN; "" of a bare id.
std::string_view profile_prefix(std::string_view model_id, const Model& model) {
  const std::size_t slash = model_id.rfind('/');
  if (slash != std::string_view::npos) model_id.remove_prefix(slash + 1);
  const std::string_view vendor = std::string_view(model.id).substr(0, model.id.find('.'));
  const std::string_view first = model_id.substr(0, model_id.find('.'));
  return first == vendor ? std::string_view() : first;
}

std::string called_by(const std::string& prefix) {
  return prefix.empty() ? "its bare id" : "'" + prefix + ".'";
}

// What it is called by does not say its model.
bool opaque(const DeploymentSettings& deployment) {
  const std::string& id = deployment.model_id;
  return !deployment.model.base_model.empty() ||
         (id.starts_with("arn:") && !id.contains(":foundation-model/") &&
          !id.contains(":inference-profile/"));
}

// The family of what the deployment names, as the built-in catalog has it; "" when not known.
std::string_view known_family(const DeploymentSettings& deployment) {
  const std::string& base = deployment.model.base_model;
  const Model* known = catalog::Catalog::built_in().find(base.empty() ? deployment.model_id : base);
  return known == nullptr ? std::string_view() : known->family;
}

// data/models.yaml's.
constexpr auto kPricedRegions =
    std::to_array<std::string_view>({"us-east-1", "us-east-2", "us-west-2"});

}  // namespace

std::vector<std::string> doubts_about(const DeploymentSettings& deployment, const Model& model) {
  std::vector<std::string> doubts;
  if (!model.batch) {
    doubts.emplace_back(
        "this model does not run as a batch inference job; hint: where it does by now, a `models:` "
        "section with its id and `batch: true` says so");
  } else if (!model.batch_prices) {
    doubts.emplace_back(
        "no price is known for this model, so the spend of its batches will not be; hint: "
        "model_info.input_cost_per_token_batches and output_cost_per_token_batches give it");
  }
  if (const std::string_view known = known_family(deployment);
      !known.empty() && known != model.family) {
    doubts.push_back(
        fmt::format("its requests are written as the family '{}' takes them, but this model is "
                    "known to be of '{}'; hint: leave bedrock_model_family out",
                    model.family, known));
  }
  if (opaque(deployment)) return doubts;
  const std::string prefix(profile_prefix(deployment.model_id, model));
  if (!model.profiles.empty() &&
      std::ranges::find(model.profiles, prefix) == model.profiles.end()) {
    std::vector<std::string> known;
    for (const std::string& one : model.profiles) known.push_back(called_by(one));
    doubts.push_back(fmt::format("this model is not known to be called by {}; known are: {}",
                                 called_by(prefix), fmt::join(known, ", ")));
  }
  if (prefix.empty() && model.on_demand_prices && !model.price_date.empty() &&
      std::ranges::find(kPricedRegions, deployment.bedrock_region) == kPricedRegions.end()) {
    doubts.push_back(
        fmt::format("the price known for this model is that of us-east-1, and may be another in "
                    "{}; hint: model_info.input_cost_per_token and output_cost_per_token give it",
                    deployment.bedrock_region));
  }
  return doubts;
}

}  // namespace quarry::batch
