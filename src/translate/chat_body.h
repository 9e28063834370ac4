#pragma once
// /v1/chat/completions (OpenAI API reference, "Create chat completion"). null counts as absent.

#include "translate/chat_request.h"

#include <string>
#include <string_view>

namespace quarry::translate {

// Replaces `request`. What changes nothing at the value it has (n = 1, logprobs = false, …) and
// what is only for OpenAI's own book-keeping (user, metadata, store, …) is left out; unknown
// members and what no family takes are errors, unless drop_params. stream = true always is one.
Outcome read_chat_body(json::Value body, bool drop_params, ChatRequest& request);

// For the readers of every endpoint:

// Whether `key` is a Param's name, sets it and returns true. A null is absent.
bool read_param(std::string_view key, json::Value value, ChatRequest& request);
// Whether `key` is of those that every endpoint leaves out (model, user, metadata, store,
// service_tier, safety_identifier, prompt_cache_key, prompt_cache_retention, …).
bool is_left_out(std::string_view key);
// "Unknown parameter" or "this model does not take it".
Refusal unknown_parameter(std::string_view key);
// stream: false is nothing, true an error with the endpoint's name in it.
Outcome check_stream(json::Value value, std::string_view endpoint_name);

// "body.tools[2].function"
std::string tool_place(std::size_t index, std::string_view rest = "");
// [a-zA-Z0-9_-]{1,64}, which OpenAI and every model hold functions' names to.
bool is_function_name(std::string_view name);
// place(): where the name is, asked for only to say what is wrong.
template <class Place>
Outcome check_function_name(json::Value name, const Place& place) {
  if (is_function_name(name.text())) return {};
  return invalid_value(place(), "must be 1 to 64 letters, digits, underscores and hyphens");
}
// {"name","description","parameters","strict"} at tool_place(index, rest), appended to
// request.tools.
Outcome read_function(json::Value function,
                      std::size_t index,
                      std::string_view rest,
                      ChatRequest& request);
// none, auto, required; false when `value` is none of these strings.
bool read_choice_word(json::Value value, ChatRequest& request);
// {"type","name","schema","strict"} at `place` ("body.response_format.json_schema").
Outcome read_schema(json::Value schema, const std::string& place, ChatRequest& request);
// After everything is read: no two tools have one name, a named choice names a tool, a choice other
// than none and auto has tools, a conversation that uses tools has some.
Outcome check_tools(const ChatRequest& request);

// A system message's content, a string or a list of texts; `part` is of its message, without an
// element.
Outcome read_system_text(json::Value content, Part part, Conversation& conversation);
// An image_url's URL at the part's place(); appended to `conversation.parts` as `part`.
Outcome read_image(json::Value url, Part part, Conversation& conversation);
// A file's data: URI or bare base64 with a media type known by its name; PDF only.
Outcome read_file(json::Value data,
                  std::optional<json::Value> file_name,
                  Part part,
                  Conversation& conversation);

}  // namespace quarry::translate
