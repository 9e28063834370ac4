#include "sandbox/malformed_input.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

std::string_view type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "Null";
    case json::kind::bool_:
      return "Boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "Integer";
    case json::kind::double_:
      return "BigDecimal";
    case json::kind::string:
      return "String";
    case json::kind::array:
      return "JSONArray";
    case json::kind::object:
      return "JSONObject";
  }
  return "Null";
}

bool is_of(const json::value& value, std::string_view type) {
  const std::string_view found = type_of(value);
  return found == type || (type == "Number" && value.is_number());
}

std::string wrong_type(const json::value& value, std::string_view type) {
  return fmt::format("expected type: {}, found: {}", type, type_of(value));
}

std::string not_in_enum(std::string_view value) {
  return fmt::format("{} is not a valid enum value", value);
}

}  // namespace

void InputFaults::add(std::string_view where, std::string_view what) {
  if (!where.empty()) text_.append(where).append(": ");
  text_.append(what);
}

ModelError InputFaults::error() const {
  return ModelError{
      .code = 400,
      .message = fmt::format(
          "Malformed input request: {}, please reformat your input and try again.", text_)};
}

void ObjectCheck::has_all(Words names) {
  for (const std::string_view name : names) {
    if (!object_.contains(name))
      faults_.add(where_, fmt::format("required key [{}] not found", name));
  }
}

void ObjectCheck::has_only(Words names) {
  for (const auto& member : object_) {
    const std::string_view key = member.key();
    if (std::ranges::find(names, key) == names.end())
      faults_.add(where_, fmt::format("extraneous key [{}] is not permitted", key));
  }
}

std::string ObjectCheck::place(std::string_view name) const {
  return fmt::format("{}/{}", where_, name);
}

const json::value* ObjectCheck::typed(std::string_view name, std::string_view type) {
  const json::value* value = object_.if_contains(name);
  if (value == nullptr || is_of(*value, type)) return value;
  fault(name, wrong_type(*value, type));
  return nullptr;
}

const json::object* ObjectCheck::object(std::string_view name) {
  const json::value* value = typed(name, "JSONObject");
  return value == nullptr ? nullptr : &value->get_object();
}

const json::array* ObjectCheck::list(std::string_view name,
                                     std::size_t items_min,
                                     std::size_t items_max) {
  const json::value* value = typed(name, "JSONArray");
  if (value == nullptr) return nullptr;
  const std::size_t count = value->get_array().size();
  if (count < items_min) {
    fault(name, fmt::format("expected minimum item count: {}, found: {}", items_min, count));
    return nullptr;
  }
  if (count > items_max) {
    fault(name, fmt::format("expected maximum item count: {}, found: {}", items_max, count));
    return nullptr;
  }
  return &value->get_array();
}

std::optional<std::string_view> ObjectCheck::text(std::string_view name) {
  const json::value* value = typed(name, "String");
  if (value == nullptr) return std::nullopt;
  return std::string_view(value->get_string());
}

std::optional<std::string_view> ObjectCheck::word(std::string_view name, Words allowed) {
  const auto value = text(name);
  if (!value || std::ranges::find(allowed, *value) != allowed.end()) return value;
  fault(name, not_in_enum(*value));
  return std::nullopt;
}

std::optional<bool> ObjectCheck::flag(std::string_view name) {
  const json::value* value = typed(name, "Boolean");
  if (value == nullptr) return std::nullopt;
  return value->get_bool();
}

std::optional<double> ObjectCheck::number(std::string_view name, double low, double high) {
  const json::value* value = typed(name, "Number");
  if (value == nullptr) return std::nullopt;
  const auto number = value->to_number<double>();
  if (number < low) fault(name, fmt::format("{} is not greater or equal to {}", number, low));
  if (number > high) fault(name, fmt::format("{} is not less or equal to {}", number, high));
  if (number < low || number > high) return std::nullopt;
  return number;
}

std::optional<std::int64_t> ObjectCheck::integer(std::string_view name,
                                                 std::int64_t low,
                                                 std::int64_t high) {
  const json::value* value = typed(name, "Integer");
  if (value == nullptr) return std::nullopt;
  const std::int64_t number =
      value->is_int64() ? value->get_int64() : std::numeric_limits<std::int64_t>::max();
  if (number < low) fault(name, fmt::format("{} is not greater or equal to {}", number, low));
  if (number > high) fault(name, fmt::format("{} is not less or equal to {}", number, high));
  if (number < low || number > high) return std::nullopt;
  return number;
}

std::optional<std::int64_t> ObjectCheck::integer_of(std::string_view name, Numbers allowed) {
  const json::value* value = typed(name, "Integer");
  if (value == nullptr) return std::nullopt;
  if (value->is_int64() && std::ranges::find(allowed, value->get_int64()) != allowed.end())
    return value->get_int64();
  fault(name, not_in_enum(json::serialize(*value)));
  return std::nullopt;
}

std::vector<std::string_view> ObjectCheck::texts(std::string_view name,
                                                 std::size_t items_min,
                                                 std::size_t items_max) {
  const json::array* items = list(name, items_min, items_max);
  if (items == nullptr) return {};
  std::vector<std::string_view> found;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const json::value& item = (*items)[i];
    if (item.is_string()) {
      found.emplace_back(item.get_string());
    } else {
      faults_.add(fmt::format("{}/{}", place(name), i), wrong_type(item, "String"));
    }
  }
  if (found.size() != items->size()) found.clear();
  return found;
}

std::vector<std::string_view> ObjectCheck::words(std::string_view name, Words allowed) {
  auto found = texts(name, 1, allowed.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::ranges::find(allowed, found[i]) == allowed.end())
      faults_.add(fmt::format("{}/{}", place(name), i), not_in_enum(found[i]));
    if (std::find(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(i), found[i]) !=
        found.begin() + static_cast<std::ptrdiff_t>(i)) {
      fault(name, "array items are not unique");
      break;
    }
  }
  return found;
}

std::vector<ObjectCheck> ObjectCheck::objects(std::string_view name,
                                              std::size_t items_min,
                                              std::size_t items_max) {
  std::vector<ObjectCheck> checks;
  const json::array* items = list(name, items_min, items_max);
  for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
    std::string where = fmt::format("{}/{}", place(name), i);
    const json::value& item = (*items)[i];
    if (item.is_object()) {
      checks.emplace_back(item.get_object(), std::move(where), faults_);
    } else {
      faults_.add(where, wrong_type(item, "JSONObject"));
    }
  }
  return checks;
}

std::size_t characters_in(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string length_fault(std::string_view text,
                         std::size_t characters_min,
                         std::size_t characters_max) {
  const std::size_t actual = characters_in(text);
  if (actual < characters_min)
    return fmt::format("expected minLength: {}, actual: {}", characters_min, actual);
  if (actual > characters_max)
    return fmt::format("expected maxLength: {}, actual: {}", characters_max, actual);
  return {};
}

}  // namespace quarry::sandbox
