#include "cli/configuration.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace quarry::cli {
namespace {

void print(const std::vector<config::ConfigError>& errors, const std::string& file_name) {
  for (const config::ConfigError& error : errors) {
    std::fprintf(stderr, "%s\n", config::describe(error, file_name).c_str());
  }
  std::fprintf(stderr, "quarry: the configuration has %zu error%s\n", errors.size(),
               errors.size() == 1 ? "" : "s");
}

}  // namespace

std::optional<Configuration> read_configuration(const std::filesystem::path& file,
                                                const config::Environment& environment) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream || std::filesystem::is_directory(file)) {
    std::fprintf(stderr, "quarry: cannot read the configuration %s\n", file.c_str());
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const std::string name = file.filename().string();
  auto settings = config::load(text, environment);
  if (!settings) {
    print(settings.error(), name);
    return std::nullopt;
  }
  return with_models(std::move(*settings), name);
}

std::optional<Configuration> with_models(config::Settings settings, const std::string& file_name) {
  auto catalog = batch::catalog_of(settings);
  if (!catalog) {
    print(catalog.error(), file_name);
    return std::nullopt;
  }
  auto models = batch::DeploymentModels::make(*catalog, settings.deployments);
  if (!models) {
    print(models.error(), file_name);
    return std::nullopt;
  }
  return Configuration{std::move(settings), std::move(*catalog), std::move(*models)};
}

}  // namespace quarry::cli
