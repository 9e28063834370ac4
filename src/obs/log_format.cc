#include "obs/log_format.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <ctime>
#include <iterator>

namespace quarry::obs {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// RFC 3629: overlong forms, surrogates and what lies above U+10FFFF are not UTF-8.
CodePoint decode(std::string_view text) {
  auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
  };
  std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  std::uint32_t value = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length, true};
}

// Ends a line for some reader, or steers a terminal.
bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

void append_human_escape(std::string& out, std::string_view raw, std::uint32_t c) {
  switch (c) {
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
  for (char byte : raw) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

void append_human(std::string& out, std::string_view text, bool in_quotes) {
  while (!text.empty()) {
    CodePoint c = decode(text);
    std::string_view raw = text.substr(0, c.bytes);
    if (!c.valid || is_control(c.value)) {
      append_human_escape(out, raw, c.valid ? c.value : 0);
    } else {
      if (in_quotes && (c.value == '"' || c.value == '\\')) out += '\\';
      out += raw;
    }
    text.remove_prefix(c.bytes);
  }
}

bool is_plain(std::string_view text) {
  if (text.empty()) return false;
  while (!text.empty()) {
    CodePoint c = decode(text);
    if (!c.valid || is_control(c.value) || c.value == ' ' || c.value == '"' || c.value == '=' ||
        c.value == '\\') {
      return false;
    }
    text.remove_prefix(c.bytes);
  }
  return true;
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    CodePoint c = decode(text);
    if (!c.valid) {
      out += "\xEF\xBF\xBD";
    } else if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (is_control(c.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c.value);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  out += '"';
}

// inf, nan and single characters are arithmetic in C++ and no JSON token.
bool is_json_token(std::string_view value) {
  if (value == "true" || value == "false") return true;
  double number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  char last = value.empty() ? 'x' : value.back();
  return error == std::errc{} && end == value.data() + value.size() && last >= '0' && last <= '9';
}

std::string_view colour_of(Level level) {
  switch (level) {
    case Level::debug:
      return "\x1b[2m";
    case Level::info:
      return "\x1b[32m";
    case Level::warn:
      return "\x1b[33m";
    case Level::error:
      return "\x1b[31m";
  }
  return "";
}

std::tm broken_down(LogTime now, bool utc) {
  std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(now));
  std::tm result{};
  utc ? gmtime_r(&seconds, &result) : localtime_r(&seconds, &result);
  return result;
}

}  // namespace

std::string_view name(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string human_line(
    LogTime now, Level level, std::string_view event, std::span<const Field> fields, bool colour) {
  std::tm local = broken_down(now, false);
  std::string_view paint = colour ? colour_of(level) : "";
  std::string_view dim = colour ? "\x1b[2m" : "";
  std::string_view plain = colour ? "\x1b[0m" : "";
  std::string out = fmt::format("{}{:02}:{:02}:{:02}{} {}{:<5}{} ", dim, local.tm_hour,
                                local.tm_min, local.tm_sec, plain, paint, name(level), plain);
  append_human(out, event, false);
  std::string_view gap = "  ";
  for (const Field& field : fields) {
    out += gap;
    gap = " ";
    fmt::format_to(std::back_inserter(out), "{}{}={}", dim, field.key, plain);
    bool quote = !is_plain(field.value);
    if (quote) out += '"';
    append_human(out, field.value, quote);
    if (quote) out += '"';
  }
  return out;
}

std::string json_line(LogTime now,
                      Level level,
                      std::string_view event,
                      std::span<const Field> fields) {
  std::tm utc = broken_down(now, true);
  auto since_second = now - std::chrono::floor<std::chrono::seconds>(now);
  auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(since_second).count();
  std::string out =
      fmt::format(R"({{"time":"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z","level":"{}","event":)",
                  utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                  utc.tm_sec, milliseconds, name(level));
  append_json(out, event);
  for (const Field& field : fields) {
    std::string key(field.key);
    if (key == "time" || key == "level" || key == "event") key += '_';
    out += ',';
    append_json(out, key);
    out += ':';
    if (!field.quoted && is_json_token(field.value)) {
      out += field.value;
    } else {
      append_json(out, field.value);
    }
  }
  out += '}';
  return out;
}

}  // namespace quarry::obs
