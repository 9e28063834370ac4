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

// "r" + 10 digits: 11 alphanumeric characters, which every version of AWS's page allows.
std::string record_id(std::uint64_t line_index);
// nullopt if it is not one of ours.
std::optional<std::uint64_t> parse_record_id(std::string_view id);

// Appends {"recordId":"…","modelInput":<model_input>}\n
void append_input_record(std::string& out, std::uint64_t line_index, std::string_view model_input);

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

struct Manifest {
  std::int64_t total_records = 0, processed_records = 0, success_records = 0, error_records = 0;
  std::optional<std::int64_t> input_tokens, output_tokens;
};
// manifest.json.out. Errors: corrupt.
Result<Manifest> parse_manifest(std::string_view json);

}  // namespace quarry::bedrock
