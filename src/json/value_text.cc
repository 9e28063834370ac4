#include "json/value_text.h"

#include "json/write.h"

#include <boost/json.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace quarry::json {
namespace {

namespace bj = boost::json;

constexpr double kPlainLeast = 1e-9, kPlainEnd = 1e16;
constexpr std::size_t kDigitsMax = 40;  // "-0.000000001" and 17 digits, with room

}  // namespace

void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  const double size = std::abs(value);
  const bool plain = size == 0 || (size >= kPlainLeast && size < kPlainEnd);
  std::array<char, kDigitsMax> digits;
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    plain ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view text(digits.data(), written.ptr);
  out += text;
  if (plain && !text.contains('.')) out += ".0";
}

void append_value(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      out += "null";
      return;
    case bj::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case bj::kind::int64:
      append_integer(out, value.get_int64());
      return;
    case bj::kind::uint64:
      out += std::to_string(value.get_uint64());
      return;
    case bj::kind::double_:
      append_double(out, value.get_double());
      return;
    case bj::kind::string:
      append_string(out, value.get_string());
      return;
    case bj::kind::array: {
      char before = '[';
      for (const bj::value& item : value.get_array()) {
        out += before;
        append_value(out, item);
        before = ',';
      }
      out += value.get_array().empty() ? "[]" : "]";
      return;
    }
    case bj::kind::object: {
      char before = '{';
      for (const auto& member : value.get_object()) {
        out += before;
        append_string(out, member.key());
        out += ':';
        append_value(out, member.value());
        before = ',';
      }
      out += value.get_object().empty() ? "{}" : "}";
      return;
    }
  }
}

std::string value_text(const bj::value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

}  // namespace quarry::json
