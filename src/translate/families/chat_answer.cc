// The answers of chat_shape.h.

#include "json/write.h"
#include "translate/families/chat_shape.h"

#include <array>
#include <optional>
#include <string_view>

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kOpen = "<reasoning>";
constexpr std::string_view kClose = "</reasoning>";

std::optional<json::Value> object(json::Value in, std::string_view key) {
  const auto value = in.find_non_null(key);
  return value && value->is(json::Kind::object) ? value : std::nullopt;
}

std::optional<json::Value> string(json::Value in, std::string_view key) {
  const auto value = in.find_non_null(key);
  return value && value->is(json::Kind::string) ? value : std::nullopt;
}

Outcome read_usage(json::Value root, Answer& answer) {
  const auto usage = root.find_non_null("usage");
  if (!usage) return {};
  if (!usage->is(json::Kind::object)) return malformed("its usage is not an object");
  const auto [prompt, completion, of_prompt,
              of_completion] = usage->pick(std::array<std::string_view, 4>{
      "prompt_tokens", "completion_tokens", "prompt_tokens_details", "completion_tokens_details"});
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

// Takes the tagged texts off the front of `text`, which is no longer escaped; what was in them
// is appended to the reasoning.
std::string_view take_reasoning(std::string_view text, Answer& answer) {
  std::string_view rest = text;
  while (true) {
    const std::size_t begin = rest.find_first_not_of(kSpaces);
    if (begin == std::string_view::npos || !rest.substr(begin).starts_with(kOpen)) return rest;
    const std::string_view inside = rest.substr(begin + kOpen.size());
    const std::size_t end = inside.find(kClose);
    json::append_string_inside(answer.reasoning, inside.substr(0, end));
    if (end == std::string_view::npos) return {};
    rest = inside.substr(end + kClose.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(kSpaces), rest.size()));
  }
}

// The inside of a JSON string without the spaces and line ends at its start.
std::string_view without_leading_spaces(std::string_view raw) {
  while (!raw.empty()) {
    if (raw.front() == ' ') {
      raw.remove_prefix(1);
    } else if (raw.starts_with("\\n") || raw.starts_with("\\r") || raw.starts_with("\\t")) {
      raw.remove_prefix(2);
    } else {
      break;
    }
  }
  return raw;
}

// One tagged text with its tags written plainly, as nearly every answer has it: cut out as it
// stands, nothing is unescaped. False, and nothing is done, for any other text.
bool cut_reasoning(std::string_view raw, Answer& answer) {
  raw = without_leading_spaces(raw);
  if (!raw.starts_with(kOpen)) return false;
  const std::size_t end = raw.find(kClose, kOpen.size());
  if (end == std::string_view::npos) return false;
  const std::string_view rest = without_leading_spaces(raw.substr(end + kClose.size()));
  if (rest.starts_with('<') || rest.starts_with('\\')) return false;  // perhaps another one
  answer.reasoning += raw.substr(kOpen.size(), end - kOpen.size());
  answer.text += rest;
  return true;
}

void add_content(json::Value text, bool reasoning_tags, Answer& answer) {
  // A look at the first character tells most texts that hold no tag, escaped as it may be.
  const std::string_view raw = text.raw_text();
  const bool may_be_tagged =
      !raw.empty() && (raw.front() == '<' || raw.front() == '\\' || kSpaces.contains(raw.front()));
  if (!reasoning_tags || !may_be_tagged) {
    answer.add_text(text);
    return;
  }
  if (cut_reasoning(raw, answer)) return;
  const std::string_view whole = text.text();
  const std::string_view rest = take_reasoning(whole, answer);
  if (rest.data() == whole.data() && rest.size() == whole.size()) {
    answer.add_text(text);
  } else {
    json::append_string_inside(answer.text, rest);
  }
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
    const auto [text, thinking] = part.pick(std::array<std::string_view, 2>{"text", "thinking"});
    if (text && !text->is(json::Kind::string)) return false;
    if (text) answer.add_text(*text);
    if (thinking && !add_thinking(*thinking, answer)) return false;
  }
  return true;
}

bool read_call(json::Value call, Answer& answer) {
  if (!call.is(json::Kind::object)) return false;
  const auto id = string(call, "id");
  const auto function = object(call, "function");
  const auto name = function ? string(*function, "name") : std::nullopt;
  if (!name) return false;
  const std::string_view id_text = id ? id->raw_text() : std::string_view();
  const auto arguments = function->find_non_null("arguments");
  if (arguments && arguments->is(json::Kind::object)) {
    answer.add_call(id_text, name->raw_text(), *arguments);
    return true;
  }
  if (arguments && !arguments->is(json::Kind::string)) return false;
  const std::string_view text =
      arguments && !arguments->raw_text().empty() ? arguments->raw_text() : "{}";
  answer.calls.push_back({std::string(id_text), std::string(name->raw_text()), std::string(text)});
  return true;
}

// Also in Mistral's words: "model_length" is its length, "error" what it broke off for.
Finish finish_of(json::Value choice, bool calls) {
  auto reason = string(choice, "finish_reason");
  if (!reason) reason = string(choice, "stop_reason");
  const std::string_view text = reason ? reason->text() : std::string_view();
  if (text == "length" || text == "max_tokens" || text == "model_length") return Finish::length;
  if (text == "content_filter") return Finish::content_filter;
  if (text == "tool_calls" || text == "function_call") return Finish::tool_calls;
  return calls ? Finish::tool_calls : Finish::stop;  // some say "stop" after calls, too
}

Outcome read_message(json::Value message, bool reasoning_tags, Answer& answer) {
  const auto [content, reasoning_content, reasoning, refusal, calls] =
      message.pick(std::array<std::string_view, 5>{"content", "reasoning_content", "reasoning",
                                                   "refusal", "tool_calls"});
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
  const Outcome usage = read_usage(root, answer);
  const auto choices = root.find_non_null("choices");
  if (!choices || !choices->is(json::Kind::array) || choices->empty())
    return malformed("it has no choices");
  const json::Value choice = *choices->elements().begin();
  const auto message =
      choice.is(json::Kind::object) ? object(choice, "message") : std::optional<json::Value>();
  if (!message) return malformed("its choice has no message");
  if (!usage) return usage;
  if (auto ok = read_message(*message, reasoning_tags, answer); !ok) return ok;
  answer.finish = finish_of(choice, !answer.calls.empty());
  return {};
}

}  // namespace quarry::translate
