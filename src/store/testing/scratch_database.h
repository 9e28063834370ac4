#pragma once
// A database of a test's own, in a directory that goes with it.

#include "base/ids.h"
#include "store/database.h"

#include <filesystem>
#include <memory>

namespace quarry::testing {

class ScratchDatabase {
 public:
  ScratchDatabase()
      : directory_(std::filesystem::temp_directory_path() / ("quarry-test-" + random_hex128())) {
    open();
  }
  ~ScratchDatabase() {
    close();
    std::filesystem::remove_all(directory_);
  }
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;

  store::Database& operator*() const { return *database_; }
  const std::filesystem::path& directory() const { return directory_; }
  // As a server that ends and starts again.
  void close() { database_.reset(); }
  void open() { database_ = std::make_unique<store::Database>(directory_); }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<store::Database> database_;
};

}  // namespace quarry::testing
