#pragma once
// JSON written by appending, without a tree. Pure.

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace quarry::json {

// `text` as a JSON string token, quotes included. Invalid UTF-8 becomes U+FFFD. U+0085, U+2028 and
// U+2029 are escaped, because readers of JSONL that split as Python's str.splitlines() does break
// on them.
void append_string(std::string& out, std::string_view text);
// As append_string, without the quotes.
void append_string_inside(std::string& out, std::string_view text);
void append_integer(std::string& out, std::int64_t value);

constexpr std::string_view as_text(std::string_view text) { return text; }
template <std::size_t N>  // a literal: of a size that the compiler knows
constexpr std::string_view as_text(const char (&text)[N]) {
  return {text, N - 1};
}

// Appends texts one after the other, with one look at the room for all of them; those that the
// compiler knows are copied without a call.
template <typename... Texts>
void append_all(std::string& out, const Texts&... texts) {
  const std::size_t before = out.size();
  const std::size_t after = (before + ... + as_text(texts).size());
  out.resize_and_overwrite(after, [&](char* buffer, std::size_t) {
    char* to = buffer + before;
    const auto put = [&](std::string_view text) {
      if (text.empty()) return;  // and its data perhaps null
      std::memcpy(to, text.data(), text.size());
      to += text.size();
    };
    (put(as_text(texts)), ...);
    return after;
  });
}

// An integer as a text for append_all().
class Digits {
 public:
  explicit Digits(std::int64_t value)
      : end_(std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr) {}
  Digits(const Digits&) = delete;
  Digits& operator=(const Digits&) = delete;
  operator std::string_view() const { return {digits_.data(), end_}; }

 private:
  std::array<char, 20> digits_;  // of the longest, -2^63
  const char* end_;
};

// Valid JSON copied so that it is one line for every reader: U+0085, U+2028 and U+2029, which can
// only stand inside strings, are escaped, and line ends, which can only stand between tokens, are
// left out.
void append_line(std::string& out, std::string_view json);

}  // namespace quarry::json
