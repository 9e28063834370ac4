// How an on-demand run finds out how many calls a deployment bears.
#include "batch/call_limiter.h"

#include <gtest/gtest.h>

#include <optional>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

struct Calls : ::testing::Test {
  CallLimit limit{8};
  SysTime now{1'000'000s};

  void call(CallOutcome outcome, double jitter = 0) {
    limit.started();
    limit.ended(outcome, now, jitter);
  }
  void pass(milliseconds span) { now += span; }
  // Throttled after the pause is over; gives the next one.
  milliseconds throttled_again(double jitter = 0) {
    pass(limit.pause(now));
    call(CallOutcome::throttled, jitter);
    return limit.pause(now);
  }
};

TEST_F(Calls, AsManyAtOnceAsTheDeploymentAllows) {
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(limit.may_start(now));
    limit.started();
  }
  EXPECT_FALSE(limit.may_start(now));
  limit.ended(CallOutcome::failed, now, 0);
  EXPECT_TRUE(limit.may_start(now));
}

TEST_F(Calls, AThrottleHalvesTheLimitAtMostOnceASecond) {
  for (int i = 0; i < 8; ++i) call(CallOutcome::throttled);
  EXPECT_EQ(limit.limit(), 4) << "eight answers to one burst are one piece of news";
  pass(999ms);
  call(CallOutcome::throttled);
  EXPECT_EQ(limit.limit(), 4);
  pass(1ms);
  call(CallOutcome::throttled);
  EXPECT_EQ(limit.limit(), 2);
  for (int i = 0; i < 5; ++i) {
    pass(1s);
    call(CallOutcome::throttled);
  }
  EXPECT_EQ(limit.limit(), 1);
}

TEST_F(Calls, NoCallStartsDuringThePauseThatDoublesUpToHalfAMinute) {
  milliseconds expected = CallLimit::kPauseFirst;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(throttled_again(), expected) << i;
    EXPECT_FALSE(limit.may_start(now));
    pass(expected - 1ms);
    EXPECT_FALSE(limit.may_start(now));
    pass(1ms);
    EXPECT_TRUE(limit.may_start(now));
    expected = std::min(expected * 2, CallLimit::kPauseMost);
  }
  EXPECT_EQ(expected, 30s);
}

TEST_F(Calls, JitterTakesAwayUpToHalfOfThePause) {
  EXPECT_EQ(throttled_again(0.5), CallLimit::kPauseFirst * 3 / 4);
  EXPECT_EQ(throttled_again(1.0), CallLimit::kPauseFirst);
}

TEST_F(Calls, WhatComesBackDuringThePauseNeitherLengthensNorDoublesIt) {
  const milliseconds first = throttled_again();
  pass(10ms);
  call(CallOutcome::throttled);
  EXPECT_EQ(limit.pause(now), first - 10ms);
  EXPECT_EQ(throttled_again(), CallLimit::kPauseFirst * 2);
}

TEST_F(Calls, ASuccessTakesOneDoublingBack) {
  (void)throttled_again();
  EXPECT_EQ(throttled_again(), CallLimit::kPauseFirst * 2);
  call(CallOutcome::succeeded);
  EXPECT_EQ(throttled_again(), CallLimit::kPauseFirst * 2);
  for (int i = 0; i < 5; ++i) call(CallOutcome::succeeded);
  EXPECT_EQ(throttled_again(), CallLimit::kPauseFirst);
}

TEST_F(Calls, SuccessesRaiseTheLimitByOneForAsManyAsItIs) {
  call(CallOutcome::throttled);
  ASSERT_EQ(limit.limit(), 4);
  for (int i = 0; i < 3; ++i) call(CallOutcome::succeeded);
  EXPECT_EQ(limit.limit(), 4);
  call(CallOutcome::failed);
  EXPECT_EQ(limit.limit(), 4) << "a failure of one line says nothing of the deployment";
  call(CallOutcome::succeeded);
  EXPECT_EQ(limit.limit(), 5);
  for (int i = 0; i < 100; ++i) call(CallOutcome::succeeded);
  EXPECT_EQ(limit.limit(), 8);
  EXPECT_EQ(limit.running(), 0);
}

TEST_F(Calls, AClockThatIsSetBackStopsNothing) {
  (void)throttled_again();
  pass(-1h);
  EXPECT_TRUE(limit.may_start(now));
}

TEST(CallLimiter, RunsOnOneDeploymentTakeTurns) {
  boost::asio::io_context io;
  CallLimiters limiters;
  const auto limiter = limiters.of("d", 1);
  EXPECT_EQ(limiters.of("d", 9), limiter);
  EXPECT_NE(limiters.of("e", 1), limiter);
  const SysTime now{1s};
  Wakeup a(io), b(io);

  std::optional<CallLimiter::Turn> first(std::in_place, *limiter, a);
  std::optional<CallLimiter::Turn> second(std::in_place, *limiter, b);
  EXPECT_FALSE(second->take(now)) << "not before the first";
  EXPECT_TRUE(first->take(now));
  first.reset();
  std::optional<CallLimiter::Turn> again(std::in_place, *limiter, a);
  EXPECT_FALSE(second->take(now)) << "the one slot is taken";
  limiter->ended(CallOutcome::succeeded, now, 0);
  EXPECT_FALSE(again->take(now)) << "it had its turn";
  EXPECT_TRUE(second->take(now));
}

}  // namespace
}  // namespace quarry::batch
