#include "aws/deployment_set.h"

namespace quarry::aws {

DeploymentSet::DeploymentSet(std::vector<DeploymentPtr> deployments)
    : all_(std::move(deployments)) {
  for (const DeploymentPtr& deployment : all_) {
    groups_[deployment->settings.model_name].push_back(deployment);
  }
}

DeploymentPtr DeploymentSet::by_id(std::string_view id) const {
  for (const DeploymentPtr& deployment : all_) {
    if (deployment->id() == id) return deployment;
  }
  return nullptr;
}

const std::vector<DeploymentPtr>& DeploymentSet::group(std::string_view model_name) const {
  static const std::vector<DeploymentPtr> kNone;
  const auto found = groups_.find(model_name);
  return found == groups_.end() ? kNone : found->second;
}

std::vector<std::string> DeploymentSet::model_names() const {
  std::vector<std::string> names;
  for (const auto& [model_name, group] : groups_) names.push_back(model_name);
  return names;
}

}  // namespace quarry::aws
