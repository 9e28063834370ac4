#include "http/message.h"

#include <algorithm>

namespace quarry::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

void Headers::add(std::string field_name, std::string value) {
  fields_.emplace_back(std::move(field_name), std::move(value));
}

void Headers::set(std::string field_name, std::string value) {
  remove(field_name);
  add(std::move(field_name), std::move(value));
}

void Headers::remove(std::string_view field_name) {
  std::erase_if(fields_,
                [&](const Field& field) { return equal_ignoring_case(field.first, field_name); });
}

std::optional<std::string_view> Headers::get(std::string_view field_name) const {
  for (const auto& [key, value] : fields_) {
    if (equal_ignoring_case(key, field_name)) return value;
  }
  return std::nullopt;
}

std::size_t Headers::count(std::string_view field_name) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      fields_, [&](const Field& field) { return equal_ignoring_case(field.first, field_name); }));
}

}  // namespace quarry::http
