#include "aws/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <random>

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view text) {
  return std::ranges::find(names, text) != names.end();
}

// botocore/retries/standard.py, ThrottledRetryableChecker; and S3's SlowDown with its kin.
constexpr std::array<std::string_view, 16> kThrottleCodes = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "RequestThrottled",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "KMS.ThrottlingException",
    "ModelNotReadyException"};

constexpr std::array<std::string_view, 9> kTransientCodes = {"RequestTimeout",
                                                             "RequestTimeoutException",
                                                             "InternalError",
                                                             "InternalFailure",
                                                             "InternalServerException",
                                                             "ServiceUnavailable",
                                                             "ServiceUnavailableException",
                                                             "ConditionalRequestConflict",
                                                             "OperationAborted"};

// S3's two, and ours for an answer whose checksum is not that of what was sent.
constexpr std::array<std::string_view, 3> kDamageCodes = {"BadDigest", "XAmzContentSHA256Mismatch",
                                                          "ChecksumMismatch"};

// Named by AWS as a matter of time.
constexpr std::array<std::string_view, 3> kClockCodes = {"RequestTimeTooSkewed", "RequestExpired",
                                                         "RequestInTheFuture"};
// May be a matter of time.
constexpr std::array<std::string_view, 4> kSignatureCodes = {
    "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", ""};

// The last three: keys that were deleted after others had taken their place.
constexpr std::array<std::string_view, 7> kExpiredCodes = {
    "ExpiredToken",         "ExpiredTokenException", "InvalidToken",
    "TokenRefreshRequired", "InvalidAccessKeyId",    "UnrecognizedClientException",
    "InvalidClientTokenId"};

bool names_the_clock(const AwsError& error) {
  return contains(kClockCodes, error.code) || error.message.contains("Signature expired") ||
         error.message.contains("Signature not yet current");
}

// HEAD answers have no body: a 403 may be a skewed clock.
bool may_be_the_clock(const AwsError& error) {
  return names_the_clock(error) || (contains(kSignatureCodes, error.code) && error.status == 403);
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

bool is_throttle_code(std::string_view code) { return contains(kThrottleCodes, code); }

bool is_damage_code(std::string_view code) { return contains(kDamageCodes, code); }

Remedy remedy_for(const AwsError& error) {
  // A slot becomes free when a job ends, not when a second has passed.
  if (error.code == "ServiceQuotaExceededException") return Remedy::none;
  if (contains(kExpiredCodes, error.code)) return Remedy::renew_credentials;
  // S3 answers HEAD with an expired token by a 400 that has no body; with a wrong region too, but
  // names the right one then.
  if (error.status == 400 && error.code.empty() && error.bucket_region.empty())
    return Remedy::renew_credentials;
  if (may_be_the_clock(error)) return Remedy::correct_clock;
  if (is_throttle_code(error.code) || error.status == 429) return Remedy::wait_longer;
  if (contains(kTransientCodes, error.code) || is_damage_code(error.code)) return Remedy::wait;
  const bool transient_status =
      error.status == 500 || error.status == 502 || error.status == 503 || error.status == 504;
  return transient_status ? Remedy::wait : Remedy::none;
}

std::optional<SysTime> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return {};
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto day = number(text.substr(5, 2));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (month == kMonths.end() || !day || !year || !hour || !minute || !second) return {};
  const std::chrono::year_month_day date(
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
  return SysTime(std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                 std::chrono::minutes(*minute) + std::chrono::seconds(*second));
}

std::optional<milliseconds> skewed_by(const AwsError& error,
                                      std::string_view date_header,
                                      SysTime now) {
  if (!may_be_the_clock(error)) return std::nullopt;
  const auto theirs = parse_http_date(date_header);
  if (!theirs) return std::nullopt;
  const milliseconds ahead = *theirs - now;
  const milliseconds least =
      names_the_clock(error) ? std::chrono::seconds(1) : std::chrono::minutes(4);
  if (std::chrono::abs(ahead) <= least) return std::nullopt;
  return ahead;
}

Jitter random_jitter() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

milliseconds backoff(int failed_attempts, double jitter, std::optional<milliseconds> retry_after) {
  const double steps = std::ldexp(1000.0, std::clamp(failed_attempts - 1, 0, 20));
  const milliseconds delay(static_cast<std::int64_t>(
      jitter * std::min(steps, static_cast<double>(kBackoffMax.count()))));
  if (!retry_after) return delay;
  return std::max(delay, std::min(*retry_after, delay + milliseconds(5000)));
}

bool RetryBudget::take(int cost) {
  if (left_ < cost) return false;
  left_ -= cost;
  return true;
}

void RetryBudget::give_back(int last_cost) {
  left_ = std::min(kCapacity, left_ + std::max(1, last_cost));
}

}  // namespace quarry::aws
