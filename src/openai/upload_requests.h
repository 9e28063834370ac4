#pragma once
// The bodies of POST /v1/uploads and POST /v1/uploads/{id}/complete, checked (OpenAI API reference,
// "Create upload", "Complete upload"). Pure. Unknown members are left alone: SDK users send hints
// for other gateways through extra_body. Errors: invalid_request with OpenAI's message, param and
// code (reason).

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::openai {

struct CreateUpload {
  std::string filename;  // as sent
  std::string purpose;   // any
  std::string mime_type;
  std::int64_t bytes = 0;  // 0 or more
  std::optional<std::int64_t> expires_after_s;
  std::vector<std::string> target_model_names;  // as sent: each may be a comma list
};
Result<CreateUpload> parse_create_upload(std::string_view body);

struct CompleteUpload {
  std::vector<std::string> part_ids;  // in the order of the file
  std::string md5_hex;                // lower case; "" when none was given
};
Result<CompleteUpload> parse_complete_upload(std::string_view body);

}  // namespace quarry::openai
