#pragma once
// The database: opened, migrated, and reached through the repositories of this room. SQLite is one
// file and one connection on a thread of its own, so every statement is off the event loop and
// every transaction is alone.

#include <filesystem>
#include <memory>

namespace quarry::store {

// Only this room's .cc files see inside (store/session.h).
class Database {
 public:
  // Opens or makes `<data_dir>/quarry.db` and brings its schema up to date. Holds a lock on the
  // directory, because two servers on one SQLite file would both believe they own its leases.
  // Throws std::runtime_error that names the directory when it cannot.
  explicit Database(const std::filesystem::path& data_dir);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace quarry::store
