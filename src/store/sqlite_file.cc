#include "store/sqlite_file.h"

#include "store/migration.h"
#include "store/sqlite_functions.h"

#include <fmt/format.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <cerrno>
#include <cstring>
#include <exception>
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

}  // namespace

SqliteFile::SqliteFile(const std::filesystem::path& data_dir) : file_(data_dir / "quarry.db") {
  // Prompts' file names and costs are nobody else's business; a directory that was there keeps its
  // owner's wish.
  if (std::filesystem::create_directories(data_dir)) {
    std::filesystem::permissions(data_dir, std::filesystem::perms::owner_all);
  }
  lock_fd_ = lock_directory(data_dir);
  try {
    session_.open(soci::sqlite3, fmt::format("db=\"{}\" timeout=10", file_.string()));
    session_ << "PRAGMA journal_mode = WAL";
    // A committed row survives a power cut: clients were told 200 on the strength of it.
    session_ << "PRAGMA synchronous = FULL";
    session_ << "PRAGMA foreign_keys = ON";
    add_sqlite_functions(session_);
    migrate(session_);
  } catch (const std::exception& e) {
    ::close(lock_fd_);
    throw std::runtime_error(fmt::format("cannot open {}: {}", file_.string(), e.what()));
  }
}

SqliteFile::~SqliteFile() {
  session_.close();
  ::close(lock_fd_);
}

Result<void> SqliteFile::transaction(const Work& work) {
  try {
    soci::transaction transaction(session_);
    if (work(session_)) transaction.commit();
    return {};
  } catch (
      const std::exception& e) {  // SOCI's, and what a row that is not ours makes of reading it
    return fail(Errc::internal, std::string("database: ") + e.what());
  }
}

}  // namespace quarry::store
