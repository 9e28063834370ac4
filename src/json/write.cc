#include "json/write.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

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

// Returns how many characters it wrote.
std::size_t write_control(char* to, unsigned char c) {
  constexpr std::string_view names = "btn?fr";  // of 8 to 13
  to[0] = '\\';
  if (c >= 8 && c <= 13 && c != 11) {
    to[1] = names[c - 8U];
    return 2;
  }
  constexpr std::string_view digits = "0123456789abcdef";
  to[1] = 'u';
  to[2] = '0';
  to[3] = '0';
  to[4] = digits[c >> 4U];
  to[5] = digits[c & 15U];
  return 6;
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

// Neither control nor quote nor backslash nor a byte of a longer sequence.
bool plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

constexpr std::size_t kEscapeMax = 6;  // \u001f

// What is written, on its way to the string: appending to that is dear for a few bytes.
struct Block {
  std::array<char, 2048> bytes;  // on the stack, not cleared
  std::size_t size = 0;

  void add(std::string_view text) {
    std::memcpy(bytes.data() + size, text.data(), text.size());
    size += text.size();
  }
};

// Copies the bytes before the first that is not plain, eight at once; what is less than eight bytes
// before the end is left. Returns how many; more of `to` may be written to, but not more than there
// is of `text`.
std::size_t copy_plain(std::string_view text, char* to) {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  constexpr std::uint64_t highs = 0x8080808080808080U;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t quote = word ^ (ones * '"');
    const std::uint64_t backslash = word ^ (ones * '\\');
    // The high bit of a byte that is under 0x20, a quote, a backslash, or over 0x7f. A borrow may
    // set more of them, but only behind such a byte.
    const std::uint64_t special =
        ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & highs;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(to + at, &word, sizeof word);
      if (special != 0) return at + static_cast<std::size_t>(std::countr_zero(special)) / 8;
    } else {
      if (special != 0) break;
      std::memcpy(to + at, &word, sizeof word);
    }
  }
  return at;
}

}  // namespace

void append_string_inside(std::string& out, std::string_view text) {
  Block block;
  std::size_t at = 0;
  while (at < text.size()) {
    if (block.size + kEscapeMax > block.bytes.size()) {
      out.append(block.bytes.data(), block.size);
      block.size = 0;
    }
    const std::size_t room = (block.bytes.size() - block.size) / kEscapeMax;
    const std::size_t copied = copy_plain(text.substr(at, room), block.bytes.data() + block.size);
    block.size += copied;
    at += copied;
    if (at == text.size()) break;
    const auto c = static_cast<unsigned char>(text[at]);
    if (plain(c)) {
      block.bytes[block.size++] = text[at++];
    } else if (c < 0x20) {
      block.size += write_control(block.bytes.data() + block.size, c);
      ++at;
    } else if (c < 0x80) {
      block.bytes[block.size++] = '\\';
      block.bytes[block.size++] = text[at++];
    } else if (const std::size_t length = utf8_length(text, at); length == 0) {
      block.add(kReplacement);
      ++at;
    } else {
      const std::string_view escape = separator_escape(text, at);
      block.add(escape.empty() ? text.substr(at, length) : escape);
      at += length;
    }
  }
  out.append(block.bytes.data(), block.size);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  append_string_inside(out, text);
  out += '"';
}

void append_integer(std::string& out, std::int64_t value) {
  out += std::string_view(Digits(value));
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
