// That what AWS says becomes a label only where it is one of few words.
#include "aws/call_metrics.h"

#include "obs/metrics.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

Result<http::ClientResponse> answer(int status) {
  http::ClientResponse response;
  response.status = status;
  return response;
}

TEST(CallCode, IsAwssOwnOrTheStatus) {
  EXPECT_EQ(call_code(answer(200), std::nullopt), "ok");
  EXPECT_EQ(call_code(answer(503), AwsError{.status = 503, .code = "SlowDown"}), "SlowDown");
  EXPECT_EQ(call_code(answer(400), AwsError{.status = 400, .code = "KMS.ThrottlingException"}),
            "KMS.ThrottlingException");
  EXPECT_EQ(call_code(answer(404), AwsError{.status = 404}), "http_404");
}

TEST(CallCode, SaysWhyThereWasNoAnswer) {
  EXPECT_EQ(call_code(fail(Errc::unavailable, "connection refused by 10.0.0.1"), std::nullopt),
            "unavailable");
  EXPECT_EQ(call_code(fail(Errc::deadline_exceeded, "late"), std::nullopt), "deadline_exceeded");
}

TEST(CallCode, IsNoTextThatSomebodyMadeUp) {
  EXPECT_EQ(call_code(answer(400), AwsError{.status = 400, .code = "No such bucket: mine"}),
            "other");
  EXPECT_EQ(call_code(answer(400), AwsError{.status = 400, .code = std::string(65, 'a')}), "other");
  EXPECT_EQ(call_code(answer(400), AwsError{.status = 99'999}), "other");
}

TEST(CountCall, CountsTheTryAndWhetherItWasThrottled) {
  const AwsError slow{.status = 503, .code = "SlowDown"};
  count_call("s3", "Counted", answer(503), slow, std::chrono::milliseconds(3));
  count_call("s3", "Counted", answer(200), std::nullopt, std::chrono::milliseconds(3));
  EXPECT_EQ(obs::value_of(obs::Counter::aws_requests, {"s3", "Counted", "SlowDown"}), 1);
  EXPECT_EQ(obs::value_of(obs::Counter::aws_requests, {"s3", "Counted", "ok"}), 1);
  EXPECT_EQ(obs::value_of(obs::Counter::aws_throttles, {"s3", "Counted"}), 1);
}

}  // namespace
}  // namespace quarry::aws
