#pragma once
// The directory that --data-dir names, there and writable before anything is begun in it.

#include <filesystem>

namespace quarry::cli {

// Makes it for its owner alone where it is missing; one that is there stays as it is. Throws
// std::runtime_error with the reason and a hint.
void prepare_data_dir(const std::filesystem::path& directory);

}  // namespace quarry::cli
