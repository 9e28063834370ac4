#pragma once
// config.yaml as a command needs it: read, checked, and with its models looked up.

#include "batch/deployment_models.h"
#include "catalog/catalog.h"
#include "config/settings.h"

#include <filesystem>
#include <optional>
#include <string>

namespace quarry::cli {

struct Configuration {
  config::Settings settings;
  catalog::Catalog catalog;
  batch::DeploymentModels models;
};

// Both: nullopt when it is refused; then stderr says why, every mistake with its line and key.
std::optional<Configuration> read_configuration(const std::filesystem::path& file,
                                                const config::Environment& environment);
std::optional<Configuration> with_models(config::Settings settings, const std::string& file_name);

}  // namespace quarry::cli
