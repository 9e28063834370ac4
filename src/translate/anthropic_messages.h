#pragma once
// OpenAI's messages -> Claude's `messages` and `system`: system and developer messages are taken
// out, tool results become user content, neighbours of one role become one message, empty text is
// dropped, because Claude refuses it.

#include "json/reader.h"
#include "translate/refusal.h"

#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

class AnthropicMessages {
 public:
  // arguments: a parser for what tool calls hold as text.
  AnthropicMessages(json::Document& arguments, std::string& out)
      : arguments_(arguments), out_(out) {}

  // Appends "messages":[…] and, where there is one, ,"system":…
  Outcome append(json::Value messages);
  // Whether any message calls a tool or answers one.
  bool uses_tools() const { return uses_tools_; }

 private:
  enum class Role { none, user, assistant };

  Outcome message(json::Value message, bool last);
  Outcome system_message(json::Value content);
  Outcome user_message(json::Value content);
  Outcome assistant_message(json::Value message, bool last);
  Outcome tool_message(json::Value message);
  Outcome text_or_parts(json::Value content, bool images, bool trim);
  Outcome part(json::Value part, std::size_t index, bool images, bool trim);
  Outcome image(json::Value part, std::size_t index);
  Outcome tool_call(json::Value call, std::size_t index);
  Outcome tool_input(json::Value function, std::size_t index);
  void text_block(json::Value text, bool trim);
  void open_turn(Role role);
  void open_block();
  Outcome all_calls_answered() const;
  void append_system();
  // "body.messages[3]" + rest.
  std::string at(std::string_view rest = "") const;
  std::string at_part(std::size_t index, std::string_view rest = "") const;

  json::Document& arguments_;
  std::string& out_;
  std::vector<json::Value> system_;           // not blank
  std::vector<std::string_view> open_calls_;  // ids of the last tool calls that have no result yet
  std::size_t calls_at_ = 0;                  // the message that made them
  std::size_t index_ = 0;                     // of the message at hand
  Role turn_ = Role::none;                    // the message being written
  bool first_block_ = true;
  bool uses_tools_ = false;
};

}  // namespace quarry::translate
