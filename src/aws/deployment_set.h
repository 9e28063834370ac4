#pragma once
// All deployments of a server: found by id, or by the public model name whose group they form.

#include "aws/deployment.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::aws {

using DeploymentPtr = std::shared_ptr<const Deployment>;

// Immutable once made.
class DeploymentSet {
 public:
  // At least one.
  explicit DeploymentSet(std::vector<DeploymentPtr> deployments);

  // nullptr when it is not configured (any more).
  DeploymentPtr by_id(std::string_view id) const;
  // The deployments of a public model name, in the config's order; empty when there is none.
  const std::vector<DeploymentPtr>& group(std::string_view model_name) const;
  // Public model names, sorted.
  std::vector<std::string> model_names() const;
  // Where a file goes whose models are not known yet: the first of the config.
  const DeploymentPtr& home() const { return all_.front(); }
  const std::vector<DeploymentPtr>& all() const { return all_; }

 private:
  std::vector<DeploymentPtr> all_;
  std::map<std::string, std::vector<DeploymentPtr>, std::less<>> groups_;
};

}  // namespace quarry::aws
