#include "batch/pacer.h"

#include <algorithm>

namespace quarry::batch {

Pacer::Pacer(const Clock& clock, double calls_a_second, int burst)
    : period_(std::chrono::duration_cast<steady::duration>(
          std::chrono::duration<double>(1 / (calls_a_second * clock.speed())))),
      slack_(period_ * (burst - 1)),
      next_(steady::now()) {}

Awaitable<bool> Pacer::turn(Deadline deadline) {
  const auto now = steady::now();
  const auto even = std::max(next_, now);
  const auto at = std::max(now, even - slack_);
  if (at > deadline.at()) co_return false;
  next_ = even + period_;
  if (at > now) co_await sleep_for(at - now);
  co_return true;
}

}  // namespace quarry::batch
