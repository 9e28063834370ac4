#pragma once
// JSON written by appending, without a tree. Pure.

#include <cstdint>
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
// Valid JSON copied so that it is one line for every reader: U+0085, U+2028 and U+2029, which can
// only stand inside strings, are escaped, and line ends, which can only stand between tokens, are
// left out.
void append_line(std::string& out, std::string_view json);

}  // namespace quarry::json
