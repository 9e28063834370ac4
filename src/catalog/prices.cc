// Prices: their text, and what a profile costs.
#include "catalog/prices.h"

#include "catalog/entries.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace quarry::catalog {
namespace {

// "us.anthropic.…"
constexpr auto kProfilePrefixes = std::to_array<std::string_view>(
    {"us", "us-gov", "eu", "apac", "au", "jp", "ca", "sa", "in", "kr", "global"});

constexpr std::size_t kWholeDigitsMax = 9;
constexpr std::size_t kDecimalsMax = 6;  // 1 pico-dollar per token
constexpr std::int64_t kPicoPerDollarPerMillion = 1'000'000;

}  // namespace

std::span<const std::string_view> profile_prefixes() { return kProfilePrefixes; }

bool is_profile_prefix(std::string_view word) {
  return std::ranges::find(kProfilePrefixes, word) != kProfilePrefixes.end();
}

std::optional<std::int64_t> pico_usd(std::string_view dollars_per_million) {
  const std::size_t point = std::min(dollars_per_million.find('.'), dollars_per_million.size());
  const std::string whole(dollars_per_million.substr(0, point));
  std::string fraction;
  if (point < dollars_per_million.size()) {
    fraction = dollars_per_million.substr(point + 1);
    if (fraction.empty()) return std::nullopt;
  }
  const bool digits_only = (whole + fraction).find_first_not_of("0123456789") == std::string::npos;
  if (!digits_only || whole.empty() || whole.size() > kWholeDigitsMax ||
      fraction.size() > kDecimalsMax) {
    return std::nullopt;
  }
  fraction.append(kDecimalsMax - fraction.size(), '0');
  return std::stoll(whole) * kPicoPerDollarPerMillion + std::stoll(fraction);
}

std::string dollars_per_million(std::int64_t pico_usd) {
  std::string fraction = std::to_string(pico_usd % kPicoPerDollarPerMillion);
  fraction.insert(0, kDecimalsMax - fraction.size(), '0');
  while (fraction.ends_with('0')) fraction.pop_back();
  std::string text = std::to_string(pico_usd / kPicoPerDollarPerMillion);
  if (!fraction.empty()) text.append(".").append(fraction);
  return text;
}

std::optional<Prices> price_at(const std::optional<Prices>& base,
                               const PriceRules& rules,
                               const std::string& prefix) {
  const auto own = rules.by_prefix.find(prefix);
  if (own != rules.by_prefix.end()) return own->second;
  if (!base) return std::nullopt;
  if (rules.premium_percent == 0) {
    return rules.by_prefix.empty() || prefix.empty() ? base : std::nullopt;
  }
  Prices raised = *base;
  for (std::int64_t* price : {&raised.input_pico_usd, &raised.output_pico_usd,
                              &raised.cache_read_pico_usd, &raised.cache_write_pico_usd}) {
    const std::int64_t hundredfold = *price * (100 + rules.premium_percent);
    if (hundredfold % 100 != 0) throw std::runtime_error("gives fractions of a pico-dollar");
    *price = hundredfold / 100;
  }
  return raised;
}

}  // namespace quarry::catalog
