#pragma once
// Which model each deployment runs: the catalog's, as its entry of config.yaml changes it. Pure;
// immutable once made.

#include "catalog/catalog.h"
#include "config/settings.h"

#include <expected>
#include <map>
#include <string>
#include <vector>

namespace quarry::batch {

// The built-in catalog with the `models` section of config.yaml laid over it. Errors: what is wrong
// in that section, with its line in the file.
std::expected<catalog::Catalog, std::vector<config::ConfigError>> catalog_of(
    const config::Settings& settings);

class DeploymentModels {
 public:
  // Errors: a deployment whose model is nowhere to be found, a base_model or a family that is not
  // known, half a price; each with its line, key and what to write. Keeps nothing of its arguments.
  static std::expected<DeploymentModels, std::vector<config::ConfigError>> make(
      const catalog::Catalog& catalog, const std::vector<config::DeploymentSettings>& deployments);

  // By the deployment's id; valid as long as this object (and whatever it was moved to) lives.
  // nullptr only for a deployment that make() was not given.
  const catalog::Model* of(const config::DeploymentSettings& deployment) const;

 private:
  std::map<std::string, catalog::Model> by_id_;
};

// What may go wrong with batches of `deployment`, though nothing is an error: for the log at start.
std::vector<std::string> doubts_about(const config::DeploymentSettings& deployment,
                                      const catalog::Model& model);

}  // namespace quarry::batch
