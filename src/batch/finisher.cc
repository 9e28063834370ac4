#include "batch/finisher.h"

#include "batch/giving_up.h"
#include "batch/resource_names.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quarry::batch {
namespace {

constexpr std::int64_t kResultLifeSeconds = 30 * 86'400;  // OpenAI's default for batch output
// Woken long before by what it waits for; spread, so that thousands do not come at once.
constexpr std::int64_t kLookAgainMs = 600'000;

store::FileRow result_file(const store::BatchRow& batch,
                           const FileId& id,
                           std::string_view kind,
                           std::int64_t now_s) {
  store::FileRow file;
  file.id = id;
  file.by = batch.by;
  file.filename = fmt::format("{}_{}.jsonl", batch.id.value, kind);
  file.purpose = "batch_output";
  file.created_at = now_s;
  file.expires_at = now_s + batch.output_expires_after_s.value_or(kResultLifeSeconds);
  return file;
}

// Of jobs whose lines all went on to a successor nothing is left to say.
bool refused_by_aws(const store::JobRow& job) {
  return job.lines > 0 && (job.aws_status == "Failed" || job.aws_status == "Rejected");
}

// AWS's own words, and why jobs were given up; each once.
std::vector<openai::BatchError> errors_of(const std::vector<store::JobRow>& jobs) {
  std::vector<openai::BatchError> errors;
  for (const store::JobRow& job : jobs) {
    const bool given_up = job.aws_status == kGivenUp;
    if (!given_up && (!refused_by_aws(job) || job.message.empty())) continue;
    std::string message = without_resource_names(job.message);
    if (given_up) message = fmt::format("{} lines have no result: {}", job.lines, message);
    const bool known =
        std::ranges::any_of(errors, [&](const auto& error) { return error.message == message; });
    if (!known) {
      errors.push_back({given_up ? "job_given_up" : "job_failed", message, "", std::nullopt});
    }
  }
  return errors;
}

openai::BatchStatus last_status(const store::BatchRow& batch,
                                const std::vector<store::JobRow>& jobs) {
  if (batch.object.status == openai::BatchStatus::cancelling) return openai::BatchStatus::cancelled;
  // Neither completed nor failed: not run within the window.
  const bool expired = std::ranges::any_of(
      jobs, [](const auto& job) { return job.succeeded + job.errored < job.lines; });
  if (expired) return openai::BatchStatus::expired;
  const bool something_ran = std::ranges::any_of(jobs, [](const auto& job) {
    return job.lines > 0 && (!refused_by_aws(job) || job.succeeded > 0);
  });
  return jobs.empty() || something_ran ? openai::BatchStatus::completed
                                       : openai::BatchStatus::failed;
}

// When the batch's jobs that are not collected must be looked at as a whole: its window ends, or
// what waits for a slot is to run on demand.
std::int64_t next_turn_ms(const Context& context,
                          const store::BatchRow& batch,
                          const std::vector<store::JobRow>& jobs) {
  const std::int64_t end_s = batch.object.expires_at.value_or(0);
  std::int64_t turn_ms =
      context.now_ms() + kLookAgainMs +
      static_cast<std::int64_t>(static_cast<double>(kLookAgainMs) * context.jitter());
  const auto at = [&](std::int64_t moment_ms) {
    if (moment_ms > context.now_ms()) turn_ms = std::min(turn_ms, moment_ms);
  };
  at(end_s * 1000);
  if (const auto giving_up = gives_up_at(batch)) at(*giving_up * 1000);
  for (const store::JobRow& job : jobs) {
    const auto deployment = context.deployments.by_id(job.deployment_id);
    if (!deployment || !deployment->settings.deadline_fallback) continue;
    at((end_s - std::chrono::seconds(*deployment->settings.deadline_fallback).count()) * 1000);
  }
  return turn_ms;
}

// What waits for a slot does not wait any longer once it is due to run on demand.
Task<void> fall_back(Context& context,
                     const store::BatchRow& batch,
                     const std::vector<store::JobRow>& jobs) {
  std::set<std::string> seen;
  for (const store::JobRow& job : jobs) {
    if (job.kind != store::JobKind::bedrock || job.state != store::JobState::staged) continue;
    if (!seen.insert(job.deployment_id).second) continue;
    const auto deployment = context.deployments.by_id(job.deployment_id);
    const store::DueJob due{job, false, batch.object.expires_at.value_or(0)};
    if (!deployment || !context.fallback_due(due, deployment->settings)) continue;
    obs::info("the window closes soon: jobs that wait for a slot run on demand",
              {{"batch_id", batch.id.value}, {"deployment", job.deployment_id}});
    auto begun =
        co_await context.batches.run_staged_directly(batch.id, job.deployment_id, context.now_ms());
    if (!begun) co_return begun;
  }
  co_return Result<void>();
}

// Everything that is not collected is to end: the client cancelled, or the window is over.
Task<void> stop_if_over(Context& context, const store::BatchRow& batch) {
  const std::int64_t now_ms = context.now_ms();
  if (batch.object.status == openai::BatchStatus::cancelling) {
    co_return co_await context.batches.begin_stop(batch.id, "", now_ms);
  }
  if (batch.object.expires_at.value_or(0) <= now_ms / 1000) {
    co_return co_await context.batches.begin_stop(batch.id, "Expired", now_ms);
  }
  co_return Result<void>();
}

}  // namespace

Task<void> finish_batch(Context& context, store::BatchRow batch) {
  const std::int64_t now_ms = context.now_ms();
  auto stopping = co_await stop_if_over(context, batch);
  if (!stopping) co_return stopping;
  auto jobs = co_await context.batches.jobs(batch.id);
  if (!jobs) co_return fail(std::move(jobs.error()));
  const bool all_collected = std::ranges::all_of(
      *jobs, [](const auto& job) { return job.state == store::JobState::collected; });
  if (!all_collected) {
    auto given_up = co_await end_unreachable_jobs(context, batch, *jobs);
    if (!given_up) co_return given_up;
    auto fallen_back = co_await fall_back(context, batch, *jobs);
    if (!fallen_back) co_return fallen_back;
    co_return co_await context.batches.release_batch(batch.id, next_turn_ms(context, batch, *jobs),
                                                     0);
  }
  auto finalizing = co_await context.batches.begin_finalizing(batch.id, now_ms);
  if (!finalizing) co_return finalizing;

  store::BatchStore::End end;
  end.id = batch.id;
  end.status = last_status(batch, *jobs);
  end.errors = errors_of(*jobs);
  end.output_file = result_file(batch, batch.output_id, "output", now_ms / 1000);
  end.error_file = result_file(batch, batch.error_id, "error", now_ms / 1000);
  const openai::BatchStatus status = end.status;
  auto finished = co_await context.batches.finish(std::move(end), context.now_ms());
  if (finished) {
    context.cancelling.erase(batch.id);
    obs::info("batch ended", {{"batch_id", batch.id.value}, {"status", openai::name(status)}});
  }
  co_return finished;
}

}  // namespace quarry::batch
