#pragma once
// One map of config.yaml while it is read: values by key, typed, every complaint with its line and
// full path. What nobody asked for is judged at the end, by leftovers(). yaml-cpp stays behind this
// header's users.

#include "config/litellm_keys.h"
#include "config/settings.h"
#include "config/values.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::config {

// What reading the whole file gathers.
struct Findings {
  const Environment& environment;
  const ProfileRegion& profile_region;  // may be empty
  std::vector<ConfigError> errors;
  std::vector<std::string> unused;  // "general_settings.database_url (line 7)"

  void add(int line, std::string key, std::string message) {
    errors.push_back({line, std::move(key), std::move(message)});
  }
};

class Section {
 public:
  // node: a map, or nothing at all (then every key is absent). Anything else is a complaint at
  // `line`. path: "model_list[0].litellm_params", "" for the top. findings outlives the section.
  Section(const YAML::Node& node, Place place, std::string path, int line, Findings& findings);

  int line() const { return line_; }
  bool is_map() const { return is_map_; }   // false: absent, null, or complained of
  int line_of(std::string_view key) const;  // the section's own where the key is absent
  std::string path_of(std::string_view key) const;
  bool has(std::string_view key) const;  // given, and not null
  std::string written(
      std::string_view key) const;  // as in the file, nothing resolved; "" where it is no text
  void complain(std::string_view key, std::string message);

  // Each gives nothing where the key is absent or null, and where it complained.
  // Text has os.environ/NAME resolved; empty text is a complaint, unless may_be_empty.
  std::optional<std::string> text(std::string_view key, bool may_be_empty = false);
  std::optional<std::string> checked_text(std::string_view key,
                                          Complaint (*check)(std::string_view));
  std::optional<std::string> required_text(std::string_view key);
  std::optional<std::uint64_t> integer(std::string_view key,
                                       std::uint64_t least,
                                       std::uint64_t most);
  std::optional<std::uint64_t> bytes(std::string_view key, std::uint64_t least, std::uint64_t most);
  std::optional<std::chrono::milliseconds> seconds(std::string_view key,
                                                   std::chrono::milliseconds least,
                                                   std::chrono::milliseconds most);
  std::optional<std::chrono::hours> window(std::string_view key,
                                           std::chrono::hours least,
                                           std::chrono::hours most);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> token_cost(std::string_view key);  // pico-dollars
  Section section(std::string_view key, Place place);
  std::vector<YAML::Node> list(std::string_view key);
  // A list of texts, each resolved as text() does it.
  std::vector<std::string> texts(std::string_view key);

  // Keys that are neither ours nor taken: slips of ours are errors, the rest goes to
  // Findings::unused.
  void leftovers();

 private:
  struct Entry {
    std::string key;
    YAML::Node value;
    int line = 0;
  };

  void read_entries(const YAML::Node& map, int depth);
  const Entry* find(std::string_view key) const;
  template <class T>
  std::optional<T> accept(std::string_view key, const Parsed<T>& parsed);

  Place place_;
  std::string path_;
  int line_;
  bool is_map_ = false;
  Findings& findings_;
  std::vector<Entry> entries_;
};

// 1-based; `otherwise` where yaml-cpp does not know.
int yaml_line(const YAML::Node& node, int otherwise);

}  // namespace quarry::config
