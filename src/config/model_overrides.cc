#include "config/model_overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace quarry::config {
namespace {

constexpr std::uint64_t kTokensMax = 1'000'000'000;

// The map that gives `key`; said twice, it must be the same.
Section& giver(std::string_view key, Section& params, Section& info) {
  if (info.has(key) && params.has(key) && info.written(key) != params.written(key)) {
    info.complain(key,
                  fmt::format("is '{}' here and '{}' in litellm_params; hint: keep one of them",
                              info.written(key), params.written(key)));
  }
  return info.has(key) ? info : params;
}

void read_names(Section& params, Section& info, ModelOverrides& out) {
  out.family = params.text("bedrock_model_family").value_or("");
  Section& base = giver("base_model", params, info);
  out.base_model = base.text("base_model").value_or("");
  constexpr std::string_view kProvider = "bedrock/";
  if (out.base_model.starts_with(kProvider)) out.base_model.erase(0, kProvider.size());
  constexpr auto kModes =
      std::to_array<std::string_view>({"chat", "completion", "responses", "embedding"});
  const std::string mode = info.text("mode").value_or("");
  if (std::ranges::find(kModes, mode) != kModes.end()) out.mode = mode;
}

void read_limits(Section& info, ModelOverrides& out) {
  const auto tokens = [&](std::string_view key) -> std::optional<std::int64_t> {
    const auto value = info.integer(key, 1, kTokensMax);
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  out.max_input_tokens = tokens("max_input_tokens");
  const auto old_name = tokens("max_tokens");
  out.max_output_tokens = tokens("max_output_tokens");
  if (!out.max_output_tokens) out.max_output_tokens = old_name;
}

void read_invocation(Section& params, DeploymentSettings& out) {
  const auto value = params.text("bedrock_invocation");
  if (!value) return;
  constexpr auto kWords = std::to_array<std::pair<std::string_view, BedrockInvocation>>(
      {{"auto", BedrockInvocation::automatic},
       {"native", BedrockInvocation::native},
       {"converse", BedrockInvocation::converse}});
  for (const auto& [word, meaning] : kWords) {
    if (*value != word) continue;
    out.invocation = meaning;
    return;
  }
  params.complain("bedrock_invocation", fmt::format("must be auto, native or converse, not '{}'",
                                                    params.written("bedrock_invocation")));
}

}  // namespace

void read_model_overrides(Section& params, Section& info, DeploymentSettings& out) {
  ModelOverrides& model = out.model;
  read_names(params, info, model);
  read_limits(info, model);
  read_invocation(params, out);
  const auto cost = [&](std::string_view key) { return giver(key, params, info).token_cost(key); };
  model.input_pico_usd = cost("input_cost_per_token");
  model.output_pico_usd = cost("output_cost_per_token");
  model.batch_input_pico_usd = cost("input_cost_per_token_batches");
  model.batch_output_pico_usd = cost("output_cost_per_token_batches");
  model.cache_read_pico_usd = cost("cache_read_input_token_cost");
  model.cache_write_pico_usd = cost("cache_creation_input_token_cost");
  model.tools = info.boolean("supports_function_calling");
  model.image = info.boolean("supports_vision");
  model.json_schema = info.boolean("supports_response_schema");
  model.document = info.boolean("supports_pdf_input");
  model.reasoning = info.boolean("supports_reasoning");
}

}  // namespace quarry::config
