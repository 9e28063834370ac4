#pragma once
// A database of a test's own that goes with it: a SQLite file, or a schema of the PostgreSQL that
// QUARRY_TEST_POSTGRES names (scripts/postgres), so that the same tests run on both.

#include "base/ids.h"
#include "store/database.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace quarry::testing {

// The URL of a server's database where schemas may be made; "" = tests are on SQLite.
inline std::string postgres_for_tests() {
  const char* url = std::getenv("QUARRY_TEST_POSTGRES");
  return url == nullptr ? "" : url;
}

// An empty schema, dropped at the end with all that it holds.
class ScratchSchema {
 public:
  ScratchSchema();
  ~ScratchSchema();
  ScratchSchema(const ScratchSchema&) = delete;
  ScratchSchema& operator=(const ScratchSchema&) = delete;

  // Whose tables are the schema's.
  std::string url() const;
  // Runs a statement there, and gives its first value; "" when there is none.
  std::string query(const std::string& statement) const;
  // Ends all connections to it but the caller's, and waits until they are gone.
  void end_connections() const;

 private:
  std::string name_;
};

class ScratchDatabase {
 public:
  ScratchDatabase()
      : directory_(std::filesystem::temp_directory_path() / ("quarry-test-" + random_hex128())) {
    if (!postgres_for_tests().empty()) schema_ = std::make_unique<ScratchSchema>();
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
  void open() { database_ = std::make_unique<store::Database>(options()); }
  // What another server of the same database opens it with.
  store::DatabaseOptions options() const {
    return {.data_dir = directory_,
            .url = Secret<std::string>(schema_ ? schema_->url() : ""),
            .connections = 4,
            .patience = std::chrono::seconds(30)};
  }
  bool on_postgresql() const { return schema_ != nullptr; }
  // Of PostgreSQL only.
  const ScratchSchema& schema() const { return *schema_; }
  // Closes it and leaves it without tables, for a test that makes those of an older version.
  void make_empty();
  // Runs a statement beside the open database, or instead of it, and gives its first value.
  std::string query(const std::string& statement) const;

 private:
  std::filesystem::path directory_;
  std::unique_ptr<ScratchSchema> schema_;
  std::unique_ptr<store::Database> database_;
};

}  // namespace quarry::testing
