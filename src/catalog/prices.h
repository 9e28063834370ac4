#pragma once
// The text of prices, and whose they are. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quarry::catalog {

// The prefixes of inference profiles (Bedrock user guide, "Supported Regions and models for
// inference profiles").
std::span<const std::string_view> profile_prefixes();
bool is_profile_prefix(std::string_view word);

// "0.0175", in US dollars per million tokens, as pico-dollars per token: 17,500. nullopt where it
// is no decimal number, or finer than six decimals.
std::optional<std::int64_t> pico_usd(std::string_view dollars_per_million);
// And back: "0.0175".
std::string dollars_per_million(std::int64_t pico_usd);

}  // namespace quarry::catalog
