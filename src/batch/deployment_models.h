#pragma once
// Which model each deployment runs: the catalog's, as its entry of config.yaml changes it. Pure.

#include "catalog/catalog.h"
#include "config/settings.h"

#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace quarry::batch {

// The built-in catalog with the `models` section of config.yaml laid over it. Errors: what is wrong
// in that section, with its line in the file.
std::expected<catalog::Catalog, std::vector<config::ConfigError>> catalog_of(
    const config::Settings& settings);

class DeploymentModels {
 public:
  // Errors: a deployment whose model is nowhere to be found, a base_model or a family that is not
  // known, half a price; each with its line, key and what to write. Keeps nothing of its arguments
  // but a copy of the catalog. An entry that stands for any model (a '*' in its model) has none.
  static std::expected<DeploymentModels, std::vector<config::ConfigError>> make(
      const catalog::Catalog& catalog, const std::vector<config::DeploymentSettings>& deployments);

  // By the deployment's id; valid as long as this object (and whatever it was moved to) lives. One
  // that was made of a wildcard is resolved when it is first asked for. nullptr for a deployment
  // that make() was not given, and for a wildcard's whose model is not to be found. Any thread.
  const catalog::Model* of(const config::DeploymentSettings& deployment) const;
  // Whether of() would find it; keeps nothing. Any thread.
  bool knows(const config::DeploymentSettings& deployment) const;

 private:
  struct State;
  explicit DeploymentModels(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// What may go wrong with batches of `deployment`, though nothing is an error: for the log at start.
std::vector<std::string> doubts_about(const config::DeploymentSettings& deployment,
                                      const catalog::Model& model);

}  // namespace quarry::batch
