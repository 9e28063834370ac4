#pragma once
// Claude's answer on Bedrock -> OpenAI's chat.completion (OpenAI API reference, "The chat
// completion object"). Pure.

#include "json/reader.h"
#include "openai/batch_line.h"
#include "openai/usage.h"
#include "translate/translator.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::translate {

// Translates; keep one per thread, it reuses its memory.
class AnthropicResult {
 public:
  // Appends to `out`; on an error what was appended is of no use, and usage_read is set if it could
  // be read.
  std::expected<openai::Usage, openai::LineError> append(std::string_view model_output,
                                                         const ResultOptions& options,
                                                         std::string& out,
                                                         std::optional<openai::Usage>& usage_read);

 private:
  json::Document answer_;
  std::string text_;        // the inside of the JSON string of `content`
  std::string reasoning_;   // the same of `reasoning_content`
  std::string tool_calls_;  // the elements of the array
  std::string input_;
};

}  // namespace quarry::translate
