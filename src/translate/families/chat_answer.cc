// The answers of chat_shape.h.

#include "translate/families/chat_shape.h"

#include <charconv>
#include <optional>
#include <string_view>

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kOpen = "<reasoning>";
constexpr std::string_view kClose = "</reasoning>";

std::optional<json::Value> string(json::Value in, std::string_view key) {
  const auto value = in.find_non_null(key);
  return value && value->is(json::Kind::string) ? value : std::nullopt;
}

Outcome read_usage(const std::optional<json::Value>& usage, Answer& answer) {
  if (!usage) return {};
  if (!usage->is(json::Kind::object)) return malformed("its usage is not an object");
  const auto [prompt, completion, of_prompt, of_completion] =
      usage->pick<"prompt_tokens", "completion_tokens", "prompt_tokens_details",
                  "completion_tokens_details">();
  if (!prompt && !completion) return {};
  const auto detail = [](const std::optional<json::Value>& details, std::string_view key) {
    return details && details->is(json::Kind::object) ? token_count(*details, key) : 0;
  };
  const auto input = token_count(prompt);
  const auto output = token_count(completion);
  const auto cached = detail(of_prompt, "cached_tokens");
  const auto reasoning = detail(of_completion, "reasoning_tokens");
  if (!input || !output || !cached || !reasoning)
    return malformed("its usage holds something else than counts");
  answer.usage = openai::Usage{.input_tokens = *input,
                               .cached_input_tokens = *cached,
                               .cache_write_tokens = 0,
                               .output_tokens = *output,
                               .reasoning_tokens = *reasoning};
  return {};
}

// A character of the inside of a JSON string: what it means, '\0' where that is nothing of a tag or
// a space, and its bytes there.
struct Character {
  char means = '\0';
  std::size_t size = 1;
};

Character character_at(std::string_view inside, std::size_t at) {
  if (inside[at] != '\\') return {inside[at], 1};
  switch (inside[at + 1]) {
    case 'n':
      return {'\n', 2};
    case 'r':
      return {'\r', 2};
    case 't':
      return {'\t', 2};
    case '/':
      return {'/', 2};
    case 'u':
      break;
    default:
      return {'\0', 2};
  }
  unsigned unit = 0;
  std::from_chars(inside.data() + at + 2, inside.data() + at + 6, unit, 16);
  return {unit < 0x80 ? static_cast<char>(unit) : '\0', 6};
}

// How many bytes spell the tag at `at`, each of its characters plainly or escaped; 0 where none do.
std::size_t tag_size(std::string_view inside, std::size_t at, std::string_view tag) {
  if (inside.substr(at).starts_with(tag)) return tag.size();
  std::size_t end = at;
  for (const char c : tag) {
    if (end == inside.size()) return 0;
    const Character character = character_at(inside, end);
    if (character.means != c) return 0;
    end += character.size;
  }
  return end - at;
}

std::string_view without_leading_spaces(std::string_view inside) {
  while (!inside.empty()) {
    const Character first = character_at(inside, 0);
    if (!kSpaces.contains(first.means)) break;
    inside.remove_prefix(first.size);
  }
  return inside;
}

struct Cut {
  std::string_view before;
  std::string_view after;
};

// What is before the first closing tag and after it; without one, all is before.
Cut cut_at_close(std::string_view inside) {
  const std::size_t plain = inside.find(kClose);
  const std::string_view before = inside.substr(0, plain);
  // Nearly every answer has it plainly. One with escapes would be before that.
  if (before.find("\\u00") != before.npos || before.find("<\\") != before.npos) {
    for (std::size_t at = 0; at < before.size(); at += character_at(before, at).size) {
      if (const std::size_t size = tag_size(inside, at, kClose); size > 0)
        return {inside.substr(0, at), inside.substr(at + size)};
    }
  }
  if (plain == inside.npos) return {inside, {}};
  return {before, inside.substr(plain + kClose.size())};
}

// The tagged texts at the front are reasoning, what follows them is the text.
void add_tagged(std::string_view inside, Answer& answer) {
  while (true) {
    const std::string_view tagged = without_leading_spaces(inside);
    const std::size_t open = tag_size(tagged, 0, kOpen);
    if (open == 0) break;
    const Cut cut = cut_at_close(tagged.substr(open));
    answer.reasoning.add(cut.before);
    inside = without_leading_spaces(cut.after);
  }
  answer.text.add(inside);
}

void add_content(json::Value text, bool reasoning_tags, Answer& answer) {
  reasoning_tags ? add_tagged(text.raw_text(), answer) : answer.add_text(text);
}

// Mistral's reasoning models: {"type":"thinking","thinking":[{"type":"text","text":…}]}.
bool add_thinking(json::Value thinking, Answer& answer) {
  if (thinking.is(json::Kind::string)) {
    answer.add_reasoning(thinking);
    return true;
  }
  if (!thinking.is(json::Kind::array)) return false;
  for (const json::Value part : thinking.elements()) {
    if (!part.is(json::Kind::object)) return false;
    if (const auto text = string(part, "text")) answer.add_reasoning(*text);
  }
  return true;
}

bool read_content(json::Value content, bool reasoning_tags, Answer& answer) {
  if (content.is(json::Kind::string)) {
    add_content(content, reasoning_tags, answer);
    return true;
  }
  if (!content.is(json::Kind::array)) return false;
  for (const json::Value part : content.elements()) {
    if (!part.is(json::Kind::object)) return false;
    const auto [text, thinking] = part.pick<"text", "thinking">();
    if (text && !text->is(json::Kind::string)) return false;
    if (text) answer.add_text(*text);
    if (thinking && !add_thinking(*thinking, answer)) return false;
  }
  return true;
}

bool read_call(json::Value call, Answer& answer) {
  if (!call.is(json::Kind::object)) return false;
  const auto [id, function] = call.pick<"id", "function">();
  if (!function || !function->is(json::Kind::object)) return false;
  const auto [name, arguments] = function->pick<"name", "arguments">();
  if (!name || !name->is(json::Kind::string)) return false;
  const std::string_view id_inside =
      id && id->is(json::Kind::string) ? id->raw_text() : std::string_view();
  if (arguments && arguments->is(json::Kind::object)) {
    answer.add_call(id_inside, name->raw_text(), *arguments);
    return true;
  }
  if (arguments && !arguments->is(json::Kind::string)) return false;
  const bool given = arguments && !arguments->raw_text().empty();
  answer.calls.push_back({id_inside, name->raw_text(), given ? arguments->raw_text() : "{}"});
  return true;
}

// Also in Mistral's words: "model_length" is its length, "error" what it broke off for.
Finish finish_of(const std::optional<json::Value>& reason, bool calls) {
  const bool told = reason && reason->is(json::Kind::string);
  const std::string_view text = told ? reason->text() : std::string_view();
  if (text == "length" || text == "max_tokens" || text == "model_length") return Finish::length;
  if (text == "content_filter") return Finish::content_filter;
  if (text == "tool_calls" || text == "function_call") return Finish::tool_calls;
  return calls ? Finish::tool_calls : Finish::stop;  // some say "stop" after calls, too
}

Outcome read_message(json::Value message, bool reasoning_tags, Answer& answer) {
  const auto [content, reasoning_content, reasoning, refusal, calls] =
      message.pick<"content", "reasoning_content", "reasoning", "refusal", "tool_calls">();
  // Both names are in use for one thing.
  for (const auto& text : {reasoning_content, reasoning}) {
    if (!text || !text->is(json::Kind::string) || text->raw_text().empty()) continue;
    answer.add_reasoning(*text);
    break;
  }
  if (refusal && refusal->is(json::Kind::string)) answer.refusal = refusal->raw_text();
  if (content && !read_content(*content, reasoning_tags, answer))
    return malformed("its content is neither a text nor a list of parts");
  if (!calls) return {};
  if (!calls->is(json::Kind::array)) return malformed("its tool calls are not a list");
  for (const json::Value call : calls->elements()) {
    if (!read_call(call, answer)) return malformed("a tool call has not the form of one");
  }
  return {};
}

}  // namespace

Outcome read_chat_answer(json::Value root, bool reasoning_tags, Answer& answer) {
  const auto [choices, usage] = root.pick<"choices", "usage">();
  const Outcome counted = read_usage(usage, answer);
  if (!choices || !choices->is(json::Kind::array) || choices->empty())
    return malformed("it has no choices");
  const json::Value choice = *choices->elements().begin();
  if (!choice.is(json::Kind::object)) return malformed("its choice has no message");
  const auto [message, finish_reason, stop_reason] =
      choice.pick<"message", "finish_reason", "stop_reason">();
  if (!message || !message->is(json::Kind::object)) return malformed("its choice has no message");
  if (!counted) return counted;
  if (auto ok = read_message(*message, reasoning_tags, answer); !ok) return ok;
  const bool finished = finish_reason && finish_reason->is(json::Kind::string);
  answer.finish = finish_of(finished ? finish_reason : stop_reason, !answer.calls.empty());
  return {};
}

}  // namespace quarry::translate
