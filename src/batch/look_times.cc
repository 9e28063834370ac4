#include "batch/look_times.h"

#include <algorithm>
#include <array>

namespace quarry::batch {
namespace {

// A young job is looked at often, an old one seldom: a tenth of its age.
constexpr std::int64_t kSoonMs = 5'000;
constexpr std::int64_t kLateMs = 60'000;
// The intervals there are: jobs of one interval come due together, and those of a longer one with
// them.
constexpr std::array<std::int64_t, 5> kGridsMs{60'000, 30'000, 20'000, 10'000, 5'000};
// A job that is to stop does so within seconds, or not soon.
constexpr std::int64_t kStoppingMs = 1'000;
constexpr int kStoppingLooks = 10;
constexpr std::int64_t kStoppingLateMs = 30'000;
constexpr std::int64_t kBackoffFirstMs = 2'000;
constexpr std::int64_t kBackoffMostMs = 300'000;

std::int64_t interval_of(const LookTimes& times) {
  if (times.interval) return std::max<std::int64_t>(1, times.interval->count());
  const std::int64_t age_ms = times.submitted_ms ? times.now_ms - *times.submitted_ms : 0;
  return std::clamp(age_ms / 10, kSoonMs, kLateMs);
}

std::int64_t grid_of(const LookTimes& times, std::int64_t interval_ms) {
  if (times.interval) return interval_ms;
  return *std::ranges::find_if(kGridsMs, [=](std::int64_t grid) { return grid <= interval_ms; });
}

std::int64_t stopping_ms(int looks) {
  if (looks < kStoppingLooks) return kStoppingMs;
  return std::min(kStoppingLateMs, kStoppingMs << std::min(looks - kStoppingLooks + 1, 10));
}

}  // namespace

std::int64_t next_look_ms(const LookTimes& times) {
  const std::int64_t interval_ms = interval_of(times);
  const std::int64_t grid_ms = grid_of(times, interval_ms);
  // The last point of the grid within the interval: a job that was looked at right after a point is
  // looked at again at the next one. Too soon is too often.
  const std::int64_t latest_ms = times.now_ms + interval_ms - times.phase_ms;
  std::int64_t due_ms = latest_ms - latest_ms % grid_ms + times.phase_ms;
  if (due_ms - times.now_ms < grid_ms / 4) due_ms += grid_ms;
  if (times.stopping) {
    return std::min(due_ms, times.now_ms + stopping_ms(times.looks_while_stopping));
  }
  if (times.expires_ms > times.now_ms) due_ms = std::min(due_ms, times.expires_ms);
  if (times.fallback_ms && *times.fallback_ms > times.now_ms) {
    due_ms = std::min(due_ms, *times.fallback_ms);
  }
  return due_ms;
}

std::int64_t look_backoff_ms(int failures, double jitter) {
  const std::int64_t most_ms =
      std::min(kBackoffMostMs, kBackoffFirstMs << std::clamp(failures - 1, 0, 16));
  return most_ms - static_cast<std::int64_t>(static_cast<double>(most_ms) * jitter / 2);
}

}  // namespace quarry::batch
