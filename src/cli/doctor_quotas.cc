#include "cli/doctor_quotas.h"

#include "cli/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace quarry::cli {
namespace {

using Words = std::vector<std::string>;

// Words of letters and words of digits: "Llama 3.1 8B" -> llama 3 1 8 b.
Words words_of(std::string_view text) {
  Words words;
  enum class Kind { none, letters, digits };
  Kind last = Kind::none;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const Kind kind = std::isdigit(byte)   ? Kind::digits
                      : std::isalpha(byte) ? Kind::letters
                                           : Kind::none;
    if (kind == Kind::none) {
      last = Kind::none;
      continue;
    }
    if (kind != last) words.emplace_back();
    words.back() += static_cast<char>(std::tolower(byte));
    last = kind;
  }
  return words;
}

// What only one of the two spellings says.
void drop_what_says_nothing(Words& words) {
  static constexpr std::array<std::string_view, 16> kVendors{
      "amazon", "anthropic", "meta",   "mistral", "cohere", "ai",       "deepseek",   "openai",
      "qwen",   "google",    "nvidia", "minimax", "zai",    "moonshot", "moonshotai", "writer"};
  constexpr std::size_t kDateDigits = 4;  // 2402, 20241022
  std::erase_if(words, [&](const std::string& word) {
    return std::ranges::find(kVendors, word) != kVendors.end() ||
           (word.size() >= kDateDigits && std::isdigit(static_cast<unsigned char>(word.front())));
  });
  // Only some mention a first version.
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i] != "v" || words[i + 1] != "1") continue;
    const bool point_zero = i + 2 < words.size() && words[i + 2] == "0";  // "V1.0"
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(i),
                words.begin() + static_cast<std::ptrdiff_t>(i) + (point_zero ? 3 : 2));
    break;
  }
  std::ranges::replace(words, std::string("embeddings"), std::string("embed"));
  std::ranges::sort(words);
}

// "us.anthropic.claude-…" and ARNs of it -> "claude-…"
std::string_view model_part(std::string_view model_id) {
  model_id.remove_prefix(model_id.rfind('/') + 1);            // npos + 1 = 0
  if (model_id.ends_with("-1:0")) model_id.remove_suffix(4);  // openai.gpt-oss-20b-1:0
  if (!model_id.starts_with("arn:")) model_id = model_id.substr(0, model_id.find(':'));
  for (int dots = 0; dots < 2; ++dots) {
    const std::size_t dot = model_id.find('.');
    if (dot == std::string_view::npos) break;
    const std::string_view head = model_id.substr(0, dot);
    if (!std::ranges::all_of(head, [](unsigned char c) { return std::isalpha(c) || c == '-'; })) {
      // "ai21" is a vendor too; "gpt-5" with its ".6" is none.
      if (head != "ai21") break;
    }
    model_id.remove_prefix(dot + 1);
  }
  return model_id;
}

struct Limit {
  std::string_view begins;  // of the quota's name
  std::string_view setting;
  bool at_least;  // the setting must not be below it
};

constexpr std::array kLimits{
    Limit{"Minimum number of records per batch inference job", "min_records_per_job", true},
    Limit{"Records per batch inference job", "max_records_per_job", false},
    Limit{"Records per input file per batch inference job", "max_records_per_job", false},
    Limit{"Batch inference input file size (in GB)", "max_job_bytes", false},
    Limit{"Batch inference job size (in GB)", "max_job_bytes", false},
    Limit{"Sum of in-progress and", "max_concurrent_jobs", false},
};

std::uint64_t setting_of(const config::DeploymentSettings& settings, std::string_view name) {
  if (name == "min_records_per_job") return settings.min_records_per_job;
  if (name == "max_records_per_job") return settings.max_records_per_job;
  if (name == "max_job_bytes") return settings.max_job_bytes;
  return static_cast<std::uint64_t>(std::max(settings.max_concurrent_jobs, 0));
}

// The strictest quota for each setting.
struct Found {
  std::string_view setting;
  bool at_least = false;
  std::uint64_t value = 0;
  std::string name;
};

std::vector<Found> find_limits(const std::string& model_id, const std::vector<aws::Quota>& quotas) {
  constexpr double kGigabyte = 1e9;
  std::vector<Found> found;
  for (const aws::Quota& quota : quotas) {
    const std::size_t of = quota.name.rfind(" for ");
    // Jobs of custom models are counted apart, by the name of the model below.
    const bool custom = quota.name.contains("using a custom model");
    if (of == std::string::npos || quota.value < 0 || custom) continue;
    if (!same_model(std::string_view(quota.name).substr(of + 5), model_id)) continue;
    for (const Limit& limit : kLimits) {
      if (!quota.name.starts_with(limit.begins)) continue;
      const double scale = limit.begins.contains("(in GB)") ? kGigabyte : 1;
      const auto value = static_cast<std::uint64_t>(quota.value * scale);
      const auto known = std::ranges::find(found, limit.setting, &Found::setting);
      if (known == found.end()) {
        found.push_back({limit.setting, limit.at_least, value, quota.name});
      } else if (limit.at_least ? value > known->value : value < known->value) {
        *known = {limit.setting, limit.at_least, value, quota.name};
      }
    }
  }
  return found;
}

std::string shown(const Found& limit) {
  return limit.setting == "max_job_bytes" ? format_bytes(limit.value) : format_count(limit.value);
}

}  // namespace

bool same_model(std::string_view quota_name, std::string_view model_id) {
  const std::size_t note = quota_name.find('(');
  Words quota = words_of(quota_name.substr(0, note));
  Words model = words_of(model_part(model_id));
  drop_what_says_nothing(quota);
  drop_what_says_nothing(model);
  return !quota.empty() && quota == model;
}

std::vector<Check> check_quotas(const config::DeploymentSettings& settings,
                                const std::vector<aws::Quota>& quotas,
                                const Remedies& remedies) {
  const std::vector<Found> found = find_limits(settings.model_id, quotas);
  if (found.empty()) {
    return {{.name = "quotas",
             .outcome = Outcome::not_checked,
             .detail = fmt::format("none of the region's {} quotas names this model's batches",
                                   quotas.size()),
             .said = {},
             .remedy = {}}};
  }
  std::vector<Check> checks;
  std::vector<std::string> within;
  for (const Found& limit : found) {
    const std::uint64_t mine = setting_of(settings, limit.setting);
    if (limit.at_least ? mine >= limit.value : mine <= limit.value) {
      within.push_back(fmt::format("{} {} ({})", limit.setting, format_count(mine), shown(limit)));
      continue;
    }
    const std::string what =
        fmt::format("{} is {}, and the account's quota is {} ({})", limit.setting,
                    format_count(mine), shown(limit), limit.name);
    checks.push_back(
        {.name = "quotas",
         .outcome = Outcome::failed,
         .detail = what,
         .said = {},
         .remedy = remedies.quota(limit.setting, limit.value,
                                  limit.at_least ? "AWS refuses smaller jobs once they are started"
                                                 : "AWS refuses more than that")});
  }
  if (!checks.empty()) return checks;
  return {{.name = "quotas",
           .outcome = Outcome::fine,
           .detail = fmt::format("within the account's: {}", fmt::join(within, ", ")),
           .said = {},
           .remedy = {}}};
}

}  // namespace quarry::cli
