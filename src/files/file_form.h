#pragma once
// The fields of POST /v1/files, in every spelling that clients send them. Pure.

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::files {

struct FileForm {
  std::string purpose;
  std::vector<std::string> target_models;       // target_model_names, in order, without repeats
  std::optional<std::int64_t> expires_after_s;  // expires_after[seconds]
};

using FormField = std::pair<std::string, std::string>;  // name as sent, value

// target_model_names, target_model_names[], target_model_names[0], extra_body[target_model_names],
// and extra_body holding a JSON object (as curl users write it); commas separate names. Errors:
// invalid_request (extra_body is not a JSON object), param "extra_body".
Result<std::vector<std::string>> target_models(const std::vector<FormField>& fields);

// All of them. Fields that are not ours are left alone: SDK users send hints for other gateways.
// Errors: invalid_request with param: purpose missing or unknown, expires_after incomplete or out
// of range.
Result<FileForm> parse_file_form(const std::vector<FormField>& fields);

}  // namespace quarry::files
