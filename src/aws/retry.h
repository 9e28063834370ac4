#pragma once
// AWS's "standard" retry mode (AWS SDKs and Tools Reference Guide, "Retry behavior";
// botocore/retries/standard.py): what is worth another attempt, when, and how many of them the
// moment can bear. Pure; randomness is injected.

#include "base/clock.h"
#include "base/result.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::aws {

// An answer that is a failure, in words all of AWS's protocols share.
struct AwsError {
  int status = 0;    // HTTP's; may be 200 (CompleteMultipartUpload)
  std::string code;  // AWS's name of the error; "" where the answer had no body (HEAD)
  std::string message;
  std::string request_id;
  // S3's, where it says them: the region that the bucket is in, and the host to ask instead.
  std::string bucket_region = {};
  std::string endpoint = {};
};

enum class Remedy {
  none,               // repeating it cannot help
  wait,               // transient: 5xx, RequestTimeout, a lost connection
  wait_longer,        // throttled
  correct_clock,      // our clock and AWS's differ; see skewed_by()
  renew_credentials,  // the session token has expired
};
Remedy remedy_for(const AwsError& error);
bool is_throttle_code(std::string_view code);
// The bytes that arrived are not those that were sent.
bool is_damage_code(std::string_view code);

// How far AWS's clock is ahead of `now`, if the answer's Date header makes clear that this was the
// fault: any difference above a second where AWS said so, above four minutes where the signature
// was refused for no named reason.
std::optional<std::chrono::milliseconds> skewed_by(const AwsError& error,
                                                   std::string_view date_header,
                                                   SysTime now);
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7, IMF-fixdate).
std::optional<SysTime> parse_http_date(std::string_view text);

// A number in [0, 1).
using Jitter = std::function<double()>;
Jitter random_jitter();

inline constexpr int kAttemptsMax = 3;
inline constexpr std::chrono::milliseconds kBackoffMax{20'000};

// Before attempt number `failed_attempts + 1`: full jitter over 1 s, 2 s, 4 s…, at most 20 s. AWS's
// x-amz-retry-after (ms) may lengthen it by up to 5 s.
std::chrono::milliseconds backoff(int failed_attempts,
                                  double jitter,
                                  std::optional<std::chrono::milliseconds> retry_after);

// The tokens that retries of all calls to one service share: when much fails, few retry. Loop
// thread.
class RetryBudget {
 public:
  static constexpr int kCapacity = 500;
  static constexpr int kRetryCost = 5;
  static constexpr int kTimeoutCost = 10;

  // False, and nothing taken, if there is too little.
  bool take(int cost);
  // After a success: what its last retry took comes back; a first-attempt success earns one.
  void give_back(int last_cost);
  int left() const { return left_; }

 private:
  int left_ = kCapacity;
};

}  // namespace quarry::aws
