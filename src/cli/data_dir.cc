#include "cli/data_dir.h"

#include <fmt/format.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace quarry::cli {

void prepare_data_dir(const std::filesystem::path& directory) {
  std::error_code failed;
  if (std::filesystem::create_directories(directory, failed)) {
    // Prompts and costs are nobody else's business.
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, failed);
  }
  if (!failed && ::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    failed.assign(errno, std::generic_category());
  }
  if (!failed) return;
  throw std::runtime_error(
      fmt::format("cannot use the data directory {}: {}\nhint: --data-dir chooses another",
                  directory.string(), failed.message()));
}

}  // namespace quarry::cli
