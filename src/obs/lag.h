#pragma once
// How late the event loop and the pool of threads beside it are: what everything waits for.

#include "base/blocking_pool.h"
#include "base/task.h"

namespace quarry::obs {

// Sleeps and sees how much later than asked it wakes, then how long nothing at all waits for a
// thread of `pool`; until it is cancelled. Sets Gauge::event_loop_lag_seconds and
// Gauge::blocking_pool_lag_seconds to the most of the last half minute. pool outlives it.
Awaitable<void> watch_lag(BlockingPool& pool);

}  // namespace quarry::obs
