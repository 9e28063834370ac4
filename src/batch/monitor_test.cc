// Watching as a whole: many jobs over simulated time, several regions, and when looks are due.
#include "batch/monitor.h"

#include "batch/look_times.h"
#include "batch/pacer.h"
#include "batch/testing/watched_jobs.h"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <cstdio>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using bedrock::JobStatus;
using store::JobState;
using testing::WatchedJobs;

constexpr std::int64_t kNow = 1'800'000'000'000;

LookTimes aged(std::chrono::seconds age) {
  LookTimes times;
  times.now_ms = kNow;
  times.submitted_ms = kNow - std::chrono::milliseconds(age).count();
  times.expires_ms = kNow + 86'400'000;
  return times;
}

TEST(LookTimes, AYoungJobIsLookedAtOftenAndAnOldOneSeldom) {
  for (const auto [age, most] : {std::pair(0s, 5s), {100s, 10s}, {300s, 30s}, {7200s, 60s}}) {
    const std::int64_t in_ms = next_look_ms(aged(age)) - kNow;
    EXPECT_GE(in_ms, std::chrono::milliseconds(most).count() / 4) << age.count();
    EXPECT_LE(in_ms, std::chrono::milliseconds(most).count() * 5 / 4) << age.count();
  }
}

TEST(LookTimes, OldJobsComeDueTogether) {
  std::set<std::int64_t> dues;
  for (int age = 1'000; age < 5'000; age += 7) {
    LookTimes times = aged(std::chrono::seconds(age));
    times.phase_ms = 12'345;
    times.now_ms += age % 40 * 1'000;  // looked at at different times of a minute
    dues.insert(next_look_ms(times));
  }
  EXPECT_LE(dues.size(), 2u);
}

TEST(LookTimes, AJobLookedAtWhenItIsDueIsLookedAtEveryInterval) {
  LookTimes times = aged(7'200s);
  times.phase_ms = 777;
  times.now_ms = next_look_ms(times) + 3'000;  // the round took its time
  const std::int64_t due = next_look_ms(times);
  times.now_ms = due + 20;
  EXPECT_EQ(next_look_ms(times) - due, 60'000);
}

TEST(LookTimes, TheUsersIntervalIsKept) {
  LookTimes times = aged(7'200s);
  times.interval = 7s;
  times.now_ms = next_look_ms(times);
  EXPECT_EQ(next_look_ms(times) - times.now_ms, 7'000);
}

TEST(LookTimes, NoMomentWithSomethingToDoIsMissed) {
  LookTimes times = aged(7'200s);
  times.expires_ms = kNow + 900;
  EXPECT_EQ(next_look_ms(times), kNow + 900);
  times.fallback_ms = kNow + 400;
  EXPECT_EQ(next_look_ms(times), kNow + 400);
  times.fallback_ms = kNow - 400;
  EXPECT_EQ(next_look_ms(times), kNow + 900);
}

TEST(LookTimes, AStoppingJobIsLookedAtEverySecondAtFirst) {
  LookTimes times = aged(7'200s);
  times.stopping = true;
  EXPECT_EQ(next_look_ms(times), kNow + 1'000);
  times.looks_while_stopping = 60;
  EXPECT_GT(next_look_ms(times), kNow + 10'000);
}

TEST(LookTimes, BackoffGrowsToFiveMinutes) {
  EXPECT_EQ(look_backoff_ms(1, 0), 2'000);
  EXPECT_EQ(look_backoff_ms(3, 0), 8'000);
  EXPECT_EQ(look_backoff_ms(100, 0), 300'000);
  EXPECT_EQ(look_backoff_ms(100, 0.5), 225'000);
}

Awaitable<int> turns(Pacer& pacer, int count) {
  int taken = 0;
  for (int i = 0; i < count; ++i) {
    if (co_await pacer.turn(Deadline::after(1min))) ++taken;
  }
  co_return taken;
}

TEST(Pacing, KeepsToItsRateAfterTheBurst) {
  const ScaledClock clock(1'000, SystemClock().now());
  Pacer pacer(clock, 1, 10);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(quarry::testing::run(turns(pacer, 60)), 60);
  // 50 turns beyond the burst, each a second of a clock that runs a thousand times as fast.
  EXPECT_GE(std::chrono::steady_clock::now() - began, 49ms);
}

TEST(Pacing, ATurnAfterTheDeadlineIsNotWaitedFor) {
  const SystemClock clock;
  Pacer pacer(clock, 0.001, 2);
  EXPECT_EQ(quarry::testing::run(turns(pacer, 5)), 2);
}

// Lets the monitor run until `done`, at most 30 s.
Awaitable<bool> watch(WatchedJobs& watched, Monitor& monitor, std::function<bool()> done) {
  monitor.start();
  const Deadline deadline = Deadline::after(30s);
  while (!done() && !deadline.expired()) co_await sleep_for(2ms);
  const bool in_time = done();
  co_await monitor.stop(Deadline::after(5s));
  EXPECT_TRUE(co_await watched.store_.release_all_leases());
  co_return in_time;
}

TEST(MonitorTest, TenThousandOpenJobsCostLessThanACallASecond) {
  const ScaledClock clock(600, SystemClock().now());
  WatchedJobs watched(clock);
  watched.submitted("batch_1", std::vector<std::chrono::seconds>(5'000, 1'000s), "east", 24h);
  watched.submitted("batch_2", std::vector<std::chrono::seconds>(5'000, 1'000s), "west", 24h);
  const SysTime began = clock.now();
  int ended = 0;
  Monitor monitor(watched.io, watched.context, [&] { ++ended; });
  const auto all_was_seen_often = [&] {
    return clock.now() >= began + 1h && watched.east->lists >= 6 && watched.west->lists >= 6;
  };
  ASSERT_TRUE(watched.run(watch(watched, monitor, all_was_seen_often)));
  const double seconds = std::chrono::duration<double>(clock.now() - began).count();
  const int calls = watched.east->calls() + watched.west->calls();
  std::printf("10000 open jobs: %d calls in %.0f seconds of the clock, %.3f a second\n", calls,
              seconds, calls / seconds);
  EXPECT_LE(calls, seconds);
  EXPECT_EQ(watched.east->gets + watched.west->gets, 0);
  EXPECT_EQ(watched.count("batch_1", JobState::running), 5'000);
  EXPECT_EQ(ended, 0);
}

TEST(MonitorTest, ASlowRegionDoesNotHoldUpAnother) {
  const ScaledClock clock(100, SystemClock().now());
  WatchedJobs watched(clock);
  watched.submitted("batch_1", {60s}, "east");
  const auto arns = watched.submitted("batch_2", {60s}, "west");
  watched.east->never_answers = true;
  int ended = 0;
  Monitor monitor(watched.io, watched.context, [&] { ++ended; });
  const auto west_was_seen_twice = [&] {
    if (watched.west->gets == 1) watched.west->jobs[arns[0]].status = JobStatus::Failed;
    return ended == 1;
  };
  EXPECT_TRUE(watched.run(watch(watched, monitor, west_was_seen_twice)));
  EXPECT_EQ(watched.east->calls(), 1);  // not claimed again while it is being looked at
  EXPECT_EQ(watched.count("batch_2", JobState::ended), 1);
}

TEST(MonitorTest, AWishIsSeenToAtOnce) {
  const SystemClock clock;
  WatchedJobs watched(clock);
  watched.submitted("batch_1", {7'200s});
  Monitor monitor(watched.io, watched.context, {});
  bool asked = false;
  const auto stopped = [&] {
    if (watched.east->gets == 1 && !asked) {
      asked = true;
      boost::asio::co_spawn(
          watched.io, watched.store_.begin_stop(BatchId{"batch_1"}, "", watched.context.now_ms()),
          [&](std::exception_ptr, Result<void>) { monitor.wake(); });
    }
    return watched.east->stops == 1;
  };
  EXPECT_TRUE(watched.run(watch(watched, monitor, stopped)));
}

}  // namespace
}  // namespace quarry::batch
