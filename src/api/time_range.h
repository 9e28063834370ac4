#pragma once
// The dates of a query, as LiteLLM's spend routes take them. Pure.

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace quarry::api {

// "2026-08-31" is a whole day of UTC; "2026-08-31T12:00:00Z" (RFC 3339, any offset) a second.
struct Moment {
  std::int64_t first_s = 0;  // Unix seconds
  std::int64_t after_s = 0;  // the first second that is no longer in it
};

// Errors: invalid_request, param `name`.
Result<Moment> parse_moment(std::string_view name, std::string_view text);

struct TimeRange {
  std::optional<std::int64_t> from_s, to_s;  // from <= t < to
};

// start_date and end_date, both within; either may be nullopt: open. Errors: invalid_request, param
// start_date or end_date.
Result<TimeRange> parse_range_of_dates(std::optional<std::string_view> start_date,
                                       std::optional<std::string_view> end_date);

}  // namespace quarry::api
