#include "translate/response_note.h"

#include "translate/translator.h"

namespace quarry::translate {

namespace {

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift != 0;) {
    shift -= 4;
    out += digits[unit >> shift & 0xf];
  }
}

// The code point at `at`, of valid UTF-8; `at` is moved behind it.
unsigned next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  unsigned point = more == 0 ? lead : lead & (0x3fU >> more);
  for (int i = 0; i < more && at < text.size(); ++i) {
    point = point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  }
  return point;
}

// Compact JSON with all that is not visible ASCII, which can only stand within strings, escaped.
void append_ascii(std::string& out, std::string_view json) {
  std::size_t at = 0;
  while (at < json.size()) {
    const unsigned point = next_code_point(json, at);
    if (point > ' ' && point < 0x7f) {
      out += static_cast<char>(point);
    } else if (point < 0x10000) {
      append_escape(out, point);
    } else {
      append_escape(out, 0xd800 + ((point - 0x10000) >> 10));
      append_escape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
}

std::optional<json::Value> of_kind(const std::optional<json::Value>& value, json::Kind kind) {
  return value && value->is(kind) ? value : std::nullopt;
}

// Of a kind, or the null that says that it did not fit.
std::optional<json::Value> of_kind_or_null(json::Value object,
                                           std::string_view key,
                                           json::Kind kind) {
  const auto value = object.find(key);
  return value && (value->is(kind) || value->is(json::Kind::null)) ? value : std::nullopt;
}

}  // namespace

NoteWriter::NoteWriter(std::string& note) : note_(note) { note_.clear(); }

bool NoteWriter::add(std::string_view name, std::string_view json) {
  constexpr std::size_t most = TranslatedLine::kNoteBytesMax;
  if (json.size() > most) return false;  // escapes only make it longer
  const std::size_t before = note_.size();
  if (before == 0) {
    note_ += '{';
  } else {
    note_.back() = ',';
  }
  note_.append("\"").append(name).append("\":");
  append_ascii(note_, json);
  note_ += '}';
  if (note_.size() <= most) return true;
  note_.resize(before);
  if (before != 0) note_.back() = '}';
  return false;
}

ResponseNote read_note(std::string_view note, json::Document& document) {
  using json::Kind;
  ResponseNote read;
  if (note.empty()) return read;
  const auto root = document.parse(note);
  if (!root || !root->is(Kind::object)) return read;
  const auto [temperature, top_p, max_output_tokens, parallel, truncation, reasoning, text] =
      root->pick<"temperature", "top_p", "max_output_tokens", "parallel_tool_calls", "truncation",
                 "reasoning", "text">();
  read.temperature = of_kind(temperature, Kind::number);
  read.top_p = of_kind(top_p, Kind::number);
  read.max_output_tokens = of_kind(max_output_tokens, Kind::number);
  read.parallel_tool_calls = of_kind(parallel, Kind::boolean);
  read.truncation = of_kind(truncation, Kind::string);
  const auto choice = root->find_non_null("tool_choice");
  if (choice && (choice->is(Kind::string) || choice->is(Kind::object))) read.tool_choice = choice;
  if (reasoning && reasoning->is(Kind::object)) {
    read.effort = of_kind(reasoning->find("effort"), Kind::string);
  }
  if (text && text->is(Kind::object)) {
    read.format = of_kind_or_null(*text, "format", Kind::object);
    read.verbosity = of_kind(text->find("verbosity"), Kind::string);
  }
  read.metadata = of_kind_or_null(*root, "metadata", Kind::object);
  return read;
}

}  // namespace quarry::translate
