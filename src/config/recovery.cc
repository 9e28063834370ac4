#include "config/recovery.h"

#include <fmt/format.h>

namespace quarry::config {

Recovery read_recovery(Section& section, Recovery defaults) {
  constexpr std::uint64_t kRetriesMax = 5;
  constexpr std::uint64_t kMinutesMin = 5;
  constexpr std::uint64_t kMinutesMax = 24 * 60;
  Recovery out = defaults;
  if (auto times = section.integer("retry_failed_records", 0, kRetriesMax)) {
    out.retry_failed_records = static_cast<int>(*times);
  }
  if (auto word = section.text("deadline_fallback")) {
    if (*word != "direct" && *word != "none") {
      section.complain("deadline_fallback", fmt::format("must be direct or none, not '{}'",
                                                        section.written("deadline_fallback")));
    }
    out.direct_fallback = *word == "direct";
  }
  if (auto minutes = section.integer("deadline_fallback_minutes", kMinutesMin, kMinutesMax)) {
    out.fallback_before_end = std::chrono::minutes(*minutes);
  }
  return out;
}

}  // namespace quarry::config
