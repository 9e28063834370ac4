#include "batch/job_steps.h"
#include "batch/names.h"
#include "batch/worth_repeating.h"
#include "obs/log.h"

#include <fmt/format.h>

namespace quarry::batch {
namespace {

constexpr std::chrono::seconds kCreateTimeMax{60};
constexpr std::int64_t kNoSlotWaitMs = 5'000;
constexpr std::int64_t kFirstLookMs = 1'000;
constexpr std::int64_t kQuotaWaitMs = 60'000;
constexpr std::string_view kSubmitting = "Submitting";  // BatchStore::job_submitting

bedrock::CreateJob request_of(const store::JobRow& job, const aws::Deployment& deployment) {
  bedrock::CreateJob create;
  create.job_name = job_name(job.batch_id, job.n, job.attempt);
  create.client_request_token = client_request_token(job.batch_id, job.n, job.attempt);
  create.role_arn = deployment.settings.role_arn;
  create.model_id = deployment.settings.model_id;
  create.invocation_type = job.invocation;
  create.input_s3_uri = aws::to_string(deployment.object(input_object(job.batch_id, job.n)));
  create.output_s3_uri = aws::to_string(deployment.object(results_prefix(job.batch_id, job.n)));
  return create;
}

// Nothing runs at AWS: the collector will tell every line why.
Task<void> end_unsubmitted(Context& context,
                           const store::JobRow& job,
                           std::string aws_status,
                           std::string message) {
  co_return co_await context.batches.job_observed(job.batch_id, job.n, store::JobState::ended,
                                                  std::move(aws_status), std::move(message), 0, 0,
                                                  context.now_ms());
}

}  // namespace

Task<void> submit_job(Context& context, store::DueJob due) {
  const store::JobRow& job = due.job;
  // A job that AWS may have is given up through AWS alone: else it would run, and be billed, for
  // nobody.
  const bool maybe_at_aws = job.aws_status == kSubmitting;
  if (due.batch_cancelling && !maybe_at_aws)
    co_return co_await end_unsubmitted(context, job, "", "");
  if (context.window_over(due) && !maybe_at_aws) {
    co_return co_await end_unsubmitted(context, job, "Expired",
                                       "no slot was free within the window");
  }
  const aws::DeploymentPtr deployment = context.deployments.by_id(job.deployment_id);
  if (!deployment) {
    co_return co_await end_unsubmitted(
        context, job, "Rejected",
        fmt::format("deployment {} is no longer configured; hint: put it back into model_list",
                    job.deployment_id));
  }
  auto busy = co_await context.batches.jobs_at_aws(job.deployment_id);
  if (!busy) co_return fail(std::move(busy.error()));
  if (*busy >= deployment->settings.max_concurrent_jobs && !maybe_at_aws) {
    const std::int64_t later_ms = context.now_ms() + kNoSlotWaitMs;
    auto postponed = co_await context.batches.postpone_staged(job.deployment_id, later_ms);
    if (!postponed) co_return postponed;
    co_return co_await context.batches.release_job(job.batch_id, job.n, later_ms, 0);
  }
  auto marked = co_await context.batches.job_submitting(job.batch_id, job.n);
  if (!marked) co_return marked;
  auto arn = co_await deployment->bedrock->create_job(request_of(job, *deployment),
                                                      Deadline::after(kCreateTimeMax));
  if (arn) {
    obs::info("job submitted", {{"batch_id", job.batch_id.value},
                                {"job", job.n},
                                {"records", job.records},
                                {"arn", *arn}});
    co_return co_await context.batches.job_submitted(job.batch_id, job.n, std::move(*arn),
                                                     context.now_ms() + kFirstLookMs);
  }
  const Error& error = arn.error();
  obs::warn("job not submitted", {{"batch_id", job.batch_id.value},
                                  {"job", job.n},
                                  {"code", name(error.code())},
                                  {"reason", error.reason()},
                                  {"message", error.message()}});
  if (error.reason() == "ServiceQuotaExceededException") {
    const std::int64_t later_ms = context.now_ms() + kQuotaWaitMs;
    auto postponed = co_await context.batches.postpone_staged(job.deployment_id, later_ms);
    if (!postponed) co_return postponed;
    co_return co_await context.batches.job_not_submitted(job.batch_id, job.n, later_ms);
  }
  if (worth_repeating(error)) co_return fail(error);
  co_return co_await end_unsubmitted(context, job, "Rejected", error.message());
}

}  // namespace quarry::batch
