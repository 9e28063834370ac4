#pragma once
// How long a budget's money lasts, and when a key expires: durations as LiteLLM writes them. Pure;
// times are Unix seconds, months are those of the UTC calendar.

#include "access/caller.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace quarry::access {

// Either seconds or months: a month is no number of seconds.
struct Span {
  std::int64_t seconds = 0;
  std::int64_t months = 0;

  bool operator==(const Span&) const = default;
};

// "30s", "30m", "24h", "7d", "2w", "1mo"; a bare number is seconds. From one second to a hundred
// years; nullopt: it is not that.
std::optional<Span> parse_span(std::string_view text);

// Of a day that its month does not have, the month's last: Jan 31 and a month are Feb 28.
std::int64_t later(std::int64_t from_s, const Span& span);

// The begin of the period that `now_s` is in. Of a budget for ever: 0, all that was ever spent. The
// first period is also that of what was before it.
std::int64_t period_began(const Budget& budget, std::int64_t now_s);
// When that period ends and the next begins; nullopt: never.
std::optional<std::int64_t> period_ends(const Budget& budget, std::int64_t now_s);

}  // namespace quarry::access
