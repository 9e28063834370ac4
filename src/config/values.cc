#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

namespace quarry::config {
namespace {

constexpr std::string_view kEnvironmentMark = "os.environ/";

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_name_char(char c) { return is_alnum(c) || c == '_'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::unexpected<std::string> wrong(std::string message) {
  return std::unexpected(std::move(message));
}

// "1_000" is one thousand in YAML 1.1; "_1", "1_" and "1__0" are nothing.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (error != std::errc{} || end != digits->data() + digits->size()) return std::nullopt;
  return value;
}

// Digits and at most one point: no sign, exponent, inf or nan.
std::optional<double> plain_number(std::string_view text) {
  bool fits = !text.empty() && text != "." && std::ranges::count(text, '.') <= 1 &&
              std::ranges::all_of(text, [](char c) { return is_digit(c) || c == '.'; });
  if (!fits) return std::nullopt;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Unit {
  std::string_view name;  // lower case
  double bytes;
};
constexpr std::array<Unit, 9> kUnits{{{"b", 1},
                                      {"kb", 1e3},
                                      {"mb", 1e6},
                                      {"gb", 1e9},
                                      {"tb", 1e12},
                                      {"kib", 1024.0},
                                      {"mib", 1024.0 * 1024},
                                      {"gib", 1024.0 * 1024 * 1024},
                                      {"tib", 1024.0 * 1024 * 1024 * 1024}}};

std::optional<std::uint64_t> bytes_with_unit(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && (is_digit(text[digits]) || text[digits] == '.')) ++digits;
  auto number = plain_number(text.substr(0, digits));
  std::size_t begin = std::min(text.find_first_not_of(' ', digits), text.size());
  std::string unit = lower(text.substr(begin));
  auto known = std::ranges::find(kUnits, unit, &Unit::name);
  if (!number || known == kUnits.end()) return std::nullopt;
  double bytes = std::round(*number * known->bytes);
  if (bytes >= 9e18) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string byte_words(std::uint64_t bytes) {
  constexpr std::array<std::pair<std::uint64_t, std::string_view>, 6> kWords{
      {{std::uint64_t{1} << 30, "GiB"},
       {1'000'000'000, "GB"},
       {std::uint64_t{1} << 20, "MiB"},
       {1'000'000, "MB"},
       {std::uint64_t{1} << 10, "KiB"},
       {1'000, "KB"}}};
  for (const auto& [size, word] : kWords) {
    if (bytes >= size && bytes % size == 0) return fmt::format("{} {}", bytes / size, word);
  }
  return fmt::format("{} bytes", bytes);
}

}  // namespace

Parsed<std::string> resolve(std::string_view text, const Environment& environment) {
  std::string out;
  for (std::size_t at = text.find(kEnvironmentMark); at != std::string_view::npos;
       at = text.find(kEnvironmentMark)) {
    out += text.substr(0, at);
    text.remove_prefix(at + kEnvironmentMark.size());
    std::size_t length = 0;
    while (length < text.size() && is_name_char(text[length])) ++length;
    std::string variable(text.substr(0, length));
    if (variable.empty()) return wrong("has no variable's name after 'os.environ/'");
    auto value = environment(variable);
    if (!value) {
      return wrong(fmt::format(
          "wants the environment variable {0}, which is not set; hint: set {0}, or remove the key",
          variable));
    }
    out += *value;
    text.remove_prefix(length);
  }
  out += text;
  return out;
}

Parsed<bool> parse_boolean(std::string_view text) {
  std::string word = lower(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return wrong("must be true or false");
}

Parsed<std::uint64_t> parse_integer(std::string_view text,
                                    std::uint64_t least,
                                    std::uint64_t most) {
  auto value = whole_number(text);
  if (!value || *value < least || *value > most) {
    return wrong(fmt::format("must be a whole number from {} to {}", least, most));
  }
  return *value;
}

Parsed<std::uint64_t> parse_bytes(std::string_view text, std::uint64_t least, std::uint64_t most) {
  auto value = whole_number(text);
  if (!value) value = bytes_with_unit(text);
  if (!value) return wrong("must be a number of bytes, as 1000000000, '1GB' or '512MiB'");
  if (*value < least || *value > most) {
    return wrong(fmt::format("must be from {} to {}", byte_words(least), byte_words(most)));
  }
  return *value;
}

// By its digits, because no double holds 3e-06.
Parsed<std::int64_t> parse_token_cost(std::string_view text) {
  constexpr int kPicoDecimals = 12;
  constexpr int kExponentMax = 30;
  constexpr std::size_t kDigitsMax = 17;
  constexpr std::int64_t kMost = 10'000'000'000;  // 0.01 USD a token
  const auto refused = wrong(
      "must be US dollars per token, as 0.000003 or 3e-06, and at most 0.01; hint: 3 dollars per "
      "million tokens are 3e-06");
  const std::size_t mark = std::min(text.find_first_of("eE"), text.size());
  int exponent = 0;
  if (mark < text.size()) {
    std::string_view power = text.substr(mark + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    const auto [end, error] = std::from_chars(power.data(), power.data() + power.size(), exponent);
    if (error != std::errc{} || end != power.data() + power.size()) return refused;
    if (exponent > kExponentMax || exponent < -kExponentMax) return refused;
  }
  std::string digits;
  bool point = false;
  for (char c : text.substr(0, mark)) {
    if (c == '.' && !point) {
      point = true;
    } else if (c >= '0' && c <= '9') {
      digits.push_back(c);
      if (point) --exponent;
    } else {
      return refused;
    }
  }
  if (digits.empty()) return refused;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (digits.size() > kDigitsMax) {  // noise of a printed double
    exponent += static_cast<int>(digits.size() - kDigitsMax);
    digits.resize(kDigitsMax);
  }
  std::int64_t pico = std::stoll(digits);
  int power = exponent + kPicoDecimals;
  for (; power > 0 && pico > 0; --power) {
    if (pico > kMost) return refused;
    pico *= 10;
  }
  for (; power < 0 && pico > 0; ++power) pico = power == -1 ? (pico + 5) / 10 : pico / 10;
  if (pico > kMost) return refused;
  return pico;
}

Parsed<std::chrono::milliseconds> parse_seconds(std::string_view text,
                                                std::chrono::milliseconds least,
                                                std::chrono::milliseconds most) {
  auto seconds = [](std::chrono::milliseconds span) {
    return static_cast<double>(span.count()) / 1000;
  };
  auto value = plain_number(text);
  if (!value || *value < seconds(least) || *value > seconds(most)) {
    return wrong(
        fmt::format("must be a number of seconds from {} to {}", seconds(least), seconds(most)));
  }
  return std::chrono::milliseconds(std::llround(*value * 1000));
}

Parsed<std::chrono::hours> parse_window(std::string_view text,
                                        std::chrono::hours least,
                                        std::chrono::hours most) {
  const bool in_hours = text.ends_with('h');
  const auto hours = in_hours ? whole_number(text.substr(0, text.size() - 1)) : std::nullopt;
  if (!hours || *hours < static_cast<std::uint64_t>(least.count()) ||
      *hours > static_cast<std::uint64_t>(most.count())) {
    return wrong(
        fmt::format("must be whole hours from '{}h' to '{}h'", least.count(), most.count()));
  }
  return std::chrono::hours(*hours);
}

Complaint check_bucket(std::string_view bucket) {
  auto bucket_char = [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '.'; };
  auto end_char = [](char c) { return is_lower(c) || is_digit(c); };
  if (bucket.size() < 3 || bucket.size() > 63)
    return "is no bucket name: those have 3 to 63 characters";
  if (!std::ranges::all_of(bucket, bucket_char) || !end_char(bucket.front()) ||
      !end_char(bucket.back())) {
    return "is no bucket name: lower-case letters, digits, '-' and '.' only, with a letter or "
           "digit at both ends "
           "(no 's3://', no ARN)";
  }
  if (bucket.find("..") != std::string_view::npos) return "is no bucket name: two dots in a row";
  bool dotted_digits =
      std::ranges::all_of(bucket, [](char c) { return is_digit(c) || c == '.'; }) &&
      std::ranges::count(bucket, '.') == 3;
  if (dotted_digits) return "is no bucket name: it looks like an IP address";
  return std::nullopt;
}

Complaint check_prefix(std::string_view prefix) {
  constexpr std::size_t kPrefixCharsMax = 512;  // a whole s3Uri has 1024
  constexpr std::string_view kOthers = "-!_*'().";
  if (prefix.size() > kPrefixCharsMax)
    return fmt::format("is longer than {} characters", kPrefixCharsMax);
  for (char c : prefix) {
    if (!is_alnum(c) && c != '/' && kOthers.find(c) == std::string_view::npos) {
      return "may hold letters, digits, '/' and - ! _ * ' ( ) . only: Bedrock refuses other "
             "characters in an S3 URI";
    }
  }
  while (!prefix.empty()) {
    std::string_view segment = prefix.substr(0, prefix.find('/'));
    if (segment.empty()) return "may not hold '//'";
    if (segment == "." || segment == "..") return "may not hold '.' or '..' as a folder";
    prefix.remove_prefix(std::min(segment.size() + 1, prefix.size()));
  }
  return std::nullopt;
}

Complaint check_role_arn(std::string_view arn) {
  constexpr std::string_view kWhat =
      "is no role's ARN; it looks like arn:aws:iam::123456789012:role/NAME";
  std::vector<std::string_view> parts;
  std::string_view rest = arn;
  for (int i = 0; i < 5; ++i) {
    std::size_t colon = rest.find(':');
    if (colon == std::string_view::npos) return std::string(kWhat);
    parts.push_back(rest.substr(0, colon));
    rest.remove_prefix(colon + 1);
  }
  bool partition = parts[1] == "aws" || (parts[1].starts_with("aws-") && parts[1].size() > 4);
  bool account =
      parts[4].empty() || (parts[4].size() == 12 && std::ranges::all_of(parts[4], is_digit));
  bool role = rest.starts_with("role/") && rest.size() > 5 && !check_name(rest);
  if (parts[0] != "arn" || !partition || parts[2] != "iam" || !parts[3].empty() || !account ||
      !role) {
    return std::string(kWhat);
  }
  return std::nullopt;
}

Complaint check_region(std::string_view region) {
  std::size_t dash = region.rfind('-');
  bool shaped = dash != std::string_view::npos && dash > 0 && dash + 1 < region.size() &&
                std::ranges::all_of(region.substr(dash + 1), is_digit);
  if (shaped) {
    std::string_view words = region.substr(0, dash);
    shaped = is_lower(words.front()) && is_lower(words.back()) &&
             words.find('-') != std::string_view::npos &&
             words.find("--") == std::string_view::npos &&
             std::ranges::all_of(words, [](char c) { return is_lower(c) || c == '-'; });
  }
  if (!shaped) return "is no AWS region; it looks like us-west-2";
  return std::nullopt;
}

Complaint check_endpoint(std::string_view url) {
  std::string_view rest = url;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  bool shaped = rest.size() < url.size() && !rest.empty() && rest.front() != '/' &&
                rest.front() != ':' && !check_name(rest) &&
                rest.find_first_of("?#@\\\"") == std::string_view::npos;
  if (!shaped) return "is no endpoint; it looks like https://host:port";
  return std::nullopt;
}

Complaint check_model_id(std::string_view model_id) {
  constexpr std::size_t kModelIdCharsMax = 2048;  // CreateModelInvocationJob's modelId
  if (model_id.empty()) return "names no model after 'bedrock/'";
  if (model_id.size() > kModelIdCharsMax) return "is longer than a Bedrock model id can be";
  bool fits = std::ranges::all_of(model_id, [](char c) {
    return is_alnum(c) || c == '.' || c == ':' || c == '/' || c == '_' || c == '-';
  });
  if (!fits) return "holds characters that no Bedrock model id has";
  return std::nullopt;
}

Complaint check_name(std::string_view name) {
  constexpr std::size_t kNameCharsMax = 2048;
  if (name.empty()) return "is empty";
  if (name.size() > kNameCharsMax)
    return fmt::format("is longer than {} characters", kNameCharsMax);
  bool printable = std::ranges::all_of(
      name, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7F; });
  if (!printable) return "may not hold spaces or control characters";
  return std::nullopt;
}

Complaint check_model_name(std::string_view name) {
  constexpr std::size_t kModelNameCharsMax = 256;
  if (name.size() > kModelNameCharsMax)
    return fmt::format("is longer than {} characters", kModelNameCharsMax);
  if (name.find(',') != std::string_view::npos) {
    return "may not hold commas: they part the names of target_model_names";
  }
  bool printable = std::ranges::all_of(
      name, [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != 0x7F; });
  if (!printable || name.empty() || name.front() == ' ' || name.back() == ' ') {
    return "may not hold control characters, or begin or end with a space";
  }
  return std::nullopt;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

}  // namespace quarry::config
