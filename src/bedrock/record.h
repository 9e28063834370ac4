#pragma once
// Rows of a job's files in S3 (Bedrock user guide, "Format and upload your batch inference data",
// "View the results of a batch inference job"). Pure.

#include "base/result.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::bedrock {

// Which line of a batch's file a record is made of; and which of its records it is, for a line that
// became several.
struct RecordKey {
  std::uint64_t line = 0;
  std::optional<std::uint32_t> part = std::nullopt;
  bool operator==(const RecordKey&) const = default;
};
// What an id of a line of several records has room for.
inline constexpr std::uint64_t kPartsMax = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kSeveralLineMax = 3'000'000'000;

// 11 characters of [a-z0-9], which every version of AWS's page allows: "r" + 10 digits for a line
// that is one record, "p" + 10 base-36 digits of (line, part) for one that is several.
std::string record_id(const RecordKey& key);
// nullopt if it is not one of ours.
std::optional<RecordKey> parse_record_id(std::string_view id);

// Appends {"recordId":"…","modelInput":<model_input>}\n
void append_input_record(std::string& out, const RecordKey& key, std::string_view model_input);

struct RecordError {
  int code = 0;  // HTTP-like; tolerated as a string
  std::string message;
  bool expired = false;  // not run before the job's deadline
  bool retryable = false;
};

// One row of a .jsonl.out; views are valid until the reader's next call.
struct OutputRecord {
  std::string_view record_id;
  std::optional<std::string_view> model_output;  // raw JSON
  std::optional<RecordError> error;
};

class OutputRecordReader {
 public:
  OutputRecordReader();
  ~OutputRecordReader();
  // Errors: corrupt: not JSON, no recordId, neither modelOutput nor error.
  Result<OutputRecord> read(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct InputRecord {
  std::string_view record_id;
  std::string_view model_input;  // raw JSON
};
// Reads back what append_input_record wrote, for direct runs.
Result<InputRecord> parse_input_record(std::string_view line);

// manifest.json.out: what AWS counted and bills. Whatever it does not say, or not as a count, is
// absent. Tokens from a cache are not within input_tokens, as in all of Bedrock's own counts.
struct Manifest {
  std::optional<std::int64_t> total_records, processed_records, success_records, error_records;
  std::optional<std::int64_t> input_tokens, output_tokens;
  std::optional<std::int64_t> cache_read_tokens, cache_write_tokens;
};
// Errors: corrupt: not a JSON object.
Result<Manifest> parse_manifest(std::string_view json);

}  // namespace quarry::bedrock
