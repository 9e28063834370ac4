#include "json_style.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>

namespace quarry::bench {

namespace {

void append_unit(std::string& out, std::uint32_t unit) {
  char escape[8];
  std::snprintf(escape, sizeof escape, "\\u%04x", unit & 0xffffU);
  out += escape;
}

// The code point at `at` of well-formed UTF-8, which moves on.
std::uint32_t code_point(std::string_view utf8, std::size_t& at) {
  const auto byte = [&] { return static_cast<unsigned char>(utf8[at++]); };
  const std::uint32_t lead = byte();
  if (lead < 0x80) return lead;
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  std::uint32_t code = lead & (0x3fU >> more);
  for (int i = 0; i < more; ++i) code = code << 6 | (byte() & 0x3fU);
  return code;
}

}  // namespace

std::string JsonStyle::string(std::string_view utf8) const {
  std::string out = "\"";
  for (std::size_t at = 0; at < utf8.size();) {
    const char c = utf8[at];
    if (c == '"' || c == '\\') {
      out.append("\\").append(1, c);
      ++at;
    } else if (c == '\n') {
      out += "\\n";
      ++at;
    } else if (!ascii || static_cast<unsigned char>(c) < 0x80) {
      out += c;
      ++at;
    } else if (const std::uint32_t code = code_point(utf8, at); code < 0x10000) {
      append_unit(out, code);
    } else {
      append_unit(out, 0xd800 + ((code - 0x10000) >> 10));
      append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
    }
  }
  return out += '"';
}

std::string JsonStyle::object(
    std::initializer_list<std::pair<std::string_view, std::string>> members) const {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (out.size() > 1) out += spaced ? ", " : ",";
    out.append("\"").append(key).append(spaced ? "\": " : "\":").append(value);
  }
  return out += '}';
}

std::string JsonStyle::array(const std::vector<std::string>& elements) const {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += spaced ? ", " : ",";
    out += element;
  }
  return out += ']';
}

}  // namespace quarry::bench
