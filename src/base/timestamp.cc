#include "base/timestamp.h"

#include <cstddef>

namespace quarry {
namespace {

// A number of exactly `digits` digits at the start of `text`, taken off it; -1 if it is not there.
int take_digits(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return -1;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// ".678", any number of digits; further ones than milliseconds are dropped.
std::optional<int> take_millis(std::string_view& text) {
  if (!take(text, '.')) return 0;
  int millis = 0;
  std::size_t count = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    if (count < 3) millis = millis * 10 + (text[count] - '0');
  }
  if (count == 0) return std::nullopt;
  text.remove_prefix(count);
  for (; count < 3; ++count) millis *= 10;
  return millis;
}

// "Z", "+01:00", "-0130".
std::optional<std::chrono::minutes> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return std::chrono::minutes(0);
  const bool behind = text.starts_with('-');
  if (!behind && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const int hours = take_digits(text, 2);
  take(text, ':');
  const int minutes = take_digits(text, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::chrono::minutes offset(hours * 60 + minutes);
  return behind ? -offset : offset;
}

}  // namespace

std::optional<SysTime> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  const int y = take_digits(text, 4);
  if (!take(text, '-')) return std::nullopt;
  const int mo = take_digits(text, 2);
  if (!take(text, '-')) return std::nullopt;
  const int d = take_digits(text, 2);
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  const int h = take_digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int mi = take_digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int s = take_digits(text, 2);
  const auto fraction = take_millis(text);
  const auto offset = take_offset(text);
  if (y < 0 || mo < 0 || d < 0 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60) {
    return std::nullopt;
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                            day(static_cast<unsigned>(d))};
  if (!date.ok() || !fraction || !offset || !text.empty()) return std::nullopt;
  return SysTime(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + milliseconds(*fraction) -
         *offset;
}

}  // namespace quarry
