#include "batch/batch_estimate.h"

#include "batch/group_choice.h"
#include "batch/token_estimate.h"
#include "files/file_rules.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace quarry::batch {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kPicoPerNano = 1'000;

std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? kMost : sum;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kMost : product;
}

// Rounded up: a reservation holds what may be billed. Whole nano-dollars and the rest apart, so
// that no product comes near what 64 bits hold before the cost itself does.
std::int64_t cost_of(std::int64_t tokens, std::int64_t pico_usd) {
  const std::int64_t rest = times(tokens, pico_usd % kPicoPerNano);
  return plus(times(tokens, pico_usd / kPicoPerNano),
              rest / kPicoPerNano + (rest % kPicoPerNano != 0 ? 1 : 0));
}

std::int64_t cost_of(const TokensOf& tokens, const catalog::Prices& prices) {
  return plus(cost_of(tokens.input, prices.input_pico_usd),
              cost_of(tokens.output, prices.output_pico_usd));
}

// At the dearest of the ways that a deployment may run the lines; nullopt: one has no price.
std::optional<std::int64_t> cost_at(const config::DeploymentSettings& settings,
                                    const catalog::Model& model,
                                    const TokensOf& tokens,
                                    std::uint64_t lines) {
  const bool too_few = lines < settings.min_records_per_job;
  const bool on_demand = too_few || !model.batch || settings.deadline_fallback.has_value();
  const bool as_job = !too_few && model.batch;
  std::int64_t most = 0;
  if (on_demand) {
    if (!model.on_demand_prices) return std::nullopt;
    most = cost_of(tokens, *model.on_demand_prices);
  }
  if (as_job) {
    if (!model.batch_prices) return std::nullopt;
    most = std::max(most, cost_of(tokens, *model.batch_prices));
  }
  return most;
}

// What is known of a file that was scanned before sizes were looked at: its share of the bytes, all
// of them text.
openai::RequestSize size_by_bytes(std::int64_t file_bytes,
                                  std::uint64_t lines,
                                  std::uint64_t all_lines) {
  const std::int64_t of = static_cast<std::int64_t>(std::max<std::uint64_t>(all_lines, 1));
  const auto share = static_cast<std::int64_t>(lines);
  openai::RequestSize size;
  size.text_bytes = plus(times(file_bytes / of, share), times(file_bytes % of, share) / of);
  size.answers = size.unlimited_answers = share;
  return size;
}

openai::RequestSize size_of_all(const files::Scan& scan) {
  openai::RequestSize sum;
  for (const auto& [model, size] : *scan.sizes) sum += size;
  return sum;
}

struct Lines {
  std::string model;
  std::uint64_t count = 0;
  openai::RequestSize size;
};

std::vector<Lines> lines_by_model(const EstimateInput& input) {
  const files::Scan& scan = input.scan;
  const auto by_bytes = [&](std::uint64_t lines) {
    return size_by_bytes(input.file_bytes, lines, scan.lines);
  };
  if (input.target_models.size() == 1) {
    return {{input.target_models.front(), scan.lines,
             scan.sizes ? size_of_all(scan) : by_bytes(scan.lines)}};
  }
  std::vector<Lines> found;
  for (const auto& [model, count] : scan.models) {
    const bool known = scan.sizes && scan.sizes->contains(model);
    found.push_back({model, count, known ? scan.sizes->at(model) : by_bytes(count)});
  }
  return found;
}

}  // namespace

TokensOf tokens_of(const openai::RequestSize& size,
                   const catalog::Model& model,
                   openai::Endpoint endpoint) {
  TokensOf tokens;
  const std::int64_t tenths = tenths_of_bytes_per_token(model);
  tokens.input = plus(plus(times(size.text_bytes / tenths, 10),
                           (size.text_bytes % tenths * 10 + tenths - 1) / tenths),
                      size.token_ids);
  tokens.input = plus(tokens.input, times(size.media, kTokensPerMedium));
  if (endpoint == openai::Endpoint::embeddings) return tokens;
  // A prompt is a turn too.
  const std::int64_t turns = std::max(size.messages, size.answers);
  tokens.input = plus(tokens.input, times(turns, kTokensPerMessage));
  const std::int64_t ceiling =
      model.output_tokens_max > 0 ? model.output_tokens_max : kAnswerTokensUnknown;
  // A limit beyond the model's own is refused, or means the model's.
  const std::int64_t limited = size.answers - std::min(size.answers, size.unlimited_answers);
  const std::int64_t most_of_limited =
      model.output_tokens_max > 0 ? times(limited, ceiling) : kMost;
  tokens.output = plus(std::min(size.output_tokens_max, most_of_limited),
                       times(size.unlimited_answers, ceiling));
  return tokens;
}

std::vector<access::ModelEstimate> estimate_batch(const EstimateInput& input,
                                                  const aws::DeploymentSet& deployments,
                                                  const DeploymentModels& models) {
  std::vector<access::ModelEstimate> estimates;
  for (const Lines& lines : lines_by_model(input)) {
    const auto& group = deployments.group(lines.model);
    if (group.empty()) continue;
    access::ModelEstimate estimate{.model = lines.model,
                                   .limits = files::limits_of(lines.model, deployments)};
    const auto choice = choose_deployments(lines.model, group, models, input.endpoint);
    if (!choice) continue;  // the batch fails
    for (const aws::Deployment* deployment : choice->deployments) {
      const catalog::Model& model = *models.of(deployment->settings);
      if (!model.answers(input.endpoint)) continue;  // each of its lines is refused
      const TokensOf tokens = tokens_of(lines.size, model, input.endpoint);
      estimate.tokens = std::max(estimate.tokens, plus(tokens.input, tokens.output));
      const auto cost = cost_at(deployment->settings, model, tokens, lines.count);
      if (!cost) {
        estimate.nano_usd.reset();
      } else if (estimate.nano_usd) {
        estimate.nano_usd = std::max(*estimate.nano_usd, *cost);
      }
    }
    estimates.push_back(std::move(estimate));
  }
  return estimates;
}

}  // namespace quarry::batch
