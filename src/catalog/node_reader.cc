#include "catalog/node_reader.h"

#include <charconv>

namespace quarry::catalog {

using std::string_view;

void NodeReader::bad(const YAML::Node& at, string_view key, string_view why) const {
  const YAML::Mark mark = at.Mark();
  throw DataError(mark.is_null() ? 0 : mark.line + 1, path_ + "." + std::string(key),
                  name() + ": " + std::string(key) + " " + std::string(why));
}

void NodeReader::check_keys(const YAML::Node& map,
                            const std::string& inside,
                            std::span<const string_view> known) const {
  std::set<std::string> seen;
  for (const auto& pair : map) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
    const std::string path = inside.empty() ? key : inside + "." + key;
    if (std::ranges::find(known, key) == known.end()) {
      bad(pair.first, path, "is not a key here; keys are " + listed(known));
    }
    if (!seen.insert(key).second) bad(pair.first, path, "is given twice");
  }
}

const std::string& NodeReader::text(const YAML::Node& value, string_view key) const {
  if (!value.IsScalar() || value.Scalar().empty()) bad(value, key, "must be one value");
  return value.Scalar();
}

std::vector<std::string> NodeReader::words(const YAML::Node& value, string_view key) const {
  if (!value.IsSequence()) bad(value, key, "must be a list");
  std::vector<std::string> list;
  for (const YAML::Node& one : value) {
    if (!one.IsScalar()) bad(one, key, "must be a list of plain values");
    if (std::ranges::find(list, one.Scalar()) != list.end()) {
      bad(one, key, "names '" + one.Scalar() + "' twice");
    }
    list.push_back(one.Scalar());
  }
  return list;
}

std::int64_t NodeReader::integer(const YAML::Node& value,
                                 string_view key,
                                 std::int64_t most) const {
  const std::string& digits = text(value, key);
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || number < 0 || number > most) {
    bad(value, key,
        "must be a whole number from 0 to " + std::to_string(most) + ", not '" + digits + "'");
  }
  return number;
}

bool NodeReader::boolean(const YAML::Node& value, string_view key) const {
  const std::string& word = text(value, key);
  if (word != "true" && word != "false")
    bad(value, key, "must be true or false, not '" + word + "'");
  return word == "true";
}

}  // namespace quarry::catalog
