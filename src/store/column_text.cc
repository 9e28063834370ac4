#include "store/column_text.h"

#include <cstddef>
#include <cstdint>

namespace quarry::store {
namespace {

constexpr char kEscape = '\x1a';

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// The bytes of the character at `at`; 0 when it is none (RFC 3629: no surrogates, no longer forms,
// nothing above U+10FFFF).
std::size_t character_size(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte_at(text, at + 1);
  if (lead == 0xe0 && second < 0xa0) return 0;
  if (lead == 0xed && second > 0x9f) return 0;
  if (lead == 0xf0 && second < 0x90) return 0;
  if (lead == 0xf4 && second > 0x8f) return 0;
  return size;
}

// The length of what is taken as it is, from `at` on.
std::size_t plain_size(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && text[end] != '\0' && text[end] != kEscape) {
    const std::size_t size = character_size(text, end);
    if (size == 0) break;
    end += size;
  }
  return end - at;
}

int digit(unsigned c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a') + 10;
  return -1;
}

}  // namespace

std::string column_text(std::string_view text) {
  std::string stored;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t plain = plain_size(text, at);
    if (plain == text.size()) return std::string(text);
    stored.append(text.substr(at, plain));
    at += plain;
    if (at == text.size()) break;
    constexpr std::string_view kDigits = "0123456789abcdef";
    const unsigned byte = byte_at(text, at++);
    stored.append({kEscape, kDigits[byte >> 4], kDigits[byte & 0xf]});
  }
  return stored;
}

std::string text_of_column(std::string stored) {
  if (stored.find(kEscape) == std::string::npos) return stored;
  std::string text;
  for (std::size_t at = 0; at < stored.size(); ++at) {
    const int high = digit(byte_at(stored, at + 1));
    const int low = digit(byte_at(stored, at + 2));
    if (stored[at] == kEscape && high >= 0 && low >= 0) {
      text += static_cast<char>(high * 16 + low);
      at += 2;
    } else {
      text += stored[at];
    }
  }
  return text;
}

}  // namespace quarry::store
