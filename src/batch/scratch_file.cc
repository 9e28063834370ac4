#include "batch/scratch_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace quarry::batch {
namespace {

constexpr std::size_t kTailBytes = std::size_t{1} << 20;

}  // namespace

ScratchFile::~ScratchFile() {
  if (fd_ >= 0) ::close(fd_);
}

std::unexpected<Error> ScratchFile::broken(std::string_view doing) const {
  return fail(Errc::unavailable,
              fmt::format("{} a scratch file in {}: {}; hint: results of lines that are several "
                          "records need room there until they are whole",
                          doing, directory_.string(), std::strerror(errno)));
}

Result<void> ScratchFile::open() {
  if (fd_ >= 0) return {};
  std::string path = (directory_ / "scratch-XXXXXX").string();
  fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (fd_ < 0) return broken("making");
  if (::unlink(path.c_str()) != 0) return broken("unlinking");
  return {};
}

Result<void> ScratchFile::flush() {
  if (auto opened = open(); !opened) return opened;
  std::string_view rest = tail_;
  while (!rest.empty()) {
    const ssize_t count = ::pwrite(fd_, rest.data(), rest.size(), static_cast<off_t>(written_));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken("writing");
    rest.remove_prefix(static_cast<std::size_t>(count));
    written_ += static_cast<std::uint64_t>(count);
  }
  tail_.clear();
  if (tail_.capacity() > 2 * kTailBytes) tail_.shrink_to_fit();
  return {};
}

Result<std::uint64_t> ScratchFile::append(std::string_view bytes) {
  const std::uint64_t offset = written_ + tail_.size();
  tail_ += bytes;
  if (tail_.size() >= kTailBytes) {
    if (auto flushed = flush(); !flushed) return fail(std::move(flushed.error()));
  }
  return offset;
}

Result<void> ScratchFile::read(std::uint64_t offset, std::size_t size, std::string& out) {
  if (offset >= written_) {
    out.assign(tail_, offset - written_, size);
    return {};
  }
  if (offset + size > written_) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  out.resize(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t count =
        ::pread(fd_, out.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return broken("reading");
    done += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> ScratchFile::clear() {
  tail_.clear();
  if (fd_ >= 0 && written_ > 0 && ::ftruncate(fd_, 0) != 0) return broken("emptying");
  written_ = 0;
  return {};
}

}  // namespace quarry::batch
