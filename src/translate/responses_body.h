#pragma once
// /v1/responses (OpenAI API reference, "Create a model response"). null counts as absent.

#include "translate/chat_request.h"

#include <string>

namespace quarry::translate {

// Replaces `request`, and `note` with what the response has to repeat of it (TranslatedLine::note();
// response_note.h tells its format).
// input: a string, or items: messages, function calls and their outputs, reasoning (left out).
// previous_response_id, conversation, background and tools that are not functions are errors.
Outcome read_responses_body(json::Value body,
                            bool drop_params,
                            ChatRequest& request,
                            std::string& note);

}  // namespace quarry::translate
