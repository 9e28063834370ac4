#pragma once
// What a user's text may script of the answer, for tests: "[[sandbox:<what> <text>]]", the same for
// every model. A text ends at "]]"; of a longer row of brackets its last two end it, so that an
// array may be echoed. Pure.
//
//   [[sandbox:error 429 any message]]   the model refuses: status 400 to 599
//   [[sandbox:echo TEXT]]               the answer is TEXT and nothing else
//   [[sandbox:reasoning TEXT]]          the answer has reasoning, where the family has a form for
//   it
//   [[sandbox:stop REASON]]             the family's own stop reason, as it is
//   [[sandbox:tool NAME]]               calls the tool of that name, if the request declares it

#include "sandbox/model.h"

#include <optional>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct Hooks {
  std::optional<ModelError> error;
  std::optional<std::string> echo;
  std::optional<std::string> reasoning;
  std::optional<std::string> stop;
  std::optional<std::string> tool;
};

// The first hook of each kind in one user message. A conversation's error is that of the first
// message that has one; everything else is scripted by its last user message alone, and no tool is
// scripted once that call's result has come in.
Hooks read_hooks(std::string_view user_text);

// Takes one more user message of a conversation: keeps the error there is, replaces the rest.
void add_hooks(Hooks& hooks, std::string_view user_text);

}  // namespace quarry::sandbox
