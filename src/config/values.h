#pragma once
// The values of config.yaml, one at a time: text to a type, or the words that say what is wrong
// with it. Pure.

#include "config/settings.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::config {

template <class T>
using Parsed = std::expected<T, std::string>;  // the error is a message without line or key

// Replaces every os.environ/NAME in `text` by the variable's value.
// Errors: a name that is not set, or no name after the slash.
Parsed<std::string> resolve(std::string_view text, const Environment& environment);

// true, false, yes, no, on, off in any case: YAML 1.1, as LiteLLM reads it.
Parsed<bool> parse_boolean(std::string_view text);
// Decimal digits, '_' allowed between them.
Parsed<std::uint64_t> parse_integer(std::string_view text, std::uint64_t least, std::uint64_t most);
// An integer of bytes, or a number with a unit: KB MB GB TB (powers of 1000), KiB MiB GiB TiB (of
// 1024).
Parsed<std::uint64_t> parse_bytes(std::string_view text, std::uint64_t least, std::uint64_t most);
// Seconds, fractions allowed.
Parsed<std::chrono::milliseconds> parse_seconds(std::string_view text,
                                                std::chrono::milliseconds least,
                                                std::chrono::milliseconds most);

// Whole hours as OpenAI writes a completion_window: "24h".
Parsed<std::chrono::hours> parse_window(std::string_view text,
                                        std::chrono::hours least,
                                        std::chrono::hours most);

// US dollars per token, as LiteLLM writes them: "3e-06", "0.000003". The result is pico-dollars, to
// the nearest.
Parsed<std::int64_t> parse_token_cost(std::string_view text);

// The checks below give the error, or nothing where the value is fine.
using Complaint = std::optional<std::string>;

// Bedrock's s3Uri pattern and S3's "Bucket naming rules".
Complaint check_bucket(std::string_view bucket);
// Without slashes at its ends. Bedrock's s3Uri pattern: letters, digits and - ! _ * ' ( ) . only.
Complaint check_prefix(std::string_view prefix);
// CreateModelInvocationJob's roleArn pattern.
Complaint check_role_arn(std::string_view arn);
Complaint check_region(std::string_view region);
// http(s)://host[:port][/path]
Complaint check_endpoint(std::string_view url);
Complaint check_model_id(std::string_view model_id);
// Printable and without spaces: it goes into logs, URLs and lists.
Complaint check_name(std::string_view name);
// A public name: no commas, which part the names of target_model_names, no control characters, no
// space at its ends.
Complaint check_model_name(std::string_view name);

// Insertions, deletions and replacements from a to b (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace quarry::config
