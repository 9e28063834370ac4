#include "openai/body_members.h"

#include "openai/expires_after.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::openai {

namespace json = boost::json;

std::unexpected<Error> wrong(std::string param, std::string code, std::string message) {
  return fail(Error(Errc::invalid_request, std::move(message))
                  .param(std::move(param))
                  .reason(std::move(code)));
}

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

Result<json::object> parse_body(std::string_view text) {
  boost::system::error_code broken;
  json::value value = json::parse(text, broken);
  if (broken || !value.is_object()) {
    return wrong("", "",
                 "We could not parse the JSON body of your request. It must be a JSON object.");
  }
  return std::move(value.get_object());
}

Result<std::string> required_text(const json::object& body, const std::string& member) {
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) {
    return wrong(member, "missing_required_parameter",
                 fmt::format("Missing required parameter: '{}'.", member));
  }
  if (!value->is_string()) {
    return wrong(member, "invalid_type",
                 fmt::format("Invalid type for '{}': expected a string, but got {} instead.",
                             member, kind_name(*value)));
  }
  return std::string(value->get_string());
}

Result<std::int64_t> required_integer(const json::object& body,
                                      const std::string& member,
                                      std::int64_t least) {
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) {
    return wrong(member, "missing_required_parameter",
                 fmt::format("Missing required parameter: '{}'.", member));
  }
  if (!value->is_int64()) {
    return wrong(member, "invalid_type",
                 fmt::format("Invalid type for '{}': expected an integer, but got {} instead.",
                             member, kind_name(*value)));
  }
  if (value->get_int64() < least) {
    return wrong(member, "integer_below_min_value",
                 fmt::format("Invalid '{}': integer below minimum value. Expected a value >= {}, "
                             "but got {} instead.",
                             member, least, value->get_int64()));
  }
  return value->get_int64();
}

Result<std::optional<std::int64_t>> expires_after(const json::object& body,
                                                  const std::string& member) {
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) return std::nullopt;
  const json::object* object = value->if_object();
  if (!object) {
    return wrong(member, "invalid_type",
                 fmt::format("Invalid type for '{}': expected an object, but got {} instead.",
                             member, kind_name(*value)));
  }
  const json::value* anchor = object->if_contains("anchor");
  if (!anchor || !anchor->is_string() || anchor->get_string() != "created_at") {
    return wrong(member + ".anchor", "invalid_value",
                 fmt::format("Invalid '{}.anchor'. Supported values are: 'created_at'.", member));
  }
  const std::string param = member + ".seconds";
  const json::value* seconds = object->if_contains("seconds");
  if (!seconds || !seconds->is_int64()) {
    return wrong(param, "invalid_type",
                 fmt::format("Invalid type for '{}': expected an integer.", param));
  }
  const std::int64_t count = seconds->get_int64();
  if (count < kExpiresAfterLeast || count > kExpiresAfterMost) {
    const bool below = count < kExpiresAfterLeast;
    return wrong(
        param, below ? "integer_below_min_value" : "integer_above_max_value",
        fmt::format("Invalid '{}': integer {}. Expected a value {} {}, but got {} "
                    "instead.",
                    param, below ? "below minimum value" : "above maximum value",
                    below ? ">=" : "<=", below ? kExpiresAfterLeast : kExpiresAfterMost, count));
  }
  return count;
}

}  // namespace quarry::openai
