#include "cli/configuration.h"

#include "aws/credentials.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
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
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  int cause = stream.is_open() ? 0 : errno;
  if (std::filesystem::is_directory(file)) cause = EISDIR;  // which opens, and fails when read
  if (cause != 0) {
    std::fprintf(stderr,
                 "quarry: cannot read the configuration %s: %s\n"
                 "hint: --config names a file; examples/config.yaml is one to begin with\n",
                 file.c_str(), std::strerror(cause));
    return std::nullopt;
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const std::string name = file.filename().string();
  auto settings = config::load(text, environment, [&environment](const std::string& profile) {
    return aws::profile_region(profile, environment);
  });
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
