#pragma once
// The objects that clients see (OpenAI API reference: Files, Batches), and their JSON. Every key is
// always there, null when unset, as upstream does it.

#include "base/result.h"
#include "openai/batch_line.h"
#include "openai/usage.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::openai {

// Forward only: validating -> failed | in_progress -> finalizing -> completed | expired; and
// through cancelling to cancelled.
enum class BatchStatus {
  validating,
  failed,
  in_progress,
  finalizing,
  completed,
  expired,
  cancelling,
  cancelled
};
std::string_view name(BatchStatus status);
std::optional<BatchStatus> parse_batch_status(std::string_view text);
// failed, completed, expired, cancelled.
bool terminal(BatchStatus status);

// One entry of errors.data[].
struct BatchError {
  std::string code;
  std::string message;
  std::string param;                 // "" = null
  std::optional<std::int64_t> line;  // 1-based
};
boost::json::value to_json(const std::vector<BatchError>& errors);  // the data[] array
// Errors: corrupt.
Result<std::vector<BatchError>> parse_batch_errors(std::string_view json);

struct File {
  std::string id;
  std::int64_t bytes = 0;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> expires_at;
  std::string filename;
  std::string purpose;
  std::string status = "processed";
};
boost::json::value to_json(const File& file);

struct Batch {
  std::string id, endpoint, input_file_id, completion_window = "24h";
  BatchStatus status = BatchStatus::validating;
  std::optional<std::string> model, output_file_id, error_file_id;
  std::vector<BatchError> errors;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> in_progress_at, expires_at, finalizing_at, completed_at, failed_at,
      expired_at, cancelling_at, cancelled_at;
  std::int64_t total = 0, completed = 0, failed = 0;
  Usage usage;
  std::optional<std::string> metadata_json;
};
boost::json::value to_json(const Batch& batch);

// {"object":"list","data":…,"first_id":…,"last_id":…,"has_more":…}
boost::json::value list_page(boost::json::array data, bool has_more);

}  // namespace quarry::openai
