// config.yaml of any bytes: settings, or errors that each have words.

#include "config/settings.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view yaml(reinterpret_cast<const char*>(data), size);
  const auto settings = quarry::config::load(
      yaml, [](const std::string&) -> std::optional<std::string> { return std::nullopt; });
  if (settings) return 0;
  if (settings.error().empty()) std::abort();
  for (const auto& error : settings.error()) {
    if (error.message.empty()) std::abort();
  }
  return 0;
}
