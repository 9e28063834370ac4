#include "config/section.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::config {
namespace {

constexpr std::string_view kMergeKey = "<<";
constexpr int kMergeDepthMax = 8;  // an anchor can name itself

std::string_view kind(const YAML::Node& node) {
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a map";
  return "a value";
}

bool names_our_world(std::string_view key) {
  return !is_litellm_key(key) &&
         (key.starts_with("aws_") || key.starts_with("s3_") || key.starts_with("bedrock_"));
}

}  // namespace

int yaml_line(const YAML::Node& node, int otherwise) {
  YAML::Mark mark = node.Mark();
  return mark.is_null() ? otherwise : mark.line + 1;
}

Section::Section(
    const YAML::Node& node, Place place, std::string path, int line, Findings& findings)
    : place_(place), path_(std::move(path)), line_(line), findings_(findings) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (!node.IsMap()) {
    findings_.add(line_, path_, fmt::format("must be a map of keys, not {}", kind(node)));
    return;
  }
  is_map_ = true;
  read_entries(node, 0);
}

// Keys written here win over those that `<<: *anchor` brings, wherever the merge stands.
void Section::read_entries(const YAML::Node& map, int depth) {
  std::vector<YAML::Node> merged;
  const std::size_t first_own = entries_.size();
  for (const auto& pair : map) {
    int line = yaml_line(pair.first, line_);
    if (!pair.first.IsScalar()) {
      findings_.add(line, path_, "has a key that is not plain text");
      continue;
    }
    const std::string& key = pair.first.Scalar();
    if (key == kMergeKey && pair.second.IsMap()) {
      merged.push_back(pair.second);
    } else if (key == kMergeKey && pair.second.IsSequence()) {
      for (const auto& one : pair.second) merged.push_back(one);
    } else if (const Entry* earlier = find(key); earlier == nullptr) {
      entries_.push_back({key, pair.second, line});
    } else if (earlier - entries_.data() >= static_cast<std::ptrdiff_t>(first_own)) {
      findings_.add(line, path_of(key),
                    fmt::format("is given twice, first on line {}", earlier->line));
    }
  }
  for (const YAML::Node& one : merged) {
    if (depth < kMergeDepthMax && one.IsMap()) read_entries(one, depth + 1);
  }
}

const Section::Entry* Section::find(std::string_view key) const {
  auto at = std::ranges::find(entries_, key, &Entry::key);
  return at == entries_.end() ? nullptr : &*at;
}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

int Section::line_of(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr ? line_ : entry->line;
}

bool Section::has(std::string_view key) const {
  const Entry* entry = find(key);
  return entry != nullptr && !entry->value.IsNull();
}

std::string Section::written(std::string_view key) const {
  const Entry* entry = find(key);
  return entry != nullptr && entry->value.IsScalar() ? entry->value.Scalar() : "";
}

void Section::complain(std::string_view key, std::string message) {
  findings_.add(line_of(key), path_of(key), std::move(message));
}

std::optional<std::string> Section::text(std::string_view key, bool may_be_empty) {
  if (!has(key)) return std::nullopt;
  const YAML::Node& value = find(key)->value;
  if (!value.IsScalar()) {
    complain(key, fmt::format("must be one value, not {}", kind(value)));
    return std::nullopt;
  }
  Parsed<std::string> resolved = resolve(value.Scalar(), findings_.environment);
  if (!resolved) {
    complain(key, resolved.error());
    return std::nullopt;
  }
  if (resolved->empty() && !may_be_empty) {
    complain(key,
             value.Scalar().empty() ? "is empty" : fmt::format("is empty: {} is", value.Scalar()));
    return std::nullopt;
  }
  return *resolved;
}

std::optional<std::string> Section::checked_text(std::string_view key,
                                                 Complaint (*check)(std::string_view)) {
  auto value = text(key);
  if (!value) return std::nullopt;
  if (auto complaint = check(*value)) {
    complain(key, fmt::format("'{}' {}", written(key), *complaint));
    return std::nullopt;
  }
  return value;
}

std::optional<std::string> Section::required_text(std::string_view key) {
  if (!has(key)) {
    complain(key, "is required");
    return std::nullopt;
  }
  return text(key);
}

template <class T>
std::optional<T> Section::accept(std::string_view key, const Parsed<T>& parsed) {
  if (parsed) return *parsed;
  // As written, so that a variable's value never gets into a message.
  complain(key, fmt::format("{}, not '{}'", parsed.error(), written(key)));
  return std::nullopt;
}

std::optional<std::uint64_t> Section::integer(std::string_view key,
                                              std::uint64_t least,
                                              std::uint64_t most) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_integer(*value, least, most));
}

std::optional<std::uint64_t> Section::bytes(std::string_view key,
                                            std::uint64_t least,
                                            std::uint64_t most) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_bytes(*value, least, most));
}

std::optional<std::chrono::milliseconds> Section::seconds(std::string_view key,
                                                          std::chrono::milliseconds least,
                                                          std::chrono::milliseconds most) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_seconds(*value, least, most));
}

std::optional<std::chrono::hours> Section::window(std::string_view key,
                                                  std::chrono::hours least,
                                                  std::chrono::hours most) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_window(*value, least, most));
}

std::optional<bool> Section::boolean(std::string_view key) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_boolean(*value));
}

std::optional<std::int64_t> Section::token_cost(std::string_view key) {
  auto value = text(key);
  if (!value) return std::nullopt;
  return accept(key, parse_token_cost(*value));
}

Section Section::section(std::string_view key, Place place) {
  const Entry* entry = find(key);
  YAML::Node value = entry == nullptr ? YAML::Node() : entry->value;
  return Section(value, place, path_of(key), line_of(key), findings_);
}

std::vector<YAML::Node> Section::list(std::string_view key) {
  if (!has(key)) return {};
  const YAML::Node& value = find(key)->value;
  if (!value.IsSequence()) {
    complain(key,
             fmt::format("must be a list, each entry beginning with '-', not {}", kind(value)));
    return {};
  }
  return {value.begin(), value.end()};
}

std::vector<std::string> Section::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const YAML::Node& entry : list(key)) {
    Parsed<std::string> resolved = std::unexpected(std::string("must hold texts"));
    if (entry.IsScalar()) resolved = resolve(entry.Scalar(), findings_.environment);
    if (!resolved) {
      findings_.add(yaml_line(entry, line_of(key)), path_of(key), resolved.error());
    } else {
      out.push_back(std::move(*resolved));
    }
  }
  return out;
}

void Section::leftovers() {
  for (const Entry& entry : entries_) {
    if (std::ranges::find(our_keys(place_), entry.key) != our_keys(place_).end()) continue;
    if (auto ours = slip_of(entry.key, place_)) {
      findings_.add(entry.line, path_of(entry.key),
                    fmt::format("unknown key '{}', did you mean '{}'?", entry.key, *ours));
    } else if (auto home = home_of(entry.key)) {
      findings_.add(
          entry.line, path_of(entry.key),
          fmt::format("'{}' does nothing here; it belongs to {}", entry.key, name(*home)));
    } else if (place_ == Place::litellm_params && names_our_world(entry.key)) {
      // What somebody meant as an identity, a key or an owner must not be left out in silence.
      findings_.add(entry.line, path_of(entry.key),
                    fmt::format("'{}' is no key of Quarry's or LiteLLM's; hint: "
                                "docs/configuration.md has the keys of aws_, s3_ and bedrock_",
                                entry.key));
    } else {
      findings_.unused.push_back(fmt::format("{} (line {})", path_of(entry.key), entry.line));
    }
  }
}

}  // namespace quarry::config
