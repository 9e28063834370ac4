#pragma once
// What the bodies of the chat, completions and responses endpoints have in common: a conversation,
// as a flat list of views into the body. The readers (chat_body, responses_body, completions_body)
// fill it and refuse what no model could make sense of; the families write it in their own words.

#include "json/reader.h"
#include "translate/refusal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

enum class Role : std::uint8_t { system, user, assistant };

enum class PartKind : std::uint8_t {
  text,         // never blank: blank text is left out, since most models refuse it
  image,        // inline
  file,         // inline
  tool_call,    // of the assistant
  tool_result,  // of the user; its content is the `nested` parts that follow it
};

// One piece of one message. Neighbours of one role may be one turn or several messages: a part with
// `first` begins a message of the client's.
struct Part {
  // Values of `message` for a Responses body whose text stands in no list.
  static constexpr std::uint32_t kInstructions = 0xffff'fffe;
  static constexpr std::uint32_t kWholeInput = 0xffff'ffff;

  PartKind kind = PartKind::text;
  Role role = Role::user;
  bool first = false;
  bool nested = false;        // within the tool_result before it: a text or an image
  std::uint32_t message = 0;  // which element of messages or input, for place()
  std::int32_t element = -1;  // which element of its content or tool_calls; -1 = all of it
  json::Value text;           // text: the JSON string. image: the URL's. tool_call: the arguments',
                              // if has_arguments. file: the file name's, if has_name
  json::Value name;           // tool_call: the function's
  json::Value id;             // tool_call, tool_result: the call's
  bool has_arguments = false;
  bool has_name = false;
  std::uint32_t nested_count = 0;  // tool_result: how many parts follow as its content
  std::string_view media_type;     // image: "image/png"; file: "application/pdf"
  std::string_view base64;         // image, file
};

// Of which endpoint the body is: how places in it are called.
enum class BodyKind : std::uint8_t { chat, completions, responses };

struct Conversation {
  BodyKind body = BodyKind::chat;
  std::vector<Part> system;  // text only; system and developer messages, in their order
  // Users and assistants, in order. It begins with the user, and every tool call is answered by a
  // tool_result before the next message of another kind.
  std::vector<Part> parts;
  bool uses_tools = false;  // holds calls or results
  bool has_images = false;
  bool has_files = false;
  // The prompt of a completion, as it is: a family whose body is a prompt may take it over.
  std::optional<json::Value> raw_prompt;

  bool ends_with_assistant() const {
    return !parts.empty() && parts.back().role == Role::assistant;
  }
  void clear();
  // "body.messages[2].content[0]", for refusals.
  std::string place(const Part& part, std::string_view rest = "") const;
};

// Only whitespace, or nothing.
bool is_blank(json::Value text);
// Appends a call's arguments as a JSON object: {} where there are none or only whitespace. Errors:
// they are not the text of a JSON object. `scratch` parses; its values end with the next call.
Outcome append_arguments(const Conversation& conversation,
                         const Part& call,
                         json::Document& scratch,
                         std::string& out);

}  // namespace quarry::translate
