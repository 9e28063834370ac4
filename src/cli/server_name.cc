#include "cli/server_name.h"

#include "base/ids.h"

#include <climits>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <stdexcept>
#include <string_view>
#include <sys/file.h>
#include <unistd.h>

namespace quarry::cli {
namespace {

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> host{};
  ::gethostname(host.data(), host.size() - 1);
  return host.data();
}

std::runtime_error broken(std::string_view doing, const std::filesystem::path& file) {
  return std::runtime_error(fmt::format("{} {}: {}", doing, file.string(), std::strerror(errno)));
}

}  // namespace

ServerName::ServerName(const std::filesystem::path& data_dir) : file_(data_dir / "server") {
  const std::string host = host_name();
  name_ = fmt::format("{}:{}:{}", host, ::getpid(), random_hex128().substr(0, 16));
  fd_ = ::open(file_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd_ < 0) throw broken("cannot open", file_);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    fd_ = -1;
    return;
  }
  std::array<char, HOST_NAME_MAX + 64> text{};
  const ssize_t count = ::pread(fd_, text.data(), text.size(), 0);
  if (count < 0) {
    const auto failure = broken("cannot read", file_);
    ::close(fd_);
    throw failure;
  }
  std::string_view before(text.data(), static_cast<std::size_t>(count));
  if (before.ends_with('\n')) before.remove_suffix(1);
  // A directory that was copied to another machine has the name of who may be alive there.
  if (before.starts_with(host + ":")) predecessor_ = before;
}

ServerName::~ServerName() {
  if (fd_ >= 0) ::close(fd_);
}

void ServerName::keep() const {
  if (fd_ < 0) return;
  const std::string text = name_ + "\n";
  if (::ftruncate(fd_, 0) != 0 ||
      ::pwrite(fd_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::fsync(fd_) != 0) {
    throw broken("cannot write", file_);
  }
}

}  // namespace quarry::cli
