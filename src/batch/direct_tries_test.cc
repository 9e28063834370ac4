// Whether a call that came to nothing is the record's fault or the deployment's.
#include "batch/direct_tries.h"

#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using Verdict = DirectTries::Verdict;

struct Tries : ::testing::Test {
  DirectTries tries;
  SysTime now{1'000'000s};

  static DirectTries::Record record(int line, const std::string& batch = "b") {
    return {{BatchId{batch}, 1}, {line, 0}};
  }
  Verdict fails(int line, bool last = false) {
    return tries.failed(record(line), tries.answers(), last, now, 0);
  }
  void answer(int line) { tries.answered(record(line)); }
  // Fails alone, each time when it is due, until it is given up. How often it failed.
  int times_until_given_up(int line, int most) {
    for (int i = 1; i <= most; ++i) {
      if (fails(line, true) == Verdict::give_up) return i;
      now = std::max(now, tries.due(record(line)));
    }
    return most + 1;
  }
};

TEST_F(Tries, ARecordThatFailsWhileOthersAreAnsweredIsGivenUp) {
  const std::int64_t before = tries.answers();
  answer(100);  // while the first call was under way
  EXPECT_EQ(tries.failed(record(1), before, false, now, 0), Verdict::later);
  for (int i = 2; i < DirectTries::kCountedMax; ++i) {
    answer(100 + i);
    EXPECT_EQ(fails(1), Verdict::later) << i;
  }
  answer(200);
  EXPECT_EQ(fails(1), Verdict::give_up);
}

TEST_F(Tries, ATryWithoutAnAnswerToOthersSinceTheLastDoesNotCount) {
  answer(100);
  for (int i = 0; i < 50; ++i) {
    now += 30s;
    EXPECT_NE(fails(1), Verdict::give_up) << "there may be lines that were not called yet";
  }
}

TEST_F(Tries, OneRecordThatFailsIsNoOutageAndASecondMakesOne) {
  EXPECT_EQ(fails(1), Verdict::later);
  EXPECT_EQ(fails(1), Verdict::later);
  EXPECT_EQ(fails(2), Verdict::outage);
  EXPECT_EQ(fails(1), Verdict::outage);
  answer(3);
  EXPECT_EQ(fails(2), Verdict::later);
}

TEST_F(Tries, ALastLineThatFailsForEverIsGivenUpAfterFiveMinutesAndTenTries) {
  const SysTime begin = now;
  const int times = times_until_given_up(1, 100);
  EXPECT_GE(times, DirectTries::kAloneMax);
  EXPECT_LE(times, 20);
  EXPECT_GE(now - begin, 5min);
  EXPECT_LE(now - begin, 6min);
}

TEST_F(Tries, TenTriesInAMomentDoNotEndALine) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(fails(1, true), Verdict::later);
}

TEST_F(Tries, TwoThatFailTogetherHaveTwiceAsLong) {
  (void)fails(2, true);
  const SysTime begin = now;
  (void)times_until_given_up(1, 100);
  EXPECT_GE(now - begin, 10min);
}

TEST_F(Tries, AnOutageOfManyLinesEndsNone) {
  for (int hour = 0; hour < 24; ++hour) {
    for (int line = 0; line < 11; ++line) EXPECT_NE(fails(line, true), Verdict::give_up);
    now += 1h;
  }
}

TEST_F(Tries, TheWaitDoublesToHalfAMinuteAndJitterTakesHalf) {
  EXPECT_EQ(tries.due(record(1)), SysTime{});
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    (void)fails(1);
    EXPECT_EQ(tries.due(record(1)), now + wait);
  }
  (void)tries.failed(record(2), 0, false, now, 1.0);
  EXPECT_EQ(tries.due(record(2)), now + 500ms);
}

TEST_F(Tries, OfAJobThatEndedAreForgotten) {
  (void)fails(1);
  (void)tries.failed(record(1, "other"), 0, false, now, 0);
  tries.forget(record(1).job);
  EXPECT_EQ(tries.due(record(1)), SysTime{});
  EXPECT_NE(tries.due(record(1, "other")), SysTime{});
  EXPECT_EQ(tries.failed(record(1, "other"), 0, false, now, 0), Verdict::later)
      << "nothing else fails any more";
}

TEST_F(Tries, ARecordThatIsAnsweredAfterAllBeginsAnew) {
  for (int i = 0; i < 4; ++i) {
    answer(100);
    (void)fails(1);
  }
  answer(1);
  EXPECT_EQ(tries.due(record(1)), SysTime{});
}

}  // namespace
}  // namespace quarry::batch
