#include "store/database.h"

#include "store/schema.h"
#include "store/session.h"
#include "store/sqlite_functions.h"

#include <fmt/format.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <sys/file.h>
#include <unistd.h>

namespace quarry::store {
namespace {

int lock_directory(const std::filesystem::path& data_dir) {
  const std::filesystem::path path = data_dir / "lock";
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    throw std::runtime_error(
        fmt::format("cannot make {}: {}", path.string(), std::strerror(errno)));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    throw std::runtime_error(fmt::format(
        "the data directory {} is in use by another quarry; hint: stop it, or give this "
        "one a --data-dir of its own",
        data_dir.string()));
  }
  return fd;
}

void execute_script(soci::session& sql, std::string_view script) {
  while (!script.empty()) {
    const std::size_t end = script.find(";\n");
    const std::string statement(script.substr(0, end));
    sql << statement;
    script = end == std::string_view::npos ? std::string_view() : script.substr(end + 2);
  }
}

void migrate(soci::session& sql) {
  sql << "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
  long long version = 0;
  long long rows = 0;
  sql << "SELECT COUNT(*) FROM schema_version", soci::into(rows);
  if (rows == 0) sql << "INSERT INTO schema_version (version) VALUES (0)";
  sql << "SELECT version FROM schema_version", soci::into(version);
  const auto steps = migrations();
  if (version > static_cast<long long>(steps.size())) {
    throw std::runtime_error(fmt::format(
        "the database has schema version {}, newer than this quarry's {}; hint: run the "
        "newer quarry",
        version, steps.size()));
  }
  for (; version < static_cast<long long>(steps.size()); ++version) {
    soci::transaction transaction(sql);
    execute_script(sql, steps[static_cast<std::size_t>(version)]);
    sql << "UPDATE schema_version SET version = :v", soci::use(version + 1);
    transaction.commit();
  }
}

}  // namespace

Database::Impl::Impl(const std::filesystem::path& data_dir) {
  // Prompts' file names and costs are nobody else's business; a directory that was there keeps its
  // owner's wish.
  if (std::filesystem::create_directories(data_dir)) {
    std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all);
  }
  lock_fd = lock_directory(data_dir);
  const std::filesystem::path file = data_dir / "quarry.db";
  try {
    session.open(soci::sqlite3, fmt::format("db=\"{}\" timeout=10", file.string()));
    session << "PRAGMA journal_mode = WAL";
    // A committed row survives a power cut: clients were told 200 on the strength of it.
    session << "PRAGMA synchronous = FULL";
    session << "PRAGMA foreign_keys = ON";
    add_sqlite_functions(session);
    migrate(session);
  } catch (const soci::soci_error& e) {
    ::close(lock_fd);
    throw std::runtime_error(fmt::format("cannot open {}: {}", file.string(), e.what()));
  }
}

Database::Impl::~Impl() {
  thread.join();
  session.close();
  ::close(lock_fd);
}

Database::Database(const std::filesystem::path& data_dir)
    : impl_(std::make_unique<Impl>(data_dir)) {}
Database::~Database() = default;

}  // namespace quarry::store
