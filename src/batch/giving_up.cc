#include "batch/giving_up.h"

#include "batch/collection_metrics.h"
#include "batch/submitted_job.h"
#include "obs/log.h"
#include "spend/job_cost.h"

#include <set>

namespace quarry::batch {
namespace {

bool has_come(const Context& context, const store::BatchRow& batch) {
  const auto at = gives_up_at(batch);
  return at && *at <= context.now_ms() / 1000;
}

// Before AWS is asked for a job of its own, nothing is paid.
bool may_have_cost(const store::JobRow& job) {
  return job.kind == store::JobKind::direct || !job.job_arn.empty() ||
         job.aws_status == kSubmitting;
}

}  // namespace

std::optional<std::int64_t> gives_up_at(const store::BatchRow& batch) {
  if (batch.object.status != openai::BatchStatus::cancelling) return std::nullopt;
  return batch.object.cancelling_at.value_or(0) +
         std::chrono::duration_cast<std::chrono::seconds>(kGiveUpAfter).count();
}

Task<void> end_unreachable_jobs(Context& context,
                                const store::BatchRow& batch,
                                const std::vector<store::JobRow>& jobs) {
  if (!has_come(context, batch)) co_return Result<void>();
  std::set<std::string> gone;
  for (const store::JobRow& job : jobs) {
    if (!context.deployments.by_id(job.deployment_id)) gone.insert(job.deployment_id);
  }
  for (const std::string& deployment_id : gone) {
    auto ended =
        co_await context.batches.end_unreachable(batch.id, deployment_id, context.now_ms());
    if (!ended) co_return ended;
  }
  co_return Result<void>();
}

Task<void> give_up_if_cancelled(Context& context, store::JobRow job, Error why) {
  const auto batch = co_await context.batches.find_any(job.batch_id);
  if (!batch) co_return fail(batch.error());
  if (!has_come(context, *batch)) co_return fail(std::move(why));
  obs::warn("a cancelled job is given up: its results, if AWS has any, are not read",
            {{"batch_id", job.batch_id.value},
             {"job", job.n},
             {"job_arn", job.job_arn},
             {"deployment", job.deployment_id},
             {"lines", job.lines},
             {"message", why.message()}});
  store::BatchStore::Collected none;
  none.id = job.batch_id;
  none.n = job.n;
  none.given_up = {std::string(kGivenUp), why.message()};
  none.cost_known = !may_have_cost(job);
  if (const auto deployment = context.deployments.by_id(job.deployment_id)) {
    const config::DeploymentSettings& settings = deployment->settings;
    none.bill = spend::bill_of_job(context.models.of(settings), job.kind, {}, settings.model_id);
  }
  job.aws_status = kGivenUp;
  const CollectionCount figures(job, none);
  auto saved = co_await context.batches.job_collected(std::move(none), context.now_ms());
  if (saved) figures.add();
  co_return saved;
}

}  // namespace quarry::batch
