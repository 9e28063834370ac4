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
  // How many seconds of this clock one real second has. What waits until a time of this clock waits
  // that much shorter.
  virtual double speed() const { return 1; }
  // `span` of this clock in real time.
  std::chrono::milliseconds real(std::chrono::milliseconds span) const;
};

class SystemClock final : public Clock {
 public:
  SysTime now() const override;
};

// A clock that runs `speed` times as fast as the machine's, and was right at `origin`: two
// processes with the same origin and speed agree, and a restarted one goes on where it was.
class ScaledClock final : public Clock {
 public:
  ScaledClock(double speed, SysTime origin) : speed_(speed), origin_(origin) {}
  SysTime now() const override;
  double speed() const override { return speed_; }

 private:
  double speed_;
  SysTime origin_;
};

// Unix seconds, as OpenAI's objects carry them.
std::int64_t unix_seconds(SysTime at);
// Unix milliseconds, as the database carries due times and leases.
std::int64_t unix_millis(SysTime at);
SysTime from_unix_millis(std::int64_t millis);
// "2026-01-02T03:04:05.678Z" (ISO 8601).
std::string iso8601(SysTime at);

}  // namespace quarry
