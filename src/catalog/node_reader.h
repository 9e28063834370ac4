#pragma once
// One map of a YAML list, read strictly: what is not understood is an error, because a misspelt
// price would be no price.

#include "catalog/catalog.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::catalog {

// "a, b, "", c"
template <class Range>
std::string listed(const Range& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text.append(", ");
    text.append(word.empty() ? "\"\"" : std::string_view(word));
  }
  return text;
}

class NodeReader {
 public:
  // `path`: "models[3]". `node` must outlive the reader.
  NodeReader(const YAML::Node& node, std::string path) : node_(node), path_(std::move(path)) {}

  const YAML::Node& node() const { return node_; }
  // The value of `key`; false where it is not there. Of a node that is a map only.
  YAML::Node find(std::string_view key) const { return node_[std::string(key)]; }
  // What messages call it, instead of its path.
  void set_name(std::string name) { name_ = std::move(name); }
  const std::string& name() const { return name_.empty() ? path_ : name_; }

  // All of these throw DataError.
  [[noreturn]] void bad(const YAML::Node& at, std::string_view key, std::string_view why) const;
  // Keys of `map`, which is the value of the key `inside` ("" = the whole), are known and there
  // once.
  void check_keys(const YAML::Node& map,
                  const std::string& inside,
                  std::span<const std::string_view> known) const;
  const std::string& text(const YAML::Node& value, std::string_view key) const;
  std::vector<std::string> words(const YAML::Node& value, std::string_view key) const;
  std::int64_t integer(const YAML::Node& value, std::string_view key, std::int64_t most) const;
  bool boolean(const YAML::Node& value, std::string_view key) const;
  // The meaning of the word that is `written`.
  template <class Value, std::size_t size>
  Value word(const YAML::Node& value,
             std::string_view key,
             const std::string& written,
             const std::array<std::pair<std::string_view, Value>, size>& table) const {
    std::vector<std::string_view> names;
    for (const auto& [name, meaning] : table) {
      if (name == written) return meaning;
      names.push_back(name);
    }
    bad(value, key, "knows no '" + written + "'; words are " + listed(names));
  }

 private:
  const YAML::Node& node_;
  std::string path_;
  std::string name_;
};

}  // namespace quarry::catalog
