#pragma once
// /v1/completions (OpenAI API reference, "Create completion"). null counts as absent.

#include "translate/chat_request.h"

#include <vector>

namespace quarry::translate {

// Replaces `request` (all but its conversation) and `prompts`: one string, or a list of which each
// becomes a record and a choice. Token lists, echo, suffix, best_of over 1 and log probabilities are
// errors.
Outcome read_completions_body(json::Value body,
                              bool drop_params,
                              ChatRequest& request,
                              std::vector<json::Value>& prompts);
// Makes the conversation one user message of that prompt; it must not be blank.
Outcome use_prompt(const std::vector<json::Value>& prompts, std::size_t i, ChatRequest& request);

}  // namespace quarry::translate
