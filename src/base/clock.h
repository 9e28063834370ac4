#pragma once
// Wall-clock time, injectable. Deadlines use the steady clock (deadline.h).

#include <chrono>
#include <cstdint>
#include <string>

namespace quarry {

using SysTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  // UTC, milliseconds. Any thread.
  virtual SysTime now() const = 0;
};

class SystemClock final : public Clock {
 public:
  SysTime now() const override;
};

// Unix seconds, as OpenAI's objects carry them.
std::int64_t unix_seconds(SysTime at);
// Unix milliseconds, as the database carries due times and leases.
std::int64_t unix_millis(SysTime at);
SysTime from_unix_millis(std::int64_t millis);
// "2026-01-02T03:04:05.678Z" (ISO 8601).
std::string iso8601(SysTime at);

}  // namespace quarry
