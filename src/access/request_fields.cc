#include "access/request_fields.h"

#include "openai/body_members.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quarry::access {
namespace {

namespace json = boost::json;

constexpr std::int64_t kNanoPerUsd = 1'000'000'000;
constexpr double kUsdMax = 1e9;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

Result<RequestFields> RequestFields::parse(std::string_view body) {
  auto object = openai::parse_body(body.empty() ? "{}" : body);
  if (!object) return fail(std::move(object.error()));
  return RequestFields(std::move(*object));
}

const json::value* RequestFields::take(std::string_view name) {
  taken_.emplace(name);
  return body_.if_contains(name);
}

void RequestFields::complain(std::string_view name, std::string code, std::string what) {
  if (error_) return;
  error_ = Error(Errc::invalid_request, std::move(what))
               .param(std::string(name))
               .reason(std::move(code));
}

bool RequestFields::text_is_well(std::string_view name,
                                 const json::value& value,
                                 std::size_t bytes_max) {
  if (!value.is_string()) {
    complain(name, "invalid_type",
             fmt::format("Invalid type for '{}': expected a string, but got {} instead.", name,
                         openai::kind_name(value)));
    return false;
  }
  const std::string_view text = value.get_string();
  if (text.size() > bytes_max) {
    complain(name, "string_above_max_length",
             fmt::format("Invalid '{}': string too long. Expected at most {} bytes, but got {} "
                         "instead.",
                         name, bytes_max, text.size()));
    return false;
  }
  if (std::ranges::any_of(text, is_control)) {
    complain(name, "invalid_value",
             fmt::format("Invalid '{}': it holds control characters.", name));
    return false;
  }
  return true;
}

Change<std::string> RequestFields::text(std::string_view name, std::size_t bytes_max) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::optional<std::string>();
  if (!text_is_well(name, *value, bytes_max)) return std::nullopt;
  if (value->get_string().empty()) return std::optional<std::string>();
  return std::optional(std::string(value->get_string()));
}

Change<std::int64_t> RequestFields::integer(std::string_view name,
                                            std::int64_t least,
                                            std::int64_t most) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::optional<std::int64_t>();
  if (!value->is_int64()) {
    complain(name, "invalid_type",
             fmt::format("Invalid type for '{}': expected an integer, but got {} instead.", name,
                         openai::kind_name(*value)));
    return std::nullopt;
  }
  const std::int64_t number = value->get_int64();
  if (number < least || number > most) {
    const bool below = number < least;
    complain(name, below ? "integer_below_min_value" : "integer_above_max_value",
             fmt::format("Invalid '{}': integer {}. Expected a value {} {}, but got {} instead.",
                         name, below ? "below minimum value" : "above maximum value",
                         below ? ">=" : "<=", below ? least : most, number));
    return std::nullopt;
  }
  return std::optional(number);
}

Change<std::int64_t> RequestFields::nano_usd(std::string_view name) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::optional<std::int64_t>();
  if (!value->is_number()) {
    complain(name, "invalid_type",
             fmt::format("Invalid type for '{}': expected a number of US dollars, but got {} "
                         "instead.",
                         name, openai::kind_name(*value)));
    return std::nullopt;
  }
  const double usd = value->to_number<double>();
  if (!(usd >= 0 && usd <= kUsdMax)) {
    complain(name, usd < 0 ? "decimal_below_min_value" : "decimal_above_max_value",
             fmt::format("Invalid '{}': expected US dollars from 0 to {:.0f}, but got {} instead.",
                         name, kUsdMax, usd));
    return std::nullopt;
  }
  if (value->is_int64()) return std::optional(value->get_int64() * kNanoPerUsd);
  return std::optional<std::int64_t>(std::llround(usd * static_cast<double>(kNanoPerUsd)));
}

Change<bool> RequestFields::boolean(std::string_view name) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::optional<bool>();
  if (value->is_bool()) return std::optional(value->get_bool());
  complain(name, "invalid_type",
           fmt::format("Invalid type for '{}': expected a boolean, but got {} instead.", name,
                       openai::kind_name(*value)));
  return std::nullopt;
}

std::optional<std::vector<std::string>> RequestFields::texts(std::string_view name,
                                                             std::size_t bytes_max,
                                                             std::size_t count_max) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  std::vector<std::string> out;
  if (value->is_null()) return out;
  const json::array* list = value->if_array();
  if (!list || list->size() > count_max) {
    complain(name, list ? "array_above_max_length" : "invalid_type",
             list ? fmt::format("Invalid '{}': array too long. Expected at most {} items, but got "
                                "{} instead.",
                                name, count_max, list->size())
                  : fmt::format("Invalid type for '{}': expected an array of strings, but got {} "
                                "instead.",
                                name, openai::kind_name(*value)));
    return std::nullopt;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string item = fmt::format("{}[{}]", name, i);
    if (!text_is_well(item, (*list)[i], bytes_max)) return std::nullopt;
    if ((*list)[i].get_string().empty()) {
      complain(item, "invalid_value", fmt::format("Invalid '{}': it is empty.", item));
      return std::nullopt;
    }
    out.emplace_back((*list)[i].get_string());
  }
  return out;
}

Change<json::object> RequestFields::object(std::string_view name) {
  const json::value* value = take(name);
  if (!value) return std::nullopt;
  if (value->is_null()) return std::optional<json::object>();
  if (value->is_object()) return std::optional(value->get_object());
  complain(name, "invalid_type",
           fmt::format("Invalid type for '{}': expected an object, but got {} instead.", name,
                       openai::kind_name(*value)));
  return std::nullopt;
}

Result<void> RequestFields::checked() const {
  if (error_) return fail(*error_);
  return {};
}

std::vector<std::string> RequestFields::leftovers() const {
  std::vector<std::string> names;
  for (const auto& member : body_) {
    const std::string_view name = member.key();
    if (!taken_.contains(name)) names.emplace_back(name);
  }
  return names;
}

}  // namespace quarry::access
