#include "store/outage.h"

#include <gtest/gtest.h>

namespace quarry::store {
namespace {

using namespace std::chrono_literals;

const Outage::Time kStart{};

TEST(Outage, LetsEverybodyTryWhileThereIsNone) {
  Outage outage(1s, 100ms);
  EXPECT_TRUE(outage.may_try(kStart));
  EXPECT_TRUE(outage.may_try(kStart));
  EXPECT_EQ(outage.ended(kStart), std::nullopt);
}

TEST(Outage, LetsEverybodyTryAtItsBeginAndThenOneAtATime) {
  Outage outage(1s, 100ms);
  outage.failed(kStart);
  EXPECT_TRUE(outage.may_try(kStart + 999ms));
  EXPECT_TRUE(outage.may_try(kStart + 999ms));
  EXPECT_TRUE(outage.may_try(kStart + 1s));
  EXPECT_FALSE(outage.may_try(kStart + 1s));
  EXPECT_FALSE(outage.may_try(kStart + 1099ms));
  EXPECT_TRUE(outage.may_try(kStart + 1100ms));
}

TEST(Outage, CountsTheIntervalFromTheEndOfATryThatTookLong) {
  Outage outage(1s, 100ms);
  outage.failed(kStart);
  EXPECT_TRUE(outage.may_try(kStart + 2s));
  outage.failed(kStart + 7s);
  EXPECT_FALSE(outage.may_try(kStart + 7050ms));
  EXPECT_TRUE(outage.may_try(kStart + 7100ms));
}

TEST(Outage, IsToldOnceAndEndsWithItsLength) {
  Outage outage(1s, 100ms);
  EXPECT_TRUE(outage.failed(kStart));
  EXPECT_FALSE(outage.failed(kStart + 1s));
  EXPECT_EQ(outage.ended(kStart + 3s), 3000ms);
  EXPECT_EQ(outage.ended(kStart + 4s), std::nullopt);
  EXPECT_TRUE(outage.failed(kStart + 5s));
}

}  // namespace
}  // namespace quarry::store
