#pragma once
// The body of POST /v1/batches, checked (OpenAI API reference, "Create batch"). Pure.

#include "base/result.h"
#include "openai/batch_line.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::openai {

inline constexpr std::chrono::hours kShortestWindow{24};

struct CreateBatch {
  std::string input_file_id;
  Endpoint endpoint = Endpoint::chat_completions;
  std::string completion_window;
  std::chrono::hours window = kShortestWindow;  // the same
  std::optional<std::string> metadata_json;     // as sent, compact; nullopt for null or absent
  std::optional<std::int64_t> output_expires_after_s;
  bool dry_run = false;  // Quarry's own: only say what would become of it
};

// Unknown members are left alone: SDK users send hints for other gateways through extra_body.
// longest_window: the completion windows are whole hours from "24h", OpenAI's only one, to this.
// Errors: invalid_request with OpenAI's message, param and code (reason).
Result<CreateBatch> parse_create_batch(std::string_view body,
                                       std::chrono::hours longest_window = kShortestWindow);

}  // namespace quarry::openai
