#pragma once
// What the models have in common whose own body is OpenAI's Chat Completions request: gpt-oss and
// other open-weight models, Mistral's chat models, Jamba. Both directions.

#include "translate/answer.h"
#include "translate/chat_request.h"

#include <string>

namespace quarry::translate {

struct ChatTurns {
  bool system_apart = true;  // else the system's text opens the first user message
  bool short_ids = false;    // of tool calls: append_short_tool_id()
  bool prefix = false;  // a last message of the assistant has to be marked as one to go on from
  bool user_after_tool = true;  // whether a user message may follow a tool's
};

// Appends "messages":[…]: the system's texts as one message at the front, neighbours of one role as
// one message, because most chat templates want that. `scratch` parses the arguments of tool calls.
// Errors: files, and images in a tool's result, for which there is no form.
Outcome append_chat_messages(const Conversation& conversation,
                             ChatTurns turns,
                             json::Document& scratch,
                             std::string& out);
// Appends ,"max_tokens":… by the given name, and temperature, top_p and top_k.
void append_sampling(const Checked& checked, std::string_view max_tokens_name, std::string& out);
// Appends ,"stop":[…] where there is any.
void append_stop(const Checked& checked, std::string& out);
// Appends ,"<name>":<value> as the client wrote it, where it is to be written.
void append_param(const Checked& checked, Param param, std::string& out);
// Appends ,"tools":[…]. only: just the tool of that name. strict: whether the model knows the
// member.
void append_chat_tools(const ChatRequest& request,
                       std::optional<json::Value> only,
                       bool strict,
                       std::string& out);
// Appends ,"response_format":{…} where there is one.
void append_response_format(const ChatRequest& request, const Checked& checked, std::string& out);

// Reads a chat.completion, also Mistral's. reasoning_tags: text within <reasoning> tags before the
// answer is its reasoning, to the end where it broke off within them.
Outcome read_chat_answer(json::Value root, bool reasoning_tags, Answer& answer);

}  // namespace quarry::translate
