#include "translate/families/prompt_shape.h"

#include "json/write.h"

#include <utility>

namespace quarry::translate {

namespace {

// Whether the backslash at `at` begins an escape: it is none that another one escapes.
bool begins_escape(std::string_view inside, std::size_t at) {
  std::size_t before = 0;
  while (before < at && inside[at - before - 1] == '\\') ++before;
  return before % 2 == 0;
}

}  // namespace

Outcome check_tokens(std::string_view place,
                     std::string_view text,
                     std::span<const std::string_view> tokens) {
  for (const std::string_view token : tokens) {
    if (text.find(token) == std::string_view::npos) continue;
    return invalid_value(place,
                         "holds '" + std::string(token) +
                             "', which is a token of this model's own prompt format; take it out");
  }
  return {};
}

Outcome check_tokens(const Conversation& conversation,
                     const Part& part,
                     std::span<const std::string_view> tokens) {
  auto ok = check_tokens("", part.text.text(), tokens);
  // The place is put into words only for a refusal.
  return ok ? ok : check_tokens(conversation.place(part), part.text.text(), tokens);
}

bool begins_with(const std::optional<json::Value>& raw_prompt, std::string_view token) {
  if (!raw_prompt) return false;
  const std::string_view text = raw_prompt->text();
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text.substr(begin).starts_with(token);
}

void append_count(std::string& out, std::string_view key, std::int64_t count) {
  out.append(",\"").append(key).append("\":");
  json::append_integer(out, count);
}

void append_number(std::string& out, std::string_view key, const std::optional<Number>& number) {
  if (number) out.append(",\"").append(key).append("\":").append(number->raw.raw());
}

std::optional<TagPlace> find_tag(std::string_view inside, std::string_view tag) {
  std::optional<TagPlace> first;
  const auto found = [&](std::size_t at, std::size_t size) {
    if (!first || at < first->begin) first = TagPlace{at, at + size};
  };
  if (const std::size_t at = inside.find(tag); at != std::string_view::npos) found(at, tag.size());
  const std::string_view name = tag.substr(1, tag.size() - 2);
  for (const auto& [open, close] :
       {std::pair("\\u003c", "\\u003e"), std::pair("\\u003C", "\\u003E")}) {
    const std::string escaped = open + std::string(name) + close;
    std::size_t at = inside.find(escaped);
    while (at != std::string_view::npos && !begins_escape(inside, at)) {
      at = inside.find(escaped, at + 1);
    }
    if (at != std::string_view::npos) found(at, escaped.size());
  }
  return first;
}

std::string_view without_leading_lines(std::string_view inside) {
  while (inside.starts_with("\\n") || inside.starts_with("\\r")) inside.remove_prefix(2);
  return inside;
}

std::string_view without_trailing_lines(std::string_view inside) {
  while ((inside.ends_with("\\n") || inside.ends_with("\\r")) &&
         begins_escape(inside, inside.size() - 2)) {
    inside.remove_suffix(2);
  }
  return inside;
}

}  // namespace quarry::translate
