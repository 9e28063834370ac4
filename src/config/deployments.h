#pragma once
// One entry of model_list -> DeploymentSettings.

#include "config/recovery.h"
#include "config/section.h"
#include "config/settings.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <vector>

namespace quarry::config {

// What is passed over, for the warnings: "'gpt-4o' (openai/gpt-4o, line 3)".
struct Skipped {
  std::vector<std::string> other_providers;
  std::vector<std::string> without_bucket;
};

// nullopt where the entry is skipped or too wrong to go on with; the findings or `skipped` say why.
// index: in model_list. line: the entry's, where yaml-cpp does not know it. recovery: general
// settings, for what the entry does not say.
std::optional<DeploymentSettings> read_deployment(const YAML::Node& entry,
                                                  std::size_t index,
                                                  int line,
                                                  const Recovery& recovery,
                                                  Findings& findings,
                                                  Skipped& skipped);

// "dep-" + 16 hex of names and places, never of secrets: a rotated key keeps the deployment's id.
std::string deployment_id(const DeploymentSettings& deployment);

}  // namespace quarry::config
