#pragma once
// What clients see of a job while it runs. Pure.

#include "store/rows.h"

#include <cstdint>
#include <optional>

namespace quarry::batch {

// AWS counts records, clients lines. Which lines are whole is known when the job is collected;
// until then as great a part of the lines is taken to be done as of the records.
inline std::int64_t lines_of(const store::JobRow& job, std::int64_t records) {
  return job.records == job.lines || job.records == 0 ? records : records * job.lines / job.records;
}
inline std::optional<std::int64_t> lines_of(const store::JobRow& job,
                                            std::optional<std::int64_t> records) {
  return records ? std::optional(lines_of(job, *records)) : std::nullopt;
}

}  // namespace quarry::batch
