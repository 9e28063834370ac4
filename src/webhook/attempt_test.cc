#include "webhook/attempt.h"

#include <gtest/gtest.h>

#include <vector>

namespace quarry::webhook {
namespace {

using namespace std::chrono_literals;
using Kind = Verdict::Kind;

constexpr std::int64_t kNowMs = 1'800'000'000'000;
constexpr std::int64_t kDayMs = 24 * 3'600'000;
SysTime now() { return from_unix_millis(kNowMs); }

Verdict verdict_of(int status, http::Headers headers = {}) {
  http::ClientResponse response;
  response.status = status;
  response.headers = std::move(headers);
  return judge(response, now());
}

TEST(Judge, OnlyA2xxIsDelivered) {
  for (const int status : {200, 201, 202, 204, 299}) {
    EXPECT_EQ(verdict_of(status).kind, Kind::delivered) << status;
  }
  for (const int status : {300, 301, 302, 307, 308, 400, 401, 404, 408, 429, 500, 502, 503, 599}) {
    EXPECT_EQ(verdict_of(status).kind, Kind::again) << status;
    EXPECT_EQ(verdict_of(status).why, "it answered " + std::to_string(status));
  }
}

TEST(Judge, A410EndsIt) { EXPECT_EQ(verdict_of(410).kind, Kind::gone); }

TEST(Judge, AFailedConnectionComesAgainAndAPrivateAddressIsToldFromIt) {
  const auto lost = judge(fail(Errc::unavailable, "example.com: connection refused"), now());
  EXPECT_EQ(lost.kind, Kind::again);
  EXPECT_EQ(lost.why, "example.com: connection refused");
  EXPECT_FALSE(lost.refused);
  const auto refused = judge(fail(Errc::forbidden, "x"), now());
  EXPECT_EQ(refused.kind, Kind::again);
  EXPECT_TRUE(refused.refused);
}

TEST(Judge, RetryAfterOf429And503IsReadAsSecondsOrAsADate) {
  for (const int status : {429, 503}) {
    EXPECT_EQ(verdict_of(status, {{"Retry-After", "120"}}).asked_for, 120s);
    EXPECT_EQ(verdict_of(status, {{"Retry-After", "99999999999999999999"}}).asked_for,
              kLongestWait);
    EXPECT_EQ(verdict_of(status, {{"retry-after", "Fri, 15 Jan 2027 08:01:00 GMT"}}).asked_for,
              60s);
    EXPECT_EQ(verdict_of(status, {{"Retry-After", "Fri, 15 Jan 2027 07:00:00 GMT"}}).asked_for, 0s);
    for (const char* text : {"", "soon", "-1", "1.5", "12x"}) {
      EXPECT_EQ(verdict_of(status, {{"Retry-After", text}}).asked_for, std::nullopt) << text;
    }
  }
  EXPECT_EQ(verdict_of(500, {{"Retry-After", "120"}}).asked_for, std::nullopt);
}

// Every attempt fails at once.
std::vector<std::int64_t> attempts_of_a_day(double jitter) {
  std::vector<std::int64_t> at{0};
  while (at.size() < 1000) {
    const auto next = next_attempt_ms(kNowMs, kNowMs + at.back(), static_cast<int>(at.size()),
                                      jitter, std::nullopt);
    if (!next) return at;
    at.push_back(*next - kNowMs);
  }
  return at;
}

TEST(NextAttempt, ComesLaterEachTimeForADayAndNeverAfter) {
  EXPECT_EQ(attempts_of_a_day(0.5),
            (std::vector<std::int64_t>{0, 5'000, 25'000, 85'000, 265'000, 865'000, 2'665'000,
                                       6'265'000, 13'465'000, 24'265'000, 35'065'000, 45'865'000,
                                       56'665'000, 67'465'000, 78'265'000, kDayMs}));
  for (const double jitter : {0.0, 0.3, 0.999}) {
    const auto at = attempts_of_a_day(jitter);
    EXPECT_EQ(at.back(), kDayMs) << jitter;
    EXPECT_GE(at.size(), 12u) << jitter;
    EXPECT_LE(at.size(), 20u) << jitter;
  }
}

TEST(NextAttempt, IsSpreadByChance) {
  EXPECT_EQ(next_attempt_ms(0, 0, 1, 0.0, std::nullopt), 3'750);
  EXPECT_EQ(next_attempt_ms(0, 0, 1, 1.0, std::nullopt), 6'250);
}

TEST(NextAttempt, WaitsAsLongAsAskedButNoLongerThanTheLongestWaitNorTheDay) {
  EXPECT_EQ(next_attempt_ms(0, 0, 1, 0.5, 60s), 60'000);
  EXPECT_EQ(next_attempt_ms(0, 0, 1, 0.5, 1s), 5'000);  // nor less than without
  EXPECT_EQ(next_attempt_ms(0, 0, 1, 0.5, 100h), 3 * 3'600'000);
  EXPECT_EQ(next_attempt_ms(0, kDayMs - 1'000, 1, 0.5, 1h), kDayMs);
}

TEST(NextAttempt, OfAnEventThatIsOlderThanADayFollowsNone) {
  EXPECT_EQ(next_attempt_ms(0, kDayMs, 1, 0.5, std::nullopt), std::nullopt);
  EXPECT_EQ(next_attempt_ms(0, 2 * kDayMs, 1, 0.5, 1s), std::nullopt);
}

}  // namespace
}  // namespace quarry::webhook
