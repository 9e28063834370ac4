// A process that hangs at its end is gone in time, and one that does not is left alone.
#include "cli/last_resort.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

namespace quarry::cli {
namespace {

using namespace std::chrono_literals;

TEST(LastResortDeathTest, EndsWhatHangs) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        LastResort resort;
        resort.begin(0s, [] { return 7; });
        std::this_thread::sleep_for(1h);
      },
      ::testing::ExitedWithCode(7), "did not end in time");
}

TEST(LastResort, LeavesAloneWhatHasEnded) {
  LastResort never_begun;
  LastResort resort;
  resort.begin(1h, [] { return 7; });
}

}  // namespace
}  // namespace quarry::cli
