#include "aws/profile_file.h"

#include "aws/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <system_error>
#include <utility>

namespace quarry::aws {

namespace {

constexpr std::size_t kSmallFileBytesMax = std::size_t{1} << 20;
constexpr std::string_view kBlank = " \t\r\f\v";
constexpr std::string_view kNameLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

// Python's configparser, as far as these files go: "key = value" or "key: value", comments on lines
// of their own, deeper lines continue a value.
class IniReader {
 public:
  Result<std::map<std::string, IniSection>> read(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    while (!text.empty()) {
      const auto end = text.find('\n');
      ++line_number_;
      if (auto read = read_line(text.substr(0, end)); !read) return fail(std::move(read.error()));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return std::move(sections_);
  }

 private:
  Result<void> read_line(std::string_view line) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') return {};
    const std::size_t indent = line.find_first_not_of(kBlank);
    if (value_ && indent > value_indent_) {
      *value_ += "\n" + std::string(content);
      return {};
    }
    value_indent_ = indent;
    value_ = nullptr;
    if (content.front() == '[') return open_section(content);
    return read_pair(content);
  }

  Result<void> open_section(std::string_view content) {
    const auto close = content.rfind(']');
    if (close == std::string_view::npos || close < 2) return broken("a section without its ]");
    section_ = &sections_[std::string(content.substr(1, close - 1))];
    return {};
  }

  Result<void> read_pair(std::string_view content) {
    if (!section_) return broken("a setting above the first [section]");
    const auto delimiter = content.find_first_of("=:");
    if (delimiter == std::string_view::npos) return broken("neither a [section] nor key = value");
    const std::string key = lower(trim(content.substr(0, delimiter)));
    if (key.empty()) return broken("a value without a key");
    value_ = &(*section_)[key];
    *value_ = trim(content.substr(delimiter + 1));
    return {};
  }

  std::unexpected<Error> broken(std::string_view what) const {
    return fail(Errc::invalid_request, fmt::format("line {}: {}", line_number_, what));
  }

  std::map<std::string, IniSection> sections_;
  IniSection* section_ = nullptr;
  std::string* value_ = nullptr;  // what a deeper line continues
  std::size_t value_indent_ = 0;
  int line_number_ = 0;
};

Result<std::map<std::string, IniSection>> read_ini(const std::string& path) {
  auto text = read_small_file(path);
  if (!text) return fail(std::move(text.error()));
  if (!*text) return std::map<std::string, IniSection>();
  auto sections = parse_ini(**text);
  if (!sections) return fail(std::move(sections.error()).within(path));
  return sections;
}

// [profile x], [sso-session x]: nullopt for every other section.
std::optional<std::pair<std::string, std::string>> kind_and_name(const std::string& header) {
  if (header == "default") return {{"profile", header}};
  auto words = split_words(header);
  if (!words || words->size() != 2) return std::nullopt;
  return {{(*words)[0], (*words)[1]}};
}

}  // namespace

Result<std::map<std::string, IniSection>> parse_ini(std::string_view text) {
  return IniReader().read(text);
}

Result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!quote && blank) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote && c == quote) {
      quote = 0;
    } else if (!quote && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      if (++i == line.size()) return fail(Errc::invalid_request, "nothing after a backslash");
      // Between double quotes a backslash escapes only those two.
      if (quote && line[i] != '"' && line[i] != '\\') words.back() += c;
      words.back() += line[i];
    } else {
      words.back() += c;
    }
  }
  if (quote) return fail(Errc::invalid_request, "a quote is not closed");
  return words;
}

std::optional<IniSection> ProfileFiles::profile(const std::string& name) const {
  const auto in_config = config.find(name);
  const auto in_credentials = credentials.find(name);
  if (in_config == config.end() && in_credentials == credentials.end()) return std::nullopt;
  IniSection out;
  if (in_credentials != credentials.end()) out = in_credentials->second;
  if (in_config != config.end()) out.insert(in_config->second.begin(), in_config->second.end());
  return out;
}

std::string ProfileFiles::names() const {
  std::set<std::string> all;
  for (const auto& [name, section] : config) all.insert(name);
  for (const auto& [name, section] : credentials) all.insert(name);
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string expand_path(std::string_view path, const config::Environment& environment) {
  std::string out;
  if (path.starts_with("~/") || path == "~") {
    out = value_of(environment, "HOME");
    path.remove_prefix(1);
  }
  while (!path.empty()) {
    const auto dollar = path.find('$');
    out += path.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    path.remove_prefix(dollar + 1);
    const bool braced = path.starts_with('{');
    const std::size_t end =
        braced ? path.find('}') : std::min(path.find_first_not_of(kNameLetters), path.size());
    if (end == std::string_view::npos || end == 0) {
      out += '$';
      continue;
    }
    const std::string name(path.substr(braced ? 1 : 0, end - (braced ? 1 : 0)));
    const auto value = environment(name);
    const std::string_view as_written = path.substr(0, braced ? end + 1 : end);
    out += value ? *value : "$" + std::string(as_written);
    path.remove_prefix(as_written.size());
  }
  return out;
}

std::string config_path(const config::Environment& environment) {
  const std::string set = value_of(environment, "AWS_CONFIG_FILE");
  return expand_path(set.empty() ? "~/.aws/config" : set, environment);
}

std::string credentials_path(const config::Environment& environment) {
  const std::string set = value_of(environment, "AWS_SHARED_CREDENTIALS_FILE");
  return expand_path(set.empty() ? "~/.aws/credentials" : set, environment);
}

Result<ProfileFiles> read_profile_files(const config::Environment& environment) {
  ProfileFiles out;
  out.config_path = config_path(environment);
  out.credentials_path = credentials_path(environment);
  auto config_sections = read_ini(out.config_path);
  if (!config_sections) return fail(std::move(config_sections.error()));
  for (auto& [header, section] : *config_sections) {
    const auto found = kind_and_name(header);
    if (!found) continue;
    if (found->first == "profile") {
      // [default] and [profile default] may both be there; the second is the documented one.
      auto& profile = out.config[found->second];
      if (header == "default")
        profile.insert(section.begin(), section.end());
      else
        profile = std::move(section);
    } else if (found->first == "sso-session") {
      out.sso_sessions[found->second] = std::move(section);
    }
  }
  auto credentials = read_ini(out.credentials_path);
  if (!credentials) return fail(std::move(credentials.error()));
  out.credentials = std::move(*credentials);
  return out;
}

std::optional<std::string> profile_of_environment(const config::Environment& environment) {
  for (const char* name : {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"}) {
    std::string value = value_of(environment, name);
    if (!value.empty()) return value;
  }
  return std::nullopt;
}

Result<std::optional<std::string>> read_small_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const int why = errno;
    if (why == ENOENT || why == ENOTDIR) return std::nullopt;
    return fail(Errc::invalid_request,
                "cannot read " + path + ": " + std::generic_category().message(why));
  }
  std::string text(kSmallFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail(Errc::invalid_request, "cannot read " + path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kSmallFileBytesMax) {
    return fail(Errc::invalid_request, path + " is larger than a megabyte");
  }
  return text;
}

std::string value_of(const IniSection& section, const std::string& key) {
  const auto found = section.find(key);
  return found == section.end() ? std::string() : found->second;
}

std::string value_of(const config::Environment& environment, const std::string& name) {
  return environment(name).value_or(std::string());
}

std::optional<std::string> profile_region(const std::string& profile,
                                          const config::Environment& environment) {
  const auto files = read_profile_files(environment);
  if (!files) return std::nullopt;
  const std::string name =
      !profile.empty() ? profile : profile_of_environment(environment).value_or("default");
  const auto section = files->profile(name);
  if (!section) return std::nullopt;
  std::string region = value_of(*section, "region");
  if (region.empty()) return std::nullopt;
  return region;
}

}  // namespace quarry::aws
