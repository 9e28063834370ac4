#pragma once
// Files on disk as the sandbox uses them: temporary files that vanish unless kept, whole small
// files replaced at once, and objects read as one though they lie in several files. Blocking: for
// the pool.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

// Throws std::system_error naming the path, as everything here does.
std::string read_file(const std::filesystem::path& path);
// Readers see the old content or the new one, never a part (write beside, then rename).
void replace_file(const std::filesystem::path& path, std::string_view content);

// A directory that one process has to itself for as long as this lives, also through its death.
class DirectoryLock {
 public:
  // Throws std::runtime_error with a hint while another holds it.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_ = -1;
};

// Open for writing; deleted by the destructor unless keep_as() was called.
class TempFile {
 public:
  explicit TempFile(const std::filesystem::path& folder);
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void close();
  // Moves it within the file system.
  void keep_as(const std::filesystem::path& path);
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

// One stored object, opened when its version was looked up: replacing or deleting the object later
// does not change what is read here.
class StoredBytes {
 public:
  struct Piece {
    std::filesystem::path file;
    std::uint64_t size = 0;
  };

  // Opens every piece. Throws if one is gone.
  explicit StoredBytes(std::vector<Piece> pieces);
  ~StoredBytes();
  StoredBytes(const StoredBytes&) = delete;
  StoredBytes& operator=(const StoredBytes&) = delete;

  std::uint64_t size() const { return size_; }
  // Fills the span from `offset`; fewer only at the end. Any thread, many at once.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;

 private:
  struct Open {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    int descriptor = -1;
  };
  std::vector<Open> pieces_;
  std::uint64_t size_ = 0;
};

// Blocks of memory for transfers, handed out again instead of freed: first touch of new memory
// costs more than copying into it. Any thread.
class BlockCache {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
  using Block = std::unique_ptr<std::byte[]>;

  Block take();
  void give_back(Block block);

 private:
  static constexpr std::size_t kKeptMax = 32;
  std::mutex mutex_;
  std::vector<Block> kept_;
};

}  // namespace quarry::sandbox
