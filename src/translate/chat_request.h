#pragma once
// The members of a /v1/chat/completions body, sorted by what a translator has to do with them
// (OpenAI API reference, "Create chat completion"). Same for every family; null counts as absent.

#include "json/reader.h"
#include "translate/refusal.h"

#include <optional>

namespace quarry::translate {

struct ChatRequest {
  std::optional<json::Value> messages;
  std::optional<json::Value> max_tokens;
  std::optional<json::Value> max_completion_tokens;
  std::optional<json::Value> temperature;
  std::optional<json::Value> top_p;
  std::optional<json::Value> stop;
  std::optional<json::Value> tools;
  std::optional<json::Value> tool_choice;
  std::optional<json::Value> parallel_tool_calls;
  // Not OpenAI's: Anthropic's own, passed through.
  std::optional<json::Value> top_k;
  std::optional<json::Value> thinking;
  std::optional<json::Value> anthropic_beta;
};

// Sorts the members. What changes nothing at the value it has (n = 1, logprobs = false, …) and what
// is only for OpenAI's own book-keeping (user, metadata, store, …) is left out. Anything else that
// no family takes is an error, known or not, unless drop_params; stream = true always is.
std::expected<ChatRequest, openai::LineError> read_chat_request(json::Value body, bool drop_params);

}  // namespace quarry::translate
