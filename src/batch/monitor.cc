#include "batch/job_steps.h"
#include "batch/progress.h"
#include "obs/log.h"

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::chrono::seconds kCallTimeMax{60};
constexpr std::int64_t kLookSoonMs = 5'000;
constexpr std::int64_t kLookLateMs = 60'000;
constexpr std::int64_t kStoppingLookMs = 1'000;

// A young job is looked at often, an old one seldom: a tenth of its age.
std::int64_t next_look_ms(const Context& context, const bedrock::Job& job, bool stopping) {
  if (context.settings.polling_interval) return context.settings.polling_interval->count();
  if (stopping) return kStoppingLookMs;
  const std::int64_t age_ms =
      job.submit_time ? context.now_ms() - unix_millis(*job.submit_time) : std::int64_t{0};
  return std::clamp(age_ms / 10, kLookSoonMs, kLookLateMs);
}

Task<void> lost_job(Context& context, const store::JobRow& job, std::string message) {
  co_return co_await context.batches.job_observed(job.batch_id, job.n, store::JobState::ended,
                                                  "Failed", std::move(message), job.succeeded,
                                                  job.errored, context.now_ms());
}

}  // namespace

Task<void> observe_job(Context& context, store::DueJob due) {
  const store::JobRow& job = due.job;
  const aws::DeploymentPtr deployment = context.deployments.by_id(job.deployment_id);
  if (!deployment) {
    co_return fail(Errc::unavailable,
                   "deployment " + job.deployment_id +
                       " is no longer configured, so its job cannot be looked at; "
                       "hint: put it back into model_list");
  }
  if (job.stop_requested && job.aws_status != "Stopping") {
    auto stopped =
        co_await deployment->bedrock->stop_job(job.job_arn, Deadline::after(kCallTimeMax));
    if (!stopped && stopped.error().code() != Errc::not_found) {
      // It is still looked at: it may end by itself, and the next look asks again.
      obs::warn("job not stopped", {{"batch_id", job.batch_id.value},
                                    {"job", job.n},
                                    {"message", stopped.error().message()}});
    }
  }
  auto seen = co_await deployment->bedrock->get_job(job.job_arn, Deadline::after(kCallTimeMax));
  if (!seen) {
    if (seen.error().code() == Errc::not_found) {
      co_return co_await lost_job(context, job,
                                  "AWS no longer knows the job: " + seen.error().message());
    }
    co_return fail(std::move(seen.error()).within("looking at job " + job.job_arn));
  }
  const bool ended = bedrock::terminal(seen->status);
  if (bedrock::name(seen->status) != job.aws_status) {
    obs::info("job status", {{"batch_id", job.batch_id.value},
                             {"job", job.n},
                             {"status", bedrock::name(seen->status)},
                             {"message", seen->message}});
  }
  const std::int64_t due_ms =
      context.now_ms() + (ended ? 0 : next_look_ms(context, *seen, job.stop_requested));
  co_return co_await context.batches.job_observed(
      job.batch_id, job.n, ended ? store::JobState::ended : store::JobState::running,
      std::string(bedrock::name(seen->status)), seen->message,
      lines_of(job, seen->success_records).value_or(job.succeeded),
      lines_of(job, seen->error_records).value_or(job.errored), due_ms);
}

}  // namespace quarry::batch
