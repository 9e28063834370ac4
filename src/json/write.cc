#include "json/write.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace quarry::json {

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

bool continues(std::string_view text, std::size_t at, unsigned low = 0x80, unsigned high = 0xbf) {
  const unsigned byte = byte_at(text, at);
  return byte >= low && byte <= high;
}

// The length of the well-formed sequence at `at` (Unicode standard, table 3-7); 0 if it is not one.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(text, at + 1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return continues(text, at + 1, low, high) && continues(text, at + 2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    const bool whole =
        continues(text, at + 1, low, high) && continues(text, at + 2) && continues(text, at + 3);
    return whole ? 4 : 0;
  }
  return 0;
}

void append_control(std::string& out, unsigned char c) {
  switch (c) {
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u00";
  out += digits[c >> 4];
  out += digits[c & 15];
}

// The escape of the separator at `at`, or "".
std::string_view separator_escape(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead == 0xc2 && byte_at(text, at + 1) == 0x85) return "\\u0085";
  if (lead == 0xe2 && byte_at(text, at + 1) == 0x80) {
    if (byte_at(text, at + 2) == 0xa8) return "\\u2028";
    if (byte_at(text, at + 2) == 0xa9) return "\\u2029";
  }
  return {};
}

bool plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

}  // namespace

void append_string_inside(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t run = at;
    while (run < text.size() && plain(static_cast<unsigned char>(text[run]))) ++run;
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (c < 0x20) {
      append_control(out, c);
      ++at;
    } else if (c < 0x80) {
      out += '\\';
      out += text[at++];
    } else if (const std::size_t length = utf8_length(text, at); length == 0) {
      out += kReplacement;
      ++at;
    } else {
      const std::string_view escape = separator_escape(text, at);
      out.append(escape.empty() ? text.substr(at, length) : escape);
      at += length;
    }
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  append_string_inside(out, text);
  out += '"';
}

void append_integer(std::string& out, std::int64_t value) {
  std::array<char, 24> digits{};
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), result.ptr);
}

void append_line(std::string& out, std::string_view json) {
  // Most text has few of these bytes; find() is memchr.
  std::array<char, 4> looked_for{'\xc2', '\xe2', '\n', '\r'};
  std::array<std::size_t, 4> next{};
  for (std::size_t i = 0; i < next.size(); ++i) next[i] = json.find(looked_for[i]);
  std::size_t copied = 0;
  while (true) {
    const auto nearest = std::ranges::min_element(next);
    const std::size_t at = *nearest;
    if (at == std::string_view::npos) break;
    const bool line_end = json[at] == '\n' || json[at] == '\r';
    if (const std::string_view escape = separator_escape(json, at); line_end || !escape.empty()) {
      out.append(json, copied, at - copied);
      out += escape;
      copied = at + (line_end ? 1 : escape == "\\u0085" ? 2 : 3);
    }
    *nearest = json.find(json[at], at + 1);
  }
  out.append(json, copied);
}

}  // namespace quarry::json
