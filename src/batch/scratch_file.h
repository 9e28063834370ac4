#pragma once
// Bytes that are put aside for a while: a file without a name, so that it is gone with its process,
// however that ends. Blocking: for the pool only.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace quarry::batch {

class ScratchFile {
 public:
  // Nothing is made before something is appended.
  explicit ScratchFile(std::filesystem::path directory) : directory_(std::move(directory)) {}
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  // Where it begins. Errors of every call: unavailable (the disk is full or broken; names the
  // directory).
  Result<std::uint64_t> append(std::string_view bytes);
  // Replaces `out` by what was appended there.
  Result<void> read(std::uint64_t offset, std::size_t size, std::string& out);
  // Forgets all of it; the next append() begins at 0.
  Result<void> clear();

 private:
  Result<void> open();
  Result<void> flush();
  std::unexpected<Error> broken(std::string_view doing) const;

  std::filesystem::path directory_;
  int fd_ = -1;
  std::uint64_t written_ = 0;  // bytes in the file
  std::string tail_;           // what follows them
};

}  // namespace quarry::batch
