#pragma once
// `quarry models`: what Quarry knows of Bedrock's models, and with --config what its deployments
// run.

#include <filesystem>
#include <string>

namespace quarry::cli {

struct ModelsOptions {
  std::filesystem::path config_file;  // "" = none: the built-in catalog alone
  std::string filter;                 // part of an id, a family or a public name; "" = all
  bool batch_only = false;
  bool json = false;
};

// Returns the process's exit code: 0 printed, 1 nothing matches, 2 configuration refused.
int run_models(const ModelsOptions& options);

}  // namespace quarry::cli
