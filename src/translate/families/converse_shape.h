#pragma once
// What Amazon Nova's own body and Converse have in common (Bedrock API reference, "Converse";
// Amazon Nova user guide, "Request and response schema"): both directions.

#include "translate/answer.h"
#include "translate/chat_request.h"
#include "translate/family.h"

#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace quarry::translate {

struct ConverseTurns {
  bool system_apart = true;  // else the system's text opens the first user message
  bool trim_last = false;    // Claude refuses a last assistant message that ends in whitespace
};

// Appends "messages":[…]: neighbours of one role as one message. `scratch` parses the arguments of
// tool calls.
Outcome append_converse_messages(const Conversation& conversation,
                                 ConverseTurns turns,
                                 json::Document& scratch,
                                 std::string& out);
// Appends ,"system":[…]; nothing where there is none, because Nova refuses an empty one.
void append_converse_system(const Conversation& conversation, std::string& out);
// Appends ,"inferenceConfig":{…} where there is anything in it. top_k: Nova's own body has topK
// there.
void append_inference_config(const Checked& checked, bool top_k, std::string& out);
// Appends ,"toolConfig":{…}, for Nova.
Outcome append_tool_config(const ChatRequest& request, std::string& out);

// effort_of() for a Nova 2. At "high" it sets temperature, topP, topK and maxTokens itself and
// refuses to be given them: an error, or they are taken out of `checked` with drop_params.
std::expected<std::string_view, openai::LineError> nova_effort(const ChatRequest& request,
                                                               Checked& checked);

// Reads an answer; every member may be null, as batch output writes what is not set.
Outcome read_converse_answer(json::Value root, Answer& answer);
// The family of such answers and of no others.
std::unique_ptr<ResultFamily> make_converse_answers();

}  // namespace quarry::translate
