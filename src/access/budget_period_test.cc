#include "access/budget_period.h"

#include "base/timestamp.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

std::int64_t at(std::string_view text) { return unix_seconds(*parse_timestamp(text)); }

TEST(Span, IsReadInLiteLlmsUnits) {
  EXPECT_EQ(parse_span("30s"), (Span{30, 0}));
  EXPECT_EQ(parse_span("30m"), (Span{1'800, 0}));
  EXPECT_EQ(parse_span("24h"), (Span{86'400, 0}));
  EXPECT_EQ(parse_span("7d"), (Span{604'800, 0}));
  EXPECT_EQ(parse_span("2w"), (Span{1'209'600, 0}));
  EXPECT_EQ(parse_span("1mo"), (Span{0, 1}));
  EXPECT_EQ(parse_span("90"), (Span{90, 0}));
}

TEST(Span, IsNothingElse) {
  for (const std::string_view wrong :
       {"", "d", "0d", "-1d", "1.5h", " 1d", "1d ", "1y", "1month", "1 mo", "+1d", "1dd",
        "99999999999999999999s", "9223372036854775807w", "1201mo", "36526d"}) {
    EXPECT_FALSE(parse_span(wrong)) << wrong;
  }
  EXPECT_TRUE(parse_span("36525d"));
  EXPECT_TRUE(parse_span("1200mo"));
}

TEST(Later, GoesByTheCalendarForMonths) {
  EXPECT_EQ(later(at("2026-01-15T10:20:30Z"), {0, 1}), at("2026-02-15T10:20:30Z"));
  EXPECT_EQ(later(at("2026-01-31T23:59:59Z"), {0, 1}), at("2026-02-28T23:59:59Z"));
  EXPECT_EQ(later(at("2028-01-31T00:00:00Z"), {0, 1}), at("2028-02-29T00:00:00Z"));
  EXPECT_EQ(later(at("2026-11-30T00:00:00Z"), {0, 3}), at("2027-02-28T00:00:00Z"));
  EXPECT_EQ(later(at("2026-03-01T00:00:00Z"), {86'400, 0}), at("2026-03-02T00:00:00Z"));
}

TEST(Period, OfABudgetForEverBeganWithTheFirstDollar) {
  const Budget budget{1, "", at("2026-01-01T00:00:00Z")};
  EXPECT_EQ(period_began(budget, at("2026-06-01T00:00:00Z")), 0);
  EXPECT_EQ(period_ends(budget, at("2026-06-01T00:00:00Z")), std::nullopt);
}

TEST(Period, EndsInTheSecondInWhichTheNextBegins) {
  const std::int64_t began = at("2026-01-01T12:00:00Z");
  const Budget budget{1, "24h", began};
  EXPECT_EQ(period_began(budget, began), began);
  EXPECT_EQ(period_began(budget, began + 86'399), began);
  EXPECT_EQ(period_ends(budget, began + 86'399), began + 86'400);
  EXPECT_EQ(period_began(budget, began + 86'400), began + 86'400);
  EXPECT_EQ(period_began(budget, began + 10 * 86'400 + 5), began + 10 * 86'400);
}

TEST(Period, BeforeTheFirstIsTheFirst) {
  const Budget budget{1, "1h", 10'000};
  EXPECT_EQ(period_began(budget, 9'000), 10'000);
  EXPECT_EQ(period_ends(budget, 9'000), 13'600);
}

TEST(Period, OfMonthsThatBeganOnThe31stIsRenewedOnEachMonthsLastDay) {
  const Budget budget{1, "1mo", at("2026-01-31T00:00:00Z")};
  EXPECT_EQ(period_began(budget, at("2026-02-27T23:59:59Z")), at("2026-01-31T00:00:00Z"));
  EXPECT_EQ(period_began(budget, at("2026-02-28T00:00:00Z")), at("2026-02-28T00:00:00Z"));
  EXPECT_EQ(period_ends(budget, at("2026-02-28T00:00:00Z")), at("2026-03-31T00:00:00Z"));
  EXPECT_EQ(period_began(budget, at("2026-03-31T00:00:00Z")), at("2026-03-31T00:00:00Z"));
  EXPECT_EQ(period_began(budget, at("2126-03-31T00:00:00Z")), at("2126-03-31T00:00:00Z"));
}

// Every period ends where the next begins, whatever the unit.
TEST(Period, LeavesNoGapAndNoOverlap) {
  for (const char* duration : {"1h", "7d", "1mo", "3mo", "12mo"}) {
    const Budget budget{1, duration, at("2024-02-29T13:00:00Z")};
    std::int64_t now = budget.began;
    for (int i = 0; i < 60; ++i) {
      const std::int64_t ends = *period_ends(budget, now);
      ASSERT_GT(ends, now) << duration;
      EXPECT_EQ(period_began(budget, ends - 1), now) << duration;
      EXPECT_EQ(period_began(budget, ends), ends) << duration;
      now = ends;
    }
  }
}

}  // namespace
}  // namespace quarry::access
