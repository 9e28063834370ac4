#include "batch/group_choice.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::batch {
namespace {

std::unexpected<openai::BatchError> whole_batch(std::string code,
                                                std::string message,
                                                std::string param) {
  return std::unexpected(
      openai::BatchError{std::move(code), std::move(message), std::move(param), std::nullopt});
}

}  // namespace

std::expected<GroupChoice, openai::BatchError> choose_deployments(
    std::string_view model_name,
    const std::vector<aws::DeploymentPtr>& group,
    const DeploymentModels& models,
    openai::Endpoint endpoint) {
  std::vector<const aws::Deployment*> all, able, batch_able;
  for (const aws::DeploymentPtr& deployment : group) {
    const catalog::Model* model = models.of(deployment->settings);
    if (!model) {
      return whole_batch("model_not_found",
                         fmt::format("The model '{}' runs {}, of which nothing is known.",
                                     model_name, deployment->settings.model_id),
                         "body.model");
    }
    all.push_back(deployment.get());
    if (!model->answers(endpoint)) continue;
    able.push_back(deployment.get());
    if (model->batch) batch_able.push_back(deployment.get());
  }
  if (!batch_able.empty()) return GroupChoice{std::move(batch_able), false};
  if (able.empty()) return GroupChoice{std::move(all), false};
  const bool may_run_directly = std::ranges::all_of(able, [](const aws::Deployment* deployment) {
    return deployment->settings.small_batch == config::SmallBatch::direct;
  });
  if (!may_run_directly) {
    return whole_batch("model_without_batch",
                       fmt::format("The model '{}' cannot run as a Bedrock batch job. hint: "
                                   "small_batch: direct runs it on demand, at on-demand price.",
                                   model_name),
                       "body.model");
  }
  return GroupChoice{std::move(able), true};
}

translate::WirePreference preference_of(const config::DeploymentSettings& settings) {
  switch (settings.invocation) {
    case config::BedrockInvocation::native:
      return translate::WirePreference::native;
    case config::BedrockInvocation::converse:
      return translate::WirePreference::converse;
    case config::BedrockInvocation::automatic:
      break;
  }
  return translate::WirePreference::automatic;
}

void give_to(GroupStage& stage,
             const aws::Deployment& deployment,
             const DeploymentModels& models,
             openai::Endpoint endpoint) {
  stage.deployment = &deployment;
  stage.model = models.of(deployment.settings);
  stage.wire = translate::wire_of(*stage.model, endpoint, preference_of(deployment.settings));
}

std::expected<store::JobKind, openai::BatchError> kind_of_job(const GroupStage& stage) {
  const config::DeploymentSettings& settings = stage.deployment->settings;
  const bool too_few = stage.record_count < settings.min_records_per_job;
  if (too_few && settings.small_batch == config::SmallBatch::reject) {
    return whole_batch(
        "batch_below_minimum_records",
        fmt::format("The batch has {} requests for the model '{}', fewer than the {} that a "
                    "Bedrock batch job needs. hint: small_batch: direct runs them on demand, at "
                    "on-demand price.",
                    stage.record_count, stage.model_name, settings.min_records_per_job),
        "");
  }
  return too_few || !stage.model->batch ? store::JobKind::direct : store::JobKind::bedrock;
}

}  // namespace quarry::batch
