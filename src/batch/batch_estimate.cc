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

struct Lines {
  std::string model;
  std::uint64_t count = 0;
  openai::RequestSize size;
  std::optional<openai::RequestSize> largest;  // nullopt: not known
};

// What AWS takes as a job where an account's quota is not changed (Service Quotas, "Minimum number
// of records per batch inference job"). It is AWS that has the last word: where the config says
// less and AWS refuses the job, its lines run on demand.
constexpr std::uint64_t kRecordsPerJobMin = 100;
// A record against the body that it was made of: names of other lengths, and text in a string of
// its own; around them what each record has.
constexpr std::int64_t kRecordBytesPerByte = 3;
constexpr std::int64_t kBytesAroundRecord = 4'096;

bool may_run_directly(const config::DeploymentSettings& settings) {
  return settings.small_batch == config::SmallBatch::direct;
}

// Whether they may be enough records for a job.
bool may_be_a_job(const Lines& lines,
                  const config::DeploymentSettings& settings,
                  const catalog::Model& model) {
  const auto answers = static_cast<std::uint64_t>(lines.size.answers);
  return model.batch && std::max(lines.count, answers) >= settings.min_records_per_job;
}

// Whether the planner leaves only the last job of the lines with fewer records than `least`: it
// closes a job before that only where the next line has no room in it.
bool only_last_job_is_small(const Lines& lines,
                            const config::DeploymentSettings& settings,
                            std::int64_t least) {
  if (!lines.largest) return false;
  const auto most = static_cast<std::int64_t>(settings.max_records_per_job);
  const std::int64_t parts = lines.largest->answers;  // of a line, at most
  if (lines.size.answers > most && (most < times(least, 2) || most < plus(least, parts))) {
    return false;
  }
  const auto record_bytes = [](std::int64_t body_bytes, std::int64_t records) {
    return plus(times(body_bytes, kRecordBytesPerByte), times(records, kBytesAroundRecord));
  };
  const auto room = static_cast<std::int64_t>(settings.max_job_bytes);
  if (parts <= 1 && record_bytes(lines.size.body_bytes, lines.size.answers) <= room) return true;
  const std::int64_t largest = record_bytes(lines.largest->body_bytes, 1);
  return times(largest, plus(least - 1, parts)) <= room;
}

// What the lines may cost at most, over the deployments that may run them.
//
// All at the batch price, and fewer than `least_` at the price on demand: the last job may be too
// small for AWS, whatever the file has, for lines are refused before that. All at the price on
// demand where all may run so. The largest request stands for each of the few.
class CostBound {
 public:
  CostBound(const Lines& lines, openai::Endpoint endpoint, std::uint64_t least)
      : lines_(lines),
        endpoint_(endpoint),
        least_(static_cast<std::int64_t>(std::min<std::uint64_t>(least, kMost))) {}

  void add(const config::DeploymentSettings& settings, const catalog::Model& model);
  // nullopt: a price that they may be billed by is not known.
  std::optional<std::int64_t> most() const;

 private:
  const Lines& lines_;
  openai::Endpoint endpoint_;
  std::int64_t least_;
  bool unpriced_ = false;
  bool all_directly_ = false;
  std::int64_t as_jobs_ = 0, on_demand_ = 0;  // of all lines
  std::int64_t more_ = 0;  // that the lines of a small job cost above the batch price
};

void CostBound::add(const config::DeploymentSettings& settings, const catalog::Model& model) {
  const TokensOf all = tokens_of(lines_.size, model, endpoint_);
  const bool as_job = may_be_a_job(lines_, settings, model);
  const bool always = !as_job || settings.deadline_fallback.has_value();
  const bool directly = always || may_run_directly(settings);
  if ((directly && !model.on_demand_prices) || (as_job && !model.batch_prices)) {
    unpriced_ = true;
    return;
  }
  if (as_job) as_jobs_ = std::max(as_jobs_, cost_of(all, *model.batch_prices));
  if (!directly) return;
  on_demand_ = std::max(on_demand_, cost_of(all, *model.on_demand_prices));
  if (always || !only_last_job_is_small(lines_, settings, least_)) {
    all_directly_ = true;
    return;
  }
  const TokensOf each = tokens_of(*lines_.largest, model, endpoint_);
  const std::int64_t difference =
      cost_of(each, *model.on_demand_prices) - cost_of(each, *model.batch_prices);
  more_ = std::max(more_, times(std::max<std::int64_t>(difference, 0), least_ - 1));
}

std::optional<std::int64_t> CostBound::most() const {
  if (unpriced_) return std::nullopt;
  const std::int64_t dearest = std::max(as_jobs_, on_demand_);
  return all_directly_ ? dearest : std::min(dearest, plus(as_jobs_, more_));
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

// None of all requests is larger; nullopt: not known.
std::optional<openai::RequestSize> largest_of_all(const files::Scan& scan) {
  if (scan.largest.empty()) return std::nullopt;
  openai::RequestSize largest;
  for (const auto& [model, size] : scan.largest) largest.raise_to(size);
  return largest;
}

std::vector<Lines> lines_by_model(const EstimateInput& input) {
  const files::Scan& scan = input.scan;
  const auto by_bytes = [&](std::uint64_t lines) {
    return size_by_bytes(input.file_bytes, lines, scan.lines);
  };
  if (input.target_models.size() == 1) {
    return {{input.target_models.front(), scan.lines,
             scan.sizes ? size_of_all(scan) : by_bytes(scan.lines), largest_of_all(scan)}};
  }
  std::vector<Lines> found;
  for (const auto& [model, count] : scan.models) {
    const bool known = scan.sizes && scan.sizes->contains(model);
    const auto largest = scan.largest.find(model);
    found.push_back(
        {model, count, known ? scan.sizes->at(model) : by_bytes(count),
         largest == scan.largest.end() ? std::nullopt : std::optional(largest->second)});
  }
  return found;
}

// Nova 2 takes no limit at high effort, and then has none (translate's nova_effort()).
bool has_no_limit_at_high_effort(const catalog::Model& model) {
  return model.family == "nova" && model.reasoning != catalog::Reasoning::none;
}

// One of each name: it is one model that several names of a wildcard run.
void add_to(std::vector<access::ModelEstimate>& estimates, access::ModelEstimate estimate) {
  const auto same = std::ranges::find(estimates, estimate.model, &access::ModelEstimate::model);
  if (same == estimates.end()) return estimates.push_back(std::move(estimate));
  same->tokens = plus(same->tokens, estimate.tokens);
  same->nano_usd = same->nano_usd && estimate.nano_usd
                       ? std::optional(plus(*same->nano_usd, *estimate.nano_usd))
                       : std::nullopt;
}

std::uint64_t least_of(const std::vector<const aws::Deployment*>& deployments) {
  std::uint64_t least = kRecordsPerJobMin;
  for (const aws::Deployment* deployment : deployments) {
    least = std::max(least, deployment->settings.min_records_per_job);
  }
  return least;
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
  const std::int64_t unlimited =
      has_no_limit_at_high_effort(model)
          ? std::min(size.answers, plus(size.unlimited_answers, size.high_effort_answers))
          : size.unlimited_answers;
  const std::int64_t limited = size.answers - std::min(size.answers, unlimited);
  const std::int64_t most_of_limited =
      model.output_tokens_max > 0 ? times(limited, ceiling) : kMost;
  tokens.output =
      plus(std::min(size.output_tokens_max, most_of_limited), times(unlimited, ceiling));
  return tokens;
}

std::vector<access::ModelEstimate> estimate_batch(const EstimateInput& input,
                                                  const aws::DeploymentSet& deployments,
                                                  const DeploymentModels& models) {
  std::vector<access::ModelEstimate> estimates;
  for (const Lines& lines : lines_by_model(input)) {
    const auto& group = deployments.group(lines.model);
    if (group.empty()) continue;
    access::ModelEstimate estimate{.model = files::name_of_limits(lines.model, deployments),
                                   .limits = files::limits_of(lines.model, deployments)};
    const auto choice = choose_deployments(lines.model, group, models, input.endpoint);
    if (!choice) continue;  // the batch fails
    CostBound cost(lines, input.endpoint, least_of(choice->deployments));
    for (const aws::Deployment* deployment : choice->deployments) {
      const catalog::Model& model = *models.of(deployment->settings);
      if (!model.answers(input.endpoint)) continue;  // each of its lines is refused
      const TokensOf tokens = tokens_of(lines.size, model, input.endpoint);
      estimate.tokens = std::max(estimate.tokens, plus(tokens.input, tokens.output));
      cost.add(deployment->settings, model);
    }
    estimate.nano_usd = cost.most();
    add_to(estimates, std::move(estimate));
  }
  return estimates;
}

}  // namespace quarry::batch
