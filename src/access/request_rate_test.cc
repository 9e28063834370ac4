#include "access/request_rate.h"

#include "access/testing/keys.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

using std::chrono::seconds;
using testing::caller_with;
using testing::team_with;

Limits a_minute(std::int64_t requests) {
  Limits limits;
  limits.requests_per_minute = requests;
  return limits;
}

TEST(RequestRate, TheMasterKeyAndKeysWithoutALimitAreNotCounted) {
  RequestRate rate;
  EXPECT_FALSE(rate.admit(Caller{}, {}));
  EXPECT_FALSE(rate.admit(caller_with({}), {}));
}

TEST(RequestRate, OfALimitOfNoneNoneIsAdmitted) {
  RequestRate rate;
  const Caller caller = caller_with({}, nullptr, a_minute(0));
  for (const seconds at : {seconds(0), seconds(61)}) {
    const auto standing = rate.admit(caller, RequestRate::Time{} + at);
    ASSERT_TRUE(standing);
    EXPECT_FALSE(standing->admitted);
    EXPECT_EQ(standing->remaining, 0);
    EXPECT_EQ(standing->until_reset, seconds(60));
  }
}

TEST(RequestRate, AdmitsTheLimitAndSaysWhatIsLeftAndUntilWhen) {
  RequestRate rate;
  const Caller caller = caller_with({}, nullptr, a_minute(2));
  const RequestRate::Time begin{};
  auto standing = rate.admit(caller, begin);
  ASSERT_TRUE(standing);
  EXPECT_TRUE(standing->admitted);
  EXPECT_EQ(standing->limit, 2);
  EXPECT_EQ(standing->remaining, 1);
  EXPECT_EQ(standing->until_reset, seconds(60));
  EXPECT_EQ(rate.admit(caller, begin + seconds(10))->remaining, 0);
  standing = rate.admit(caller, begin + seconds(20));
  EXPECT_FALSE(standing->admitted);
  EXPECT_EQ(standing->remaining, 0);
  EXPECT_EQ(standing->until_reset, seconds(40));
  EXPECT_TRUE(standing->whose.contains("sk-...1a2b"));
}

TEST(RequestRate, AMinuteAfterTheFirstRequestAllAreThereAgain) {
  RequestRate rate;
  const Caller caller = caller_with({}, nullptr, a_minute(1));
  const RequestRate::Time begin{};
  EXPECT_TRUE(rate.admit(caller, begin)->admitted);
  EXPECT_FALSE(rate.admit(caller, begin + seconds(60) - std::chrono::nanoseconds(1))->admitted);
  EXPECT_TRUE(rate.admit(caller, begin + seconds(60))->admitted);
}

TEST(RequestRate, ATeamsKeysShareItsRequests) {
  RequestRate rate;
  const auto team = team_with({}, a_minute(3));
  Caller first = caller_with({}, team, a_minute(2));
  Caller second = caller_with({}, team);
  Key other = *second.key;
  other.hash = "other";
  second.key = std::make_shared<const Key>(other);
  EXPECT_TRUE(rate.admit(first, {})->admitted);
  EXPECT_TRUE(rate.admit(first, {})->admitted);
  EXPECT_FALSE(rate.admit(first, {})->admitted) << "its own";
  EXPECT_TRUE(rate.admit(second, {})->admitted) << "what the first was refused is not counted";
  const auto refused = rate.admit(second, {});
  EXPECT_FALSE(refused->admitted);
  EXPECT_TRUE(refused->whose.contains("team"));
}

}  // namespace
}  // namespace quarry::access
