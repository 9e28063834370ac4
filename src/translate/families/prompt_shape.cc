#include "translate/families/prompt_shape.h"

#include "json/write.h"

namespace quarry::translate {

Outcome check_tokens(const Conversation& conversation,
                     const Part& part,
                     std::initializer_list<std::string_view> tokens) {
  const std::string_view text = part.text.text();
  for (const std::string_view token : tokens) {
    if (text.find(token) == std::string_view::npos) continue;
    return invalid_value(conversation.place(part),
                         "holds '" + std::string(token) +
                             "', which is a token of this model's own prompt format; take it out");
  }
  return {};
}

void append_count(std::string& out, std::string_view key, std::int64_t count) {
  out.append(",\"").append(key).append("\":");
  json::append_integer(out, count);
}

void append_number(std::string& out, std::string_view key, const std::optional<Number>& number) {
  if (number) out.append(",\"").append(key).append("\":").append(number->raw.raw());
}

std::optional<TagPlace> find_tag(std::string_view inside, std::string_view tag) {
  if (const std::size_t at = inside.find(tag); at != std::string_view::npos) {
    return TagPlace{at, at + tag.size()};
  }
  const std::string_view name = tag.substr(1, tag.size() - 2);
  for (const auto& [open, close] :
       {std::pair("\\u003c", "\\u003e"), std::pair("\\u003C", "\\u003E")}) {
    const std::string escaped = open + std::string(name) + close;
    if (const std::size_t at = inside.find(escaped); at != std::string_view::npos) {
      return TagPlace{at, at + escaped.size()};
    }
  }
  return std::nullopt;
}

std::string_view without_leading_lines(std::string_view inside) {
  while (inside.starts_with("\\n") || inside.starts_with("\\r")) inside.remove_prefix(2);
  return inside;
}

}  // namespace quarry::translate
