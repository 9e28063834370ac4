#include "api/time_range.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string>

namespace quarry::api {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;

// So many digits at the start of the text, which is moved on behind them.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || text.front() == '-') {
    return std::nullopt;
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> parse_day(std::string_view& text) {
  const auto year = digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = digits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kSecondsPerDay;
}

// "12:30" as seconds.
std::optional<std::int64_t> parse_hours(std::string_view& text, int most) {
  const auto hours = digits(text, 2);
  if (!hours || *hours > most || !take(text, ':')) return std::nullopt;
  const auto minutes = digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return std::int64_t{*hours} * 3600 + std::int64_t{*minutes} * 60;
}

// What follows the day: a time, perhaps with a fraction, and an offset; none is UTC.
std::optional<std::int64_t> parse_time(std::string_view text) {
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  auto time = parse_hours(text, 23);
  if (!time || !take(text, ':')) return std::nullopt;
  const auto seconds = digits(text, 2);
  if (!seconds || *seconds > 60) return std::nullopt;
  *time += *seconds;
  if (take(text, '.')) {
    if (!digits(text, 1)) return std::nullopt;
    while (digits(text, 1)) {
    }
  }
  if (text.empty() || text == "Z" || text == "z") return time;
  // A '+' of a query string is a space, where nobody has encoded it.
  const bool east = take(text, '+') || take(text, ' ');
  if (!east && !take(text, '-')) return std::nullopt;
  const auto offset = parse_hours(text, 23);
  if (!offset || !text.empty()) return std::nullopt;
  return east ? *time - *offset : *time + *offset;
}

Error wrong(std::string_view name, std::string_view text) {
  return Error(Errc::invalid_request,
               fmt::format("Invalid '{}': expected a date as 2026-08-31, or a time as "
                           "2026-08-31T12:00:00Z, but got '{}' instead.",
                           name, text.substr(0, 64)))
      .param(std::string(name))
      .reason("invalid_value");
}

}  // namespace

Result<Moment> parse_moment(std::string_view name, std::string_view text) {
  std::string_view rest = text;
  const auto day = parse_day(rest);
  if (!day) return fail(wrong(name, text));
  if (rest.empty()) return Moment{*day, *day + kSecondsPerDay};
  const auto time = parse_time(rest);
  if (!time) return fail(wrong(name, text));
  return Moment{*day + *time, *day + *time + 1};
}

Result<TimeRange> parse_range_of_dates(std::optional<std::string_view> start_date,
                                       std::optional<std::string_view> end_date) {
  TimeRange range;
  if (start_date) {
    auto start = parse_moment("start_date", *start_date);
    if (!start) return fail(std::move(start.error()));
    range.from_s = start->first_s;
  }
  if (end_date) {
    auto end = parse_moment("end_date", *end_date);
    if (!end) return fail(std::move(end.error()));
    range.to_s = end->after_s;
  }
  if (range.from_s && range.to_s && *range.from_s >= *range.to_s) {
    return fail(Error(Errc::invalid_request,
                      fmt::format("Invalid 'end_date': '{}' is before the start_date '{}'.",
                                  *end_date, *start_date))
                    .param("end_date")
                    .reason("invalid_value"));
  }
  return range;
}

}  // namespace quarry::api
