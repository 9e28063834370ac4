#include "api/query.h"

#include "base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace quarry::api {
namespace {

std::string decoded(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return percent_decode(spaced).value_or(spaced);
}

}  // namespace

std::map<std::string, std::string, std::less<>> parse_query(std::string_view query) {
  std::map<std::string, std::string, std::less<>> parameters;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (!pair.empty()) {
      parameters[decoded(pair.substr(0, equals))] =
          equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1));
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return parameters;
}

Result<std::int64_t> integer_parameter(std::string_view name,
                                       std::string_view value,
                                       std::int64_t least,
                                       std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const auto wrong = [name](std::string code, std::string message) {
    return fail(Error(Errc::invalid_request, std::move(message))
                    .param(std::string(name))
                    .reason(std::move(code)));
  };
  if (error == std::errc::invalid_argument || end != value.data() + value.size()) {
    return wrong("invalid_type",
                 fmt::format("Invalid type for '{}': expected an integer, but got '{}' instead.",
                             name, value));
  }
  if (error == std::errc::result_out_of_range || number > most) {
    return wrong(
        "integer_above_max_value",
        fmt::format("Invalid '{}': integer above maximum value. Expected a value <= {}, but got {} "
                    "instead.",
                    name, most, value));
  }
  if (number < least) {
    return wrong(
        "integer_below_min_value",
        fmt::format("Invalid '{}': integer below minimum value. Expected a value >= {}, but got {} "
                    "instead.",
                    name, least, value));
  }
  return number;
}

Result<bool> boolean_parameter(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 6> yes{"true", "t", "yes", "y", "on", "1"};
  constexpr std::array<std::string_view, 6> no{"false", "f", "no", "n", "off", "0"};
  std::string lower(value);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (std::ranges::find(yes, lower) != yes.end()) return true;
  if (std::ranges::find(no, lower) != no.end()) return false;
  return fail(
      Error(Errc::invalid_request,
            fmt::format("Invalid '{}': expected true or false, but got '{}' instead.", name, value))
          .param(std::string(name))
          .reason("invalid_value"));
}

}  // namespace quarry::api
