#pragma once
// OpenAI's messages -> Claude's `messages` and `system`: system and developer messages are taken
// out, tool results become user content, neighbours of one role become one message, empty text is
// dropped, because Claude refuses it.

#include "json/reader.h"
#include "translate/refusal.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

class AnthropicMessages {
 public:
  // Memory that is worth keeping from one line to the next.
  struct Scratch {
    json::Document arguments;                  // of a tool call: JSON within a JSON string
    std::vector<json::Value> system;           // texts, none blank
    std::vector<std::string_view> open_calls;  // ids of the last tool calls that have no result yet
  };

  AnthropicMessages(Scratch& scratch, std::string& out);

  // Appends "messages":[…] and, where there is one, ,"system":…
  Outcome append(json::Value messages);
  // Whether any message calls a tool or answers one.
  bool uses_tools() const { return uses_tools_; }
  // Whether the model is to continue a message of the assistant.
  bool prefilled() const { return turn_ == Role::assistant; }

 private:
  enum class Role { none, user, assistant };
  struct Assistant {
    std::optional<json::Value> content, refusal, tool_calls;
  };

  Outcome message(json::Value value, bool last);
  Outcome system_message(json::Value content);
  Outcome user_message(json::Value content);
  Outcome assistant_message(const Assistant& message, bool last);
  Outcome tool_message(const std::optional<json::Value>& call_id,
                       const std::optional<json::Value>& content);
  Outcome text_or_parts(json::Value content, bool images, bool trim);
  Outcome part(json::Value part, std::size_t index, bool images, bool trim);
  Outcome image(std::optional<json::Value> url, std::size_t index);
  Outcome tool_call(json::Value call, std::size_t index);
  Outcome tool_input(const std::optional<json::Value>& arguments, std::size_t index);
  void text_block(json::Value text, bool trim);
  void open_turn(Role role);
  void open_block();
  Outcome all_calls_answered() const;
  void append_system();
  // "body.messages[3]" + rest.
  std::string at(std::string_view rest = "") const;
  std::string at_part(std::size_t index, std::string_view rest = "") const;

  json::Document& arguments_;
  std::vector<json::Value>& system_;
  std::vector<std::string_view>& open_calls_;
  std::string& out_;
  std::size_t calls_at_ = 0;  // the message that made them
  std::size_t index_ = 0;     // of the message at hand
  Role turn_ = Role::none;    // the message being written
  bool first_block_ = true;
  bool uses_tools_ = false;
};

}  // namespace quarry::translate
