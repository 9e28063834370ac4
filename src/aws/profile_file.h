#pragma once
// The shared config and credentials files of AWS's SDKs and CLI ("Shared config and credentials
// files", AWS SDKs and Tools Reference Guide), as botocore reads them.

#include "base/result.h"
#include "config/settings.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::aws {

// Keys in lower case. Of a nested block ("s3 =" and indented lines) the value is the block's text.
using IniSection = std::map<std::string, std::string>;
// Sections by the text between their brackets; of one that is there twice, the last value counts.
// Errors: invalid_request (a line that is none; the message names its number, never its text,
// which may be a secret).
Result<std::map<std::string, IniSection>> parse_ini(std::string_view text);

// The words of a command line, as Python's shlex.split has them (POSIX quoting, no comments).
// Errors: invalid_request (a quote that is not closed, a backslash at the end).
Result<std::vector<std::string>> split_words(std::string_view line);

struct ProfileFiles {
  std::string config_path;       // as they were looked for: AWS_CONFIG_FILE, else ~/.aws/config
  std::string credentials_path;  // AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials
  std::map<std::string, IniSection> config;        // [default], [profile x], by name
  std::map<std::string, IniSection> credentials;   // [x]
  std::map<std::string, IniSection> sso_sessions;  // [sso-session x]

  // What both files say of it, the credentials file first. nullopt: neither names it.
  std::optional<IniSection> profile(const std::string& name) const;
  // "a, b, default"
  std::string names() const;
  // "~/.aws/config and ~/.aws/credentials", as paths.
  std::string paths() const { return config_path + " and " + credentials_path; }
};

// Where the two files are. Pure but for the environment.
std::string config_path(const config::Environment& environment);
std::string credentials_path(const config::Environment& environment);
// With a leading ~ and $NAME, ${NAME} replaced, as Python's expanduser and expandvars do.
std::string expand_path(std::string_view path, const config::Environment& environment);

// Blocks. A file that is not there is empty. Errors: invalid_request (one that cannot be read).
Result<ProfileFiles> read_profile_files(const config::Environment& environment);

// AWS_DEFAULT_PROFILE, else AWS_PROFILE (botocore's order); nullopt: neither is set.
std::optional<std::string> profile_of_environment(const config::Environment& environment);

// Blocks: a whole small file. nullopt: it is not there. Errors: invalid_request (it cannot be read,
// or is larger than a megabyte).
Result<std::optional<std::string>> read_small_file(const std::string& path);

// The value, "" when absent or empty.
std::string value_of(const IniSection& section, const std::string& key);
std::string value_of(const config::Environment& environment, const std::string& name);

}  // namespace quarry::aws
