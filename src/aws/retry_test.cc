#include "aws/retry.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;

struct RemedyRow {
  const char* name;
  int status;
  const char* code;
  const char* message;
  Remedy remedy;
};
class Remedies : public ::testing::TestWithParam<RemedyRow> {};

TEST_P(Remedies, AreThoseOfAwsStandardMode) {
  const auto& row = GetParam();
  EXPECT_EQ(remedy_for({.status = row.status, .code = row.code, .message = row.message}),
            row.remedy);
}

// botocore/retries/standard.py; S3's and Bedrock's error tables.
INSTANTIATE_TEST_SUITE_P(
    Rows,
    Remedies,
    ::testing::Values(
        RemedyRow{"InternalError", 500, "InternalError", "", Remedy::wait},
        RemedyRow{"InternalErrorInA200", 200, "InternalError", "", Remedy::wait},
        RemedyRow{"BadGateway", 502, "", "", Remedy::wait},
        RemedyRow{"Unavailable", 503, "ServiceUnavailable", "", Remedy::wait},
        RemedyRow{"GatewayTimeout", 504, "", "", Remedy::wait},
        RemedyRow{"NotImplemented", 501, "NotImplemented", "", Remedy::none},
        RemedyRow{"RequestTimeoutIs400", 400, "RequestTimeout", "", Remedy::wait},
        RemedyRow{"SlowDown", 503, "SlowDown", "", Remedy::wait_longer},
        RemedyRow{"Throttling", 429, "ThrottlingException", "", Remedy::wait_longer},
        RemedyRow{"ThrottlingAs400", 400, "ThrottlingException", "", Remedy::wait_longer},
        RemedyRow{"TooManyWithoutACode", 429, "", "", Remedy::wait_longer},
        RemedyRow{"KmsThrottling", 400, "KMS.ThrottlingException", "", Remedy::wait_longer},
        RemedyRow{"ConditionalConflict", 409, "ConditionalRequestConflict", "", Remedy::wait},
        RemedyRow{"QuotaWaitsForAJobNotASecond", 400, "ServiceQuotaExceededException", "",
                  Remedy::none},
        RemedyRow{"S3Expired", 400, "ExpiredToken", "", Remedy::renew_credentials},
        RemedyRow{"BedrockExpired", 403, "ExpiredTokenException", "", Remedy::renew_credentials},
        RemedyRow{"InvalidToken", 400, "InvalidToken", "", Remedy::renew_credentials},
        RemedyRow{"ExpiredOnHead", 400, "", "", Remedy::renew_credentials},
        RemedyRow{"Skewed", 403, "RequestTimeTooSkewed", "", Remedy::correct_clock},
        RemedyRow{"SignatureExpired", 403, "InvalidSignatureException", "Signature expired: x",
                  Remedy::correct_clock},
        RemedyRow{"SignatureRefused", 403, "SignatureDoesNotMatch", "", Remedy::correct_clock},
        RemedyRow{"AccessDenied", 403, "AccessDenied", "", Remedy::none},
        RemedyRow{"NoSuchKey", 404, "NoSuchKey", "", Remedy::none},
        RemedyRow{"Validation", 400, "ValidationException", "", Remedy::none},
        RemedyRow{"PreconditionFailed", 412, "PreconditionFailed", "", Remedy::none},
        RemedyRow{"ModelTimeout", 408, "ModelTimeoutException", "", Remedy::none},
        RemedyRow{"ModelError", 424, "ModelErrorException", "", Remedy::none}),
    [](const auto& row) { return std::string(row.param.name); });

constexpr SysTime kServerTime{std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min +
                              37s};
constexpr char kServerDate[] = "Sun, 06 Nov 1994 08:49:37 GMT";

TEST(HttpDate, IsReadAsRfc9110HasIt) { EXPECT_EQ(parse_http_date(kServerDate), kServerTime); }

TEST(HttpDate, IsNothingElse) {
  for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                           "Sun, 06 Nox 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

TEST(Skew, IsTakenFromTheDateWhereAwsNamesIt) {
  const AwsError skewed{.status = 403, .code = "RequestTimeTooSkewed"};
  EXPECT_EQ(skewed_by(skewed, kServerDate, kServerTime - 20min), std::chrono::milliseconds(20min));
  EXPECT_EQ(skewed_by(skewed, kServerDate, kServerTime + 20min), -std::chrono::milliseconds(20min));
  EXPECT_FALSE(skewed_by(skewed, kServerDate, kServerTime));
  EXPECT_FALSE(skewed_by(skewed, "", kServerTime - 20min));
}

TEST(Skew, IsBelievedOfARefusedSignatureOnlyAboveFourMinutes) {
  const AwsError refused{.status = 403, .code = "SignatureDoesNotMatch"};
  EXPECT_TRUE(skewed_by(refused, kServerDate, kServerTime - 5min));
  EXPECT_FALSE(skewed_by(refused, kServerDate, kServerTime - 4min));
}

TEST(Skew, IsNoMatterOfADeniedAccess) {
  EXPECT_FALSE(
      skewed_by({.status = 403, .code = "AccessDenied"}, kServerDate, kServerTime - 20min));
}

TEST(Backoff, DoublesUnderFullJitterUpToTwentySeconds) {
  EXPECT_EQ(backoff(1, 0.0, {}), 0ms);
  EXPECT_EQ(backoff(1, 1.0, {}), 1000ms);
  EXPECT_EQ(backoff(2, 1.0, {}), 2000ms);
  EXPECT_EQ(backoff(2, 0.5, {}), 1000ms);
  EXPECT_EQ(backoff(5, 1.0, {}), 16'000ms);
  EXPECT_EQ(backoff(6, 1.0, {}), 20'000ms);
  EXPECT_EQ(backoff(1000, 1.0, {}), 20'000ms);
}

TEST(Backoff, HonoursRetryAfterByUpToFiveSeconds) {
  EXPECT_EQ(backoff(1, 0.0, 3000ms), 3000ms);
  EXPECT_EQ(backoff(1, 1.0, 500ms), 1000ms);
  EXPECT_EQ(backoff(1, 1.0, 60'000ms), 6000ms);
}

TEST(RandomJitter, LiesInZeroToOne) {
  const Jitter jitter = random_jitter();
  for (int i = 0; i < 1000; ++i) {
    const double value = jitter();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
  }
}

TEST(Budget, IsSpentByRetriesAndEarnedBySuccesses) {
  RetryBudget budget;
  EXPECT_TRUE(budget.take(RetryBudget::kRetryCost));
  EXPECT_TRUE(budget.take(RetryBudget::kTimeoutCost));
  EXPECT_EQ(budget.left(), 485);
  budget.give_back(RetryBudget::kTimeoutCost);
  EXPECT_EQ(budget.left(), 495);
  budget.give_back(0);
  EXPECT_EQ(budget.left(), 496);
  for (int i = 0; i < 10; ++i) budget.give_back(0);
  EXPECT_EQ(budget.left(), RetryBudget::kCapacity);
}

TEST(Budget, RefusesWhatItDoesNotHold) {
  RetryBudget budget;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(budget.take(5));
  EXPECT_EQ(budget.left(), 0);
  EXPECT_FALSE(budget.take(5));
  EXPECT_EQ(budget.left(), 0);
}

}  // namespace
}  // namespace quarry::aws
