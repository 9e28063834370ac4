#pragma once
// The database: opened, migrated, and reached through the repositories of this room. All statements
// are off the event loop, on threads of the database's own.
//
// SQLite is one file, one connection and one thread: every transaction is alone. PostgreSQL is a
// pool of connections, which any number of servers share: transactions run beside each other and
// lock the rows they need (store/session.h).
//
// Errors of every call of every repository, besides its own: internal (the database refused what it
// was asked), unavailable (PostgreSQL: it is away, or went away when nobody can say whether the
// transaction was done: the same call again is right in either case).

#include "base/secret.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace quarry::store {

struct DatabaseOptions {
  std::filesystem::path data_dir;  // of SQLite
  Secret<std::string> url;         // postgres://…, postgresql://…; "" = SQLite
  int connections = 8;             // of PostgreSQL
  // How long a call waits for a PostgreSQL that went away just now, and the start for one that is
  // starting.
  std::chrono::milliseconds patience{5000};
};

// Only this room's .cc files see inside (store/session.h).
class Database {
 public:
  // Opens the database, makes it if it is SQLite, and brings its schema up to date. On SQLite holds
  // a lock on the directory, because two servers on one file would both believe they own its
  // leases. Throws std::runtime_error that says what to do when it cannot.
  explicit Database(const DatabaseOptions& options);
  // SQLite, `<data_dir>/quarry.db`.
  explicit Database(const std::filesystem::path& data_dir);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Whether other servers may use it at the same time.
  bool shared() const;
  // "SQLite, data/quarry.db"; "PostgreSQL, db.example:5432, database quarry". No password.
  std::string name() const;

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace quarry::store
