#pragma once
// What clients see of a job while it runs. Pure.

#include "store/rows.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace quarry::batch {

// AWS counts records, clients lines. Of `records` that are done, so many lines are whole for sure,
// however the records lie: each that is not among them spoils at most one line. So the count never
// exceeds what the collected job will say, where AWS counts right.
inline std::int64_t lines_of(const store::JobRow& job, std::int64_t records) {
  const std::int64_t not_among_them = std::max<std::int64_t>(0, job.records - records);
  const std::int64_t whole = std::max<std::int64_t>(0, job.lines - not_among_them);
  return std::min(whole, records);
}
inline std::optional<std::int64_t> lines_of(const store::JobRow& job,
                                            std::optional<std::int64_t> records) {
  return records ? std::optional(lines_of(job, *records)) : std::nullopt;
}

}  // namespace quarry::batch
