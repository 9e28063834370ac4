#pragma once
// When a job is looked at next. Pure. Times are Unix milliseconds of the engine's clock.

#include <chrono>
#include <cstdint>
#include <optional>

namespace quarry::batch {

struct LookTimes {
  std::int64_t now_ms = 0;
  std::optional<std::int64_t> submitted_ms;           // as AWS says
  std::optional<std::chrono::milliseconds> interval;  // the user's; else by the job's age
  // Looks come due at whole multiples of their interval after this, so that one list answers many:
  // [0, kPhaseMs), one for all jobs that one list shows.
  std::int64_t phase_ms = 0;
  bool stopping = false;
  int looks_while_stopping = 0;
  // Of the batch: moments at which there is something to do, whatever else is due. Those that have
  // passed count no more.
  std::int64_t expires_ms = 0;
  std::optional<std::int64_t> fallback_ms;
};

inline constexpr std::int64_t kPhaseMs = 60'000;

std::int64_t next_look_ms(const LookTimes& times);

// After `failures` looks in a row that got no answer; jitter in [0, 1).
std::int64_t look_backoff_ms(int failures, double jitter);

}  // namespace quarry::batch
