#pragma once
// For this room's .cc files only: SQLite: one file, one connection, and a lock on the directory.

#include "store/connections.h"

#include <filesystem>

namespace quarry::store {

class SqliteFile final : public Connections {
 public:
  // Opens or makes `<data_dir>/quarry.db` and brings its schema up to date. Throws
  // std::runtime_error that names the directory when it cannot.
  explicit SqliteFile(const std::filesystem::path& data_dir);
  ~SqliteFile() override;
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  Result<void> transaction(const Work& work) override;
  int count() const override { return 1; }
  bool shared() const override { return false; }
  std::string name() const override { return "SQLite, " + file_.string(); }

 private:
  std::filesystem::path file_;
  int lock_fd_ = -1;
  soci::session session_;
};

}  // namespace quarry::store
