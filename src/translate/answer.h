#pragma once
// A model's answer on its way to OpenAI's shape. Text is the inside of JSON strings, escaped as in
// the source: it is copied once, from there to its place, and never unescaped and escaped again.

#include "json/reader.h"
#include "openai/usage.h"
#include "translate/refusal.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

enum class Finish : std::uint8_t { stop, length, tool_calls, content_filter };

// A text that a model gave in one piece or several: one piece, as nearly every answer has it, is a
// view into the answer.
class Text {
 public:
  Text() = default;
  Text(const char* inside) : piece_(inside) {}
  void add(std::string_view inside);
  void clear();
  std::string_view view() const { return joined_.empty() ? piece_ : joined_; }
  bool empty() const { return view().empty(); }

 private:
  std::string_view piece_;
  std::string joined_;  // where there are several
};

// All three are the insides of JSON strings.
struct AnsweredCall {
  std::string_view id;  // "" = the family gives none: one is made
  std::string_view name;
  std::string_view arguments;  // the JSON text of an object, escaped
};

struct Answer {
  bool tools_offered = false;  // given: the request declared tools, to a family that calls in text
  Text text;
  Text reasoning;
  std::string_view refusal;
  std::vector<AnsweredCall> calls;
  Finish finish = Finish::stop;
  std::optional<openai::Usage> usage;  // nullopt: the answer says nothing of it

  void clear();  // all but tools_offered
  // Another text of the model's: joined to those before.
  void add_text(json::Value more) { text.add(more.raw_text()); }
  void add_reasoning(json::Value more) { reasoning.add(more.raw_text()); }
  // arguments: a JSON object, as its text becomes a string.
  void add_call(std::string_view id_inside, std::string_view name_inside, json::Value arguments);

  // Of add_call().
  std::string scratch;
  std::deque<std::string> escaped;  // what calls' arguments view, and memory for more of them
};

// "The model's answer cannot be read: <why>."; code "upstream_malformed".
Refusal malformed(std::string_view why);

// A count of tokens; absent and null are 0. nullopt: there, but not a count.
std::optional<std::int64_t> token_count(const std::optional<json::Value>& value);
std::optional<std::int64_t> token_count(json::Value usage, std::string_view key);
// Parses the answer, which must be an object.
std::expected<json::Value, openai::LineError> parse_answer(json::Document& document,
                                                           std::string_view model_output);

}  // namespace quarry::translate
