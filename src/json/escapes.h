#pragma once
// The escapes inside JSON strings, for the reader. Pure.

#include "json/reader.h"

#include <cstddef>
#include <cstring>
#include <expected>
#include <string_view>

namespace quarry::json {

// Checks the escapes of `text` from `at`, which is a backslash, to `end`, where the inside of its
// string ends. Gives the next backslash at or after `end`, npos if there is none. Errors: syntax,
// lone_surrogate.
std::expected<std::size_t, ParseError> check_escapes(std::string_view text,
                                                     std::size_t at,
                                                     std::size_t end);

// Writes what the inside of a string, checked by check_escapes, means; never longer than it. Gives
// the number of bytes; up to text.size() of them may be written to.
std::size_t unescape(std::string_view text, char* start);

// memcpy of `bytes`; `room` are valid on both sides. Most runs are short, and then a call costs
// more than the bytes.
inline void copy_run(char* to, const char* from, std::size_t bytes, std::size_t room) {
  if (bytes <= 32 && room >= 32) {
    std::memcpy(to, from, 32);
  } else {
    std::memcpy(to, from, bytes);
  }
}

}  // namespace quarry::json
