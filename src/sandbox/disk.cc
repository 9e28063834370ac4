#include "sandbox/disk.h"

#include "base/bytes.h"
#include "base/ids.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

namespace quarry::sandbox {
namespace {

[[noreturn]] void fail_with(const char* doing, const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), std::string(doing) + " " + path.string());
}

int open_file(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (descriptor < 0) fail_with("opening", path);
  return descriptor;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  StoredBytes file({{.file = path, .size = std::filesystem::file_size(path)}});
  std::string content(file.size(), '\0');
  content.resize(file.read(0, std::as_writable_bytes(std::span(content))));
  return content;
}

void replace_file(const std::filesystem::path& path, std::string_view content) {
  TempFile file(path.parent_path());
  file.write(as_bytes(content));
  file.keep_as(path);
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : descriptor_(open_file(directory / "lock", O_RDWR | O_CREAT)) {
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  const int cause = errno;
  ::close(descriptor_);  // the destructor does not run for a constructor that throws
  if (cause != EWOULDBLOCK) {
    throw std::system_error(cause, std::generic_category(), "locking " + directory.string());
  }
  throw std::runtime_error("the data directory " + directory.string() +
                           " is in use by another sandbox; hint: --data-dir chooses another");
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

TempFile::TempFile(const std::filesystem::path& folder)
    : path_(folder / (".tmp-" + random_hex128())),
      descriptor_(open_file(path_, O_WRONLY | O_CREAT | O_EXCL)) {}

TempFile::~TempFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

void TempFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_with("writing", path_);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void TempFile::close() {
  const int descriptor = std::exchange(descriptor_, -1);
  if (descriptor >= 0 && ::close(descriptor) != 0) fail_with("closing", path_);
}

void TempFile::keep_as(const std::filesystem::path& path) {
  close();
  if (::rename(path_.c_str(), path.c_str()) != 0) fail_with("renaming to", path);
  path_.clear();
}

StoredBytes::StoredBytes(std::vector<Piece> pieces) {
  pieces_.reserve(pieces.size());
  try {
    for (const Piece& piece : pieces) {
      pieces_.push_back({.begin = size_,
                         .end = size_ + piece.size,
                         .descriptor = open_file(piece.file, O_RDONLY)});
      size_ += piece.size;
    }
  } catch (...) {  // the destructor does not run for a constructor that throws
    for (const Open& open : pieces_) ::close(open.descriptor);
    throw;
  }
}

StoredBytes::~StoredBytes() {
  for (const Open& open : pieces_) ::close(open.descriptor);
}

std::size_t StoredBytes::read(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t filled = 0;
  auto piece = std::ranges::upper_bound(pieces_, offset, {}, &Open::end);
  while (piece != pieces_.end() && filled < into.size()) {
    const std::uint64_t left = piece->end - offset;
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size() - filled));
    if (want > 0) {
      const ssize_t count = ::pread(piece->descriptor, into.data() + filled, want,
                                    static_cast<off_t>(offset - piece->begin));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw std::system_error(errno, std::generic_category(), "reading an object");
      if (count == 0)
        throw std::system_error(EIO, std::generic_category(), "an object's file is too short");
      filled += static_cast<std::size_t>(count);
      offset += static_cast<std::uint64_t>(count);
    }
    if (offset == piece->end) ++piece;
  }
  return filled;
}

BlockCache::Block BlockCache::take() {
  const std::lock_guard lock(mutex_);
  if (kept_.empty()) return std::make_unique_for_overwrite<std::byte[]>(kBlockBytes);
  Block block = std::move(kept_.back());
  kept_.pop_back();
  return block;
}

void BlockCache::give_back(Block block) {
  const std::lock_guard lock(mutex_);
  if (block && kept_.size() < kKeptMax) kept_.push_back(std::move(block));
}

}  // namespace quarry::sandbox
