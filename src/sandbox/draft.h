#pragma once
// An answer before it has a family's shape: what it depends on, what is asked of it, what it says.
// Pure.

#include "sandbox/model.h"
#include "sandbox/model_text.h"
#include "sandbox/prompt_hooks.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

// A conversation as far as the answer depends on it, added turn by turn.
class Prompt {
 public:
  void add_system(std::string_view text);
  void add_user(std::string_view text);
  void add_assistant(std::string_view text);
  // What a tool gave, or a turn that is not the user's own words: nothing but an error is scripted.
  void add_tool_result(std::string_view text);

  const std::string& system() const { return system_; }
  const std::string& last_user() const { return last_user_; }
  const Hooks& hooks() const { return hooks_; }
  std::uint64_t input_tokens() const;

 private:
  std::string system_;
  std::string last_user_;
  Hooks hooks_;
  std::size_t bytes_ = 0;
  std::size_t turns_ = 0;
};

struct DeclaredTool {
  std::string name;
  const boost::json::value* schema = nullptr;  // lives as long as the request
};

struct Wish {
  std::uint64_t tokens_max = 4096;
  std::vector<std::string> stops;
  std::vector<DeclaredTool> tools;
  bool forces_tool = false;
  std::string forced_tool;  // "" is any
  bool thinks = false;
  bool shows_thought = true;  // else the family has no form for it, and there is none
  const boost::json::value* answer_schema = nullptr;  // the text is JSON that it accepts
};

enum class Ending { turn, stop, length, tool };

struct Draft {
  std::string thought;  // "" is none
  std::string text;
  std::optional<std::string> tool;  // called
  boost::json::object arguments;
  Ending ending = Ending::turn;
  std::optional<std::string> scripted_stop;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

// A family's words for the endings.
struct EndingNames {
  std::string_view turn, stop, length, tool;
};
std::string stop_reason(const Draft& draft, const EndingNames& names);

std::expected<Draft, ModelError> draft_answer(const Prompt& prompt,
                                              const Wish& wish,
                                              TextSource& source);

// The answer of a draft that has been given a body.
ModelAnswer answer_of(const Draft& draft, std::string body);

// The strings of an array member, none when it is not there.
std::vector<std::string> strings_in(const boost::json::object& object, std::string_view name);
// A whole number, `fallback` when it is not there.
std::uint64_t number_in(const boost::json::object& object,
                        std::string_view name,
                        std::uint64_t fallback);

}  // namespace quarry::sandbox
