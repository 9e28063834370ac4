#include "config/batch_limits.h"

#include "config/section.h"

namespace quarry::config {

BatchLimits read_batch_limits(Section& section, bool of_keys) {
  constexpr std::uint64_t kCountMax = 1'000'000'000;
  constexpr std::uint64_t kTokensMax = 1'000'000'000'000'000;
  const auto number = [&](std::string_view key, std::uint64_t most) -> std::optional<std::int64_t> {
    const auto value = section.integer(key, 1, most);
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  BatchLimits limits;
  if (of_keys) limits.files_per_day = number("max_batch_file_uploads_per_day", kCountMax);
  limits.file_lines = number("max_batch_file_records", kCountMax);
  limits.open_batches = number("max_open_batches", kCountMax);
  limits.enqueued_tokens = number("batch_enqueued_token_limit", kTokensMax);
  return limits;
}

}  // namespace quarry::config
