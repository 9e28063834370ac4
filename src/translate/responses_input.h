#pragma once
// `instructions` and `input` of a /v1/responses body as a conversation.

#include "translate/conversation.h"

namespace quarry::translate {

// Appends to conversation.system; blank ones are left out.
Outcome read_instructions(json::Value instructions, Conversation& conversation);
// A string, or items: messages (with or without "type"), function_call, function_call_output, and
// reasoning, which is left out. Function calls join what the assistant said just before: models
// take both in one turn.
Outcome read_input(json::Value input, Conversation& conversation);

}  // namespace quarry::translate
