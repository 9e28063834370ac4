#include "batch/collection_metrics.h"

#include "obs/metrics.h"

#include <algorithm>
#include <array>

namespace quarry::batch {
namespace {

// AWS's last word on the job; a direct one has none.
std::string state_of(const store::JobRow& job) {
  static constexpr std::array kEnds{"Completed",          "Failed",   "Stopped", "Expired",
                                    "PartiallyCompleted", "Rejected", "GivenUp"};
  if (job.aws_status.empty()) return "Completed";
  const bool known = std::ranges::find(kEnds, job.aws_status) != kEnds.end();
  return known ? job.aws_status : "other";
}

}  // namespace

CollectionCount::CollectionCount(const store::JobRow& job,
                                 const store::BatchStore::Collected& collected)
    : model_(job.model_name),
      kind_(name(job.kind)),
      state_(state_of(job)),
      succeeded_(collected.completed),
      failed_(collected.failed - collected.unfinished),
      unfinished_(collected.unfinished),
      usage_(collected.usage),
      cost_nano_usd_(collected.cost_nano_usd),
      unpriced_(!collected.bill.price),
      manifest_differs_(collected.bill.manifest_differs) {}

void CollectionCount::add() const {
  using obs::Counter;
  const auto count = [](Counter which, obs::Labels labels, std::int64_t by) {
    obs::count(which, labels, static_cast<double>(by));
  };
  count(Counter::jobs_ended, {kind_, state_}, 1);
  count(Counter::lines, {model_, "succeeded"}, succeeded_);
  count(Counter::lines, {model_, "failed"}, failed_);
  count(Counter::lines, {model_, "unfinished"}, unfinished_);
  count(Counter::tokens, {model_, "input"}, usage_.input_tokens);
  count(Counter::tokens, {model_, "cached"}, usage_.cached_input_tokens);
  count(Counter::tokens, {model_, "cache_write"}, usage_.cache_write_tokens);
  count(Counter::tokens, {model_, "output"}, usage_.output_tokens);
  count(Counter::tokens, {model_, "reasoning"}, usage_.reasoning_tokens);
  obs::count(Counter::spend_dollars, {model_}, static_cast<double>(cost_nano_usd_) / 1e9);
  count(Counter::unpriced_jobs, {model_}, unpriced_ ? 1 : 0);
  count(Counter::manifest_differences, {model_}, manifest_differs_ ? 1 : 0);
}

void count_refused_lines(std::int64_t lines) {
  // Of no model that is configured, perhaps: what a client wrote is no label.
  if (lines > 0) obs::count(obs::Counter::lines, {"other", "refused"}, static_cast<double>(lines));
}

}  // namespace quarry::batch
