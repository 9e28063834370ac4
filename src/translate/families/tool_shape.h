#pragma once
// Tools, as several families write them.

#include "json/reader.h"
#include "translate/chat_request.h"

#include <string>

namespace quarry::translate {

// A tool's parameters as a JSON Schema that says its type, which OpenAI's clients leave out for
// functions without parameters and models want.
void append_parameters(const Tool& tool, std::string& out);

// The id of a call as a JSON string; a call and its result are changed alike.
// As append_tool_id(), and at most 64 characters: Nova and Converse.
void append_bounded_tool_id(std::string& out, json::Value id);
// [a-zA-Z0-9]{9}, the only form that Mistral's models take; other ids become a hash of theirs.
void append_short_tool_id(std::string& out, json::Value id);

// For models that cannot be told to call none of their tools, or one at a time: errors, unless
// drop_params.
Outcome check_may_call(const ChatRequest& request);
Outcome check_may_call_several(const ChatRequest& request);

}  // namespace quarry::translate
