#pragma once
// Answers of lines that became several records, from the first part's coming to the last's: on
// disk, with 16 bytes of memory a part. Blocking: for the pool only.

#include "batch/scratch_file.h"
#include "bedrock/record.h"
#include "openai/usage.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

// What came of one record.
struct Outcome {
  std::string_view model_output;  // empty where there is an error
  std::optional<bedrock::RecordError> error;
  std::optional<openai::Usage> metered;  // by the headers of a direct call
};

class LineParts {
 public:
  // parts: of all lines, as CustomIds numbers them.
  LineParts(std::filesystem::path directory, std::size_t parts);

  // Part `part` of the line whose first is `first`. False, and nothing changes, if it is there.
  // Errors of every call: as ScratchFile.
  Result<bool> put(std::size_t first, std::size_t part, const Outcome& outcome);
  // How many parts of the line have come and are kept.
  std::size_t arrived(std::size_t first) const { return index_[first].arrived; }
  bool has(std::size_t first, std::size_t part) const { return index_[first + part].size > 0; }
  // Of a part that has come; valid until the next call. The first form leaves model_output empty.
  Result<Outcome> get_without_output(std::size_t first, std::size_t part);
  Result<Outcome> get(std::size_t first, std::size_t part);
  // The line is done with; its parts still count as come.
  Result<void> release(std::size_t first);

 private:
  struct Entry {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;     // in the file; 0: has not come
    std::uint32_t arrived = 0;  // of the line; in the entry of its first part
  };
  static_assert(sizeof(Entry) <= 16);
  Result<Outcome> read(const Entry& entry, std::size_t size);

  ScratchFile file_;
  std::vector<Entry> index_;
  std::size_t open_lines_ = 0;  // with parts in the file
  std::string buffer_;
};

}  // namespace quarry::batch
