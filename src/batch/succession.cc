#include "batch/succession.h"

#include "batch/group_choice.h"
#include "batch/spread.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace quarry::batch {
namespace {

bool says_any(std::string_view message, std::span<const std::string_view> words) {
  std::string lower(message);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(words, [&](std::string_view word) { return lower.contains(word); });
}

bool runs_as_translated(const Context& context,
                        const aws::Deployment& deployment,
                        const store::JobRow& job) {
  const catalog::Model* model = context.models.of(deployment.settings);
  if (!model || model->family != job.family) return false;
  if (job.kind == store::JobKind::bedrock) {
    const config::DeploymentSettings& limits = deployment.settings;
    const auto records = static_cast<std::uint64_t>(job.records);
    if (!model->batch || records > limits.max_records_per_job) return false;
    if (records < limits.min_records_per_job && limits.small_batch == config::SmallBatch::reject)
      return false;
  }
  // Embeddings and text completions have one wire; of chats the endpoint makes no difference to it.
  const openai::Endpoint endpoint =
      model->endpoints.empty() ? openai::Endpoint::chat_completions : model->endpoints.front();
  const translate::Wire wire =
      translate::wire_of(*model, endpoint, preference_of(deployment.settings));
  return (wire == translate::Wire::converse) ==
         (job.invocation == bedrock::InvocationType::Converse);
}

// Of several, as the planner would choose; nullptr where there is none.
aws::DeploymentPtr best_of(const Context& context,
                           std::vector<aws::DeploymentPtr> takers,
                           const std::vector<store::BatchStore::Load>& loads) {
  if (takers.empty()) return nullptr;
  std::vector<Spread::Candidate> candidates;
  for (const aws::DeploymentPtr& taker : takers) {
    const auto load =
        std::ranges::find(loads, taker->id(), &store::BatchStore::Load::deployment_id);
    candidates.push_back({taker->settings.weight, load == loads.end() ? 0 : load->open_records,
                          has_room(context, *taker, loads)});
  }
  return takers[Spread(std::move(candidates), 0).next()];
}

enum class Why { nothing, moved, deployment, too_few, passing, deadline };

Why why_absent(const store::JobRow& job, bool fallback_due) {
  const std::string& status = job.aws_status;
  if (status == "Moved") return Why::moved;
  if (status == "Rejected") return Why::deployment;
  if (status == "Failed") {
    if (too_few_for_aws(job.message)) return Why::too_few;
    return deployment_at_fault(job.message) ? Why::deployment : Why::passing;
  }
  if (job.kind == store::JobKind::direct) return Why::nothing;
  if (fallback_due && job.stop_requested) return Why::deadline;
  if (status == "Completed" || status == "Expired" || status == "PartiallyCompleted")
    return Why::passing;
  return Why::nothing;  // stopped by the client, or by somebody at AWS
}

}  // namespace

bool has_room(const Context& context,
              const aws::Deployment& deployment,
              const std::vector<store::BatchStore::Load>& loads) {
  if (context.health.busy(deployment.id(), context.now_ms())) return false;
  const auto load =
      std::ranges::find(loads, deployment.id(), &store::BatchStore::Load::deployment_id);
  return load == loads.end() || load->slots_taken < deployment.settings.max_concurrent_jobs;
}

bool too_few_for_aws(std::string_view message) {
  constexpr std::array<std::string_view, 2> kWords{"less records", "fewer records"};
  return says_any(message, kWords);
}

bool deployment_at_fault(std::string_view message) {
  constexpr std::array<std::string_view, 16> kWords{
      "role/",         "service role",  "iam role",       "assume",
      "access denied", "accessdenied",  "not authorized", "permission",
      "kms",           "bucket",        "region",         "support case",
      "entitle",       "not supported", "s3 location",    "could not read"};
  return says_any(message, kWords);
}

std::vector<aws::DeploymentPtr> takers_of(const Context& context, const store::JobRow& job) {
  std::vector<aws::DeploymentPtr> takers;
  for (const aws::DeploymentPtr& deployment : context.deployments.group(job.model_name)) {
    if (std::ranges::find(job.tried, deployment->id()) != job.tried.end()) continue;
    if (runs_as_translated(context, *deployment, job)) takers.push_back(deployment);
  }
  return takers;
}

Outlook outlook_of(const Context& context,
                   const store::DueJob& ended,
                   const std::vector<store::BatchStore::Load>& loads) {
  const store::JobRow& job = ended.job;
  Outlook outlook;
  const aws::DeploymentPtr own = context.deployments.by_id(job.deployment_id);
  if (!own || ended.batch_cancelling || context.window_over(ended)) return outlook;
  const config::DeploymentSettings& settings = own->settings;
  const bool fallback_due = context.fallback_due(ended, settings);
  const bool may_retry = job.retries < settings.retry_failed_records;
  const bool may_run_directly = settings.small_batch == config::SmallBatch::direct;

  std::vector<aws::DeploymentPtr> others = takers_of(context, job);
  std::erase_if(others, [&](const auto& other) { return other->id() == job.deployment_id; });
  outlook.deployment = own;
  outlook.directly = fallback_due;
  switch (why_absent(job, fallback_due)) {
    case Why::nothing:
      break;
    case Why::moved:
      outlook.again_if_absent = true;
      if (auto other = best_of(context, std::move(others), loads)) outlook.deployment = other;
      return outlook;
    case Why::deployment:
      outlook.deployment_at_fault = true;
      outlook.deployment = best_of(context, std::move(others), loads);
      outlook.again_if_absent = outlook.deployment != nullptr;
      return outlook;
    case Why::too_few:
      outlook.directly = true;
      outlook.again_if_absent = may_run_directly;
      return outlook;
    case Why::deadline:
      outlook.again_if_absent = true;
      outlook.again_if_failed = may_retry;
      return outlook;
    case Why::passing:
      outlook.again_if_absent = may_retry && may_run_directly;
      if (job.aws_status == "Failed" && !others.empty()) {
        outlook.deployment = best_of(context, std::move(others), loads);
      }
      break;
  }
  // With small_batch: reject, what is left may be too little for a job, and is not run otherwise.
  outlook.again_if_failed = may_retry && may_run_directly && job.kind == store::JobKind::bedrock;
  outlook.counts_as_retry = true;
  return outlook;
}

store::JobRow successor_of(const store::JobRow& job,
                           const Outlook& outlook,
                           std::int64_t lines,
                           std::int64_t records) {
  store::JobRow next;
  next.batch_id = job.batch_id;
  next.n = job.n + kSuccessorStride;
  next.owner = job.owner;
  next.deployment_id = outlook.deployment->id();
  next.model_name = job.model_name;
  next.lines = lines;
  next.records = records;
  next.invocation = job.invocation;
  next.family = job.family;
  next.tried = job.tried;
  if (outlook.deployment_at_fault) next.tried.push_back(job.deployment_id);
  next.retries = job.retries + (outlook.counts_as_retry ? 1 : 0);
  const auto least = static_cast<std::int64_t>(outlook.deployment->settings.min_records_per_job);
  const bool direct = job.kind == store::JobKind::direct || outlook.directly || records < least;
  next.kind = direct ? store::JobKind::direct : store::JobKind::bedrock;
  next.state = direct ? store::JobState::planned : store::JobState::staged;
  return next;
}

}  // namespace quarry::batch
