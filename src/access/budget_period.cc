#include "access/budget_period.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace quarry::access {
namespace {

constexpr std::int64_t kMonthsMax = 1'200;
constexpr std::int64_t kSecondsMax = std::int64_t{36'525} * 86'400;
// The shortest month: no more of them have begun than days / 28.
constexpr std::int64_t kShortestMonthSeconds = std::int64_t{28} * 86'400;

// Seconds in one of the unit; 0: no such unit.
std::int64_t seconds_of(std::string_view unit) {
  if (unit.empty() || unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3'600;
  if (unit == "d") return 86'400;
  if (unit == "w") return 604'800;
  return 0;
}

// How many whole spans lie between.
std::int64_t periods_between(std::int64_t began, const Span& span, std::int64_t now_s) {
  if (now_s <= began) return 0;
  if (span.months == 0) return (now_s - began) / span.seconds;
  std::int64_t count = (now_s - began) / (kShortestMonthSeconds * span.months);
  while (count > 0 && later(began, {0, span.months * count}) > now_s) --count;
  return count;
}

// Each from the first begin: a budget of Jan 31 is renewed on Mar 31 again.
std::int64_t begin_of(std::int64_t began, const Span& span, std::int64_t count) {
  return later(began, {span.seconds * count, span.months * count});
}

}  // namespace

std::optional<Span> parse_span(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || count < 1) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit == "mo") {
    return count <= kMonthsMax ? std::optional(Span{0, count}) : std::nullopt;
  }
  const std::int64_t seconds = seconds_of(unit);
  if (seconds == 0 || count > kSecondsMax / seconds) return std::nullopt;
  return Span{count * seconds, 0};
}

std::int64_t later(std::int64_t from_s, const Span& span) {
  using namespace std::chrono;
  const sys_seconds from{seconds(from_s + span.seconds)};
  if (span.months == 0) return from.time_since_epoch().count();
  const sys_days day = floor<days>(from);
  const year_month_day date(day);
  const year_month then = date.year() / date.month() + months(span.months);
  const auto last = (then / std::chrono::last).day();
  const sys_days on = then / std::min(date.day(), last);
  return (on + (from - day)).time_since_epoch() / seconds(1);
}

std::int64_t period_began(const Budget& budget, std::int64_t now_s) {
  const auto span = parse_span(budget.duration);
  if (!span) return 0;
  return begin_of(budget.began, *span, periods_between(budget.began, *span, now_s));
}

std::optional<std::int64_t> period_ends(const Budget& budget, std::int64_t now_s) {
  const auto span = parse_span(budget.duration);
  if (!span) return std::nullopt;
  return begin_of(budget.began, *span, periods_between(budget.began, *span, now_s) + 1);
}

}  // namespace quarry::access
