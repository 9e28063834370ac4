// Dates, CSV and money as clients of the ledger meet them.
#include "api/spend_views.h"

#include "api/time_range.h"

#include <gtest/gtest.h>

namespace quarry::api {
namespace {

constexpr std::int64_t kDay = 1'788'134'400;  // 2026-08-31T00:00:00Z

TEST(Moment, IsAWholeDayOfUtcOrASecond) {
  const auto day = parse_moment("start_date", "2026-08-31");
  ASSERT_TRUE(day);
  EXPECT_EQ(day->first_s, kDay);
  EXPECT_EQ(day->after_s, kDay + 86'400);
  for (const char* noon :
       {"2026-08-31T12:00:00Z", "2026-08-31 12:00:00", "2026-08-31T14:30:00.25+02:30",
        "2026-08-31T07:00:00-05:00", "2026-08-31T14:30:00 02:30"}) {
    const auto moment = parse_moment("start_date", noon);
    ASSERT_TRUE(moment) << noon;
    EXPECT_EQ(moment->first_s, kDay + 43'200) << noon;
    EXPECT_EQ(moment->after_s, kDay + 43'201) << noon;
  }
}

TEST(Moment, IsRefusedByItsNameWhereItIsNone) {
  for (const char* bad :
       {"", "2026-8-31", "2026-02-30", "31.08.2026", "2026-08-31T25:00:00Z", "2026-08-31T12:00",
        "2026-08-31T12:00:00X", "-026-08-31", "2026-08-31T12:00:00.Z", "2026-08-31x"}) {
    const auto moment = parse_moment("end_date", bad);
    ASSERT_FALSE(moment) << bad;
    EXPECT_EQ(moment.error().param(), "end_date");
  }
}

TEST(RangeOfDates, TakesTheWholeLastDay) {
  const auto range = parse_range_of_dates("2026-08-31", "2026-08-31");
  ASSERT_TRUE(range);
  EXPECT_EQ(*range->to_s - *range->from_s, 86'400);
  EXPECT_FALSE(parse_range_of_dates("2026-09-01", "2026-08-31"));
  EXPECT_EQ(parse_range_of_dates(std::nullopt, "2026-08-31")->from_s, std::nullopt);
}

TEST(Csv, QuotesWhatWouldBreakARecordAndDisarmsFormulas) {
  std::string out;
  append_csv_record(
      out, {{"plain", false}, {"a,b", false}, {"say \"hi\"", false}, {"two\r\nlines", false}});
  append_csv_record(out,
                    {{"=1+1", false}, {"-cmd", false}, {"@x", false}, {"-5", true}, {"", false}});
  EXPECT_EQ(out,
            "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n"
            "'=1+1,'-cmd,'@x,-5,\r\n");
}

TEST(Spent, IsNullWhereSomeOfItIsNotKnownAndNeverNothing) {
  store::Spent spent;
  spent.jobs = 2;
  spent.cost_nano_usd = 1'500'000'000;
  EXPECT_EQ(spent_object(spent).at("spend").as_double(), 1.5);
  EXPECT_EQ(spent_object(spent).at("unpriced"), false);
  spent.unknown_jobs = spent.unpriced_jobs = 1;
  EXPECT_TRUE(spent_object(spent).at("spend").is_null());
  EXPECT_TRUE(spent_object(spent).at("spend_nano_usd").is_null());
  EXPECT_EQ(spent_object(spent).at("known_spend_nano_usd"), 1'500'000'000);
  EXPECT_EQ(spent_object(spent).at("unpriced"), true);
}

TEST(Report, IsATableOfAsManyColumnsAsItsHeaderNames) {
  const std::vector<store::GroupBy> groups{store::GroupBy::key, store::GroupBy::day};
  store::ReportRow row;
  row.groups = {"hash", "2026-08-31"};
  row.key_alias = "=evil,alias";
  boost::json::array rows{report_object(row, groups)};
  const std::string csv = csv_of(rows, report_columns(groups));
  EXPECT_TRUE(csv.starts_with("api_key,key_name,key_alias,date,spend,"));
  EXPECT_TRUE(csv.contains("hash,,\"'=evil,alias\",2026-08-31,"));
}

}  // namespace
}  // namespace quarry::api
