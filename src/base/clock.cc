#include "base/clock.h"

#include <fmt/format.h>

namespace quarry {

SysTime SystemClock::now() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SysTime ScaledClock::now() const {
  const auto passed = SystemClock().now() - origin_;
  return origin_ + std::chrono::milliseconds(
                       static_cast<std::int64_t>(static_cast<double>(passed.count()) * speed_));
}

std::chrono::milliseconds Clock::real(std::chrono::milliseconds span) const {
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(span.count()) / speed()));
}

std::int64_t unix_seconds(SysTime at) {
  return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
}

std::int64_t unix_millis(SysTime at) { return at.time_since_epoch().count(); }

SysTime from_unix_millis(std::int64_t millis) { return SysTime(std::chrono::milliseconds(millis)); }

std::string iso8601(SysTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace quarry
