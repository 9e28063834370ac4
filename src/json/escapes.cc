#include "json/escapes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace quarry::json {

namespace {

// The value of each hex digit, -1 of all else.
constexpr std::array<std::int8_t, 256> kHexDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (int i = 0; i < 10; ++i)
    digits[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) {
    digits[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
    digits[static_cast<std::size_t>('A' + i)] = static_cast<std::int8_t>(10 + i);
  }
  return digits;
}();

// The four hex digits at `at`; -1 if they are not.
int code_unit(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  const auto digit = [&](std::size_t i) -> int {
    return kHexDigits[static_cast<unsigned char>(text[at + i])];
  };
  const int d0 = digit(0), d1 = digit(1), d2 = digit(2), d3 = digit(3);
  return (d0 | d1 | d2 | d3) < 0 ? -1 : d0 << 12 | d1 << 8 | d2 << 4 | d3;
}

bool is_high_surrogate(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low_surrogate(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

// The next backslash at or after `at`. In prose they stand so close together that a call of memchr
// for each costs more than the search: the first bytes are looked at eight at a time.
std::size_t find_backslash(std::string_view text, std::size_t at) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  for (int i = 0; i < 12 && at + 8 <= text.size(); ++i, at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, text.data() + at, 8);
    bytes ^= ones * '\\';  // a backslash is now a zero byte
    const std::uint64_t zeros = (bytes - ones) & ~bytes & (ones << 7);
    if (zeros == 0) continue;
    if constexpr (std::endian::native == std::endian::little) {
      return at + static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
    }
    break;
  }
  return text.find('\\', at);
}

// The bytes of the escape whose backslash is at `at`, in a string's inside.
std::expected<std::size_t, ParseError> escape_size(std::string_view inside, std::size_t at) {
  switch (at + 1 < inside.size() ? inside[at + 1] : '\0') {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return 2;
    case 'u':
      break;
    default:
      return std::unexpected(ParseError::syntax);
  }
  const int unit = code_unit(inside, at + 2);
  if (unit < 0) return std::unexpected(ParseError::syntax);
  if (is_low_surrogate(unit)) return std::unexpected(ParseError::lone_surrogate);
  if (!is_high_surrogate(unit)) return 6;
  const bool escape_follows = inside.substr(std::min(at + 6, inside.size()), 2) == "\\u";
  if (!escape_follows || !is_low_surrogate(code_unit(inside, at + 8)))
    return std::unexpected(ParseError::lone_surrogate);
  return 12;
}

char* write_utf8(char* out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return out;
}

char simple_escape(char kind) {
  switch (kind) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return kind;  // " \ /
  }
}

}  // namespace

std::expected<std::size_t, ParseError> check_escapes(std::string_view text,
                                                     std::size_t at,
                                                     std::size_t end) {
  const std::string_view inside = text.substr(0, end);
  do {
    const auto size = escape_size(inside, at);
    if (!size) return size;
    at += *size;
    // In text that is written in ASCII they follow each other.
    if (at < end && text[at] == '\\') continue;
    at = find_backslash(text, at);
  } while (at < end);
  return at;
}

std::size_t unescape(std::string_view text, char* const start) {
  char* out = start;
  // What is written is never ahead of what is read, so there is as much room as there is text.
  const auto copy = [&](std::size_t from, std::size_t to) {
    copy_run(out, text.data() + from, to - from, text.size() - from);
    out += to - from;
  };
  std::size_t from = 0;
  for (std::size_t at = find_backslash(text, 0); at != std::string_view::npos;
       at = find_backslash(text, from)) {
    if (at != from) copy(from, at);
    if (text[at + 1] != 'u') {
      *out++ = simple_escape(text[at + 1]);
      from = at + 2;
      continue;
    }
    auto code = static_cast<std::uint32_t>(code_unit(text, at + 2));
    from = at + 6;
    if (is_high_surrogate(static_cast<int>(code))) {
      const auto low = static_cast<std::uint32_t>(code_unit(text, at + 8));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      from = at + 12;
    }
    out = write_utf8(out, code);
  }
  copy(from, text.size());
  return static_cast<std::size_t>(out - start);
}

}  // namespace quarry::json
