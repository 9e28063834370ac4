#pragma once
// Which deployments of a public model take the lines of a batch, how the lines travel, and whether
// what came together is a Bedrock job or runs on demand. What the planner does and a preflight
// foretells is decided here. Pure.

#include "aws/deployment_set.h"
#include "batch/deployment_models.h"
#include "batch/staging.h"
#include "openai/batch_line.h"
#include "openai/objects.h"
#include "store/rows.h"
#include "translate/translator.h"

#include <expected>
#include <string_view>
#include <vector>

namespace quarry::batch {

struct GroupChoice {
  // At least one, in the config's order; those that are passed over are left out.
  std::vector<const aws::Deployment*> deployments;
  // The model has no batch inference: all its lines run on demand, at on-demand price.
  bool on_demand_only = false;
};

// Those that can answer the endpoint, and of these those that can do it as a batch job. Where none
// answers it: all, so that each line is refused and says why. group: at least one; the choice keeps
// pointers to its deployments. Errors fail the whole batch: model_not_found (a deployment runs what
// `models` does not have), model_without_batch (and small_batch: reject). They name no line.
std::expected<GroupChoice, openai::BatchError> choose_deployments(
    std::string_view model_name,
    const std::vector<aws::DeploymentPtr>& group,
    const DeploymentModels& models,
    openai::Endpoint endpoint);

translate::WirePreference preference_of(const config::DeploymentSettings& settings);

// The job that `stage` begins next is this deployment's, which `models` has.
void give_to(GroupStage& stage,
             const aws::Deployment& deployment,
             const DeploymentModels& models,
             openai::Endpoint endpoint);

// What the job that was filled becomes: direct where it has fewer records than AWS takes as a job,
// or its model no batch inference. Error, which fails the whole batch: batch_below_minimum_records,
// where small_batch: reject.
std::expected<store::JobKind, openai::BatchError> kind_of_job(const GroupStage& stage);

}  // namespace quarry::batch
