#pragma once
// For families whose body is one prompt text with a template of the model's own around the turns.
// What is appended goes inside a JSON string.

#include "translate/chat_request.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quarry::translate {

// Refuses a text that holds one of the template's own tokens: the model would take it for the end
// of the message, and what follows for somebody else's.
Outcome check_tokens(std::string_view place,
                     std::string_view text,
                     std::span<const std::string_view> tokens);
// The same of a text part.
Outcome check_tokens(const Conversation& conversation,
                     const Part& part,
                     std::span<const std::string_view> tokens);

// Whether a completion's prompt is in the template already, from its first token on; AWS's samples
// have line ends before it. Then it is copied as it is.
bool begins_with(const std::optional<json::Value>& raw_prompt, std::string_view token);

// "\"max_gen_len\":512" and the like, with a comma before.
void append_count(std::string& out, std::string_view key, std::int64_t count);
void append_number(std::string& out, std::string_view key, const std::optional<Number>& number);

// Where in the inside of a JSON string the first `tag` ("</think>") begins and ends, with its '<'
// and '>' as they are or escaped as \u003c and \u003e; nullopt when it is not there.
struct TagPlace {
  std::size_t begin;
  std::size_t end;
};
std::optional<TagPlace> find_tag(std::string_view inside, std::string_view tag);

// Without the line ends, written as \n or \r, at its start or its end.
std::string_view without_leading_lines(std::string_view inside);
std::string_view without_trailing_lines(std::string_view inside);

}  // namespace quarry::translate
