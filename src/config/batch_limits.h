#pragma once
// How much of batches may be asked for: by a key, where neither it nor its team says otherwise, and
// by all together of a model.

#include <cstdint>
#include <optional>

namespace quarry::config {

// Unset is unlimited.
struct BatchLimits {
  std::optional<std::int64_t> files_per_day;    // max_batch_file_uploads_per_day; keys only
  std::optional<std::int64_t> file_lines;       // max_batch_file_records
  std::optional<std::int64_t> open_batches;     // max_open_batches
  std::optional<std::int64_t> enqueued_tokens;  // batch_enqueued_token_limit

  bool operator==(const BatchLimits&) const = default;
};

class Section;

// The keys named above, of general_settings or model_info; files_per_day only where `of_keys`.
BatchLimits read_batch_limits(Section& section, bool of_keys);

}  // namespace quarry::config
