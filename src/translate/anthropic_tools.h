#pragma once
// OpenAI's tools, tool_choice and parallel_tool_calls -> Claude's tools and tool_choice.

#include "translate/chat_request.h"
#include "translate/refusal.h"

#include <string>

namespace quarry::translate {

// Appends ,"tools":[…] and ,"tool_choice":{…} where there are any.
// needed: the messages use tools, which Claude then wants declared.
Outcome append_anthropic_tools(const ChatRequest& request, bool needed, std::string& out);

}  // namespace quarry::translate
