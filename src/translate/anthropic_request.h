#pragma once
// OpenAI /v1/chat/completions body -> Claude's body on Bedrock (Bedrock user guide, "Anthropic
// Claude Messages API: request and response"). Pure.

#include "catalog/catalog.h"
#include "json/reader.h"
#include "translate/anthropic_messages.h"
#include "translate/refusal.h"

#include <string>
#include <string_view>

namespace quarry::translate {

// Translates; keep one per thread, it reuses its parsers.
class AnthropicRequest {
 public:
  // Appends to `out`; on an error what was appended is of no use.
  Outcome append(std::string_view body,
                 const catalog::Model& model,
                 bool drop_params,
                 std::string& out);

 private:
  json::Document body_;
  AnthropicMessages::Scratch scratch_;
};

}  // namespace quarry::translate
