#include "obs/lag.h"

#include "obs/metrics.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace quarry::obs {
namespace {

using Timer = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{500};
constexpr std::size_t kRemembered = 60;  // half a minute: more than between two scrapes

class Lags {
 public:
  explicit Lags(Gauge shown) : shown_(shown) {}
  void add(Timer::duration lag) {
    seen_[next_] = std::max(0.0, std::chrono::duration<double>(lag).count());
    next_ = (next_ + 1) % kRemembered;
    set(shown_, {}, *std::ranges::max_element(seen_));
  }

 private:
  Gauge shown_;
  std::array<double, kRemembered> seen_{};
  std::size_t next_ = 0;
};

}  // namespace

Awaitable<void> watch_lag(BlockingPool& pool) {
  Lags loop(Gauge::event_loop_lag_seconds);
  Lags threads(Gauge::blocking_pool_lag_seconds);
  while (true) {
    const auto due = Timer::now() + kBetweenLooks;
    co_await sleep_for(kBetweenLooks);
    loop.add(Timer::now() - due);
    const auto asked = Timer::now();
    const auto begun = co_await run_blocking(pool, [] { return Timer::now(); });
    threads.add(begun - asked);
  }
}

}  // namespace quarry::obs
