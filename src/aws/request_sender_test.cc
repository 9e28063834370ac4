#include "aws/request_sender.h"

#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <gtest/gtest.h>

#include <set>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

constexpr SysTime kNow{std::chrono::sys_days(std::chrono::year(2026) / 1 / 2) + 3h + 4min + 5s};

// A new session token after each forget().
class Rotating final : public CredentialProvider {
 public:
  Task<Credentials> get(Deadline) override {
    co_return Credentials{"AKID",
                          Secret<std::string>("s"),
                          Secret<std::string>("token" + std::to_string(forgotten)),
                          std::nullopt,
                          "test",
                          {}};
  }
  void forget() override { ++forgotten; }
  int forgotten = 0;
};

// The code is the header x-code.
std::optional<AwsError> find_error(const http::ClientResponse& response) {
  if (response.status / 100 == 2) return std::nullopt;
  return AwsError{.status = response.status,
                  .code = std::string(response.headers.get("x-code").value_or("")),
                  .message = response.body};
}

struct Sender : ::testing::Test {
  ScriptedClient client;
  StandingClock clock{kNow};
  BlockingPool pool{1};
  std::shared_ptr<Rotating> credentials = std::make_shared<Rotating>();
  double jitter = 0.0;
  SenderOptions options{.endpoint = *parse_endpoint("http://localhost:4566"),
                        .scope = {"us-east-1", "s3", PathRule::as_is},
                        .find_error = find_error,
                        .jitter = [this] { return jitter; }};
  std::unique_ptr<RequestSender> sender;

  AwsRequest request() {
    AwsRequest out;
    out.operation = "Op";
    out.subject = "thing";
    out.path = "/b/k";
    return out;
  }
  Result<AwsReply> send(AwsRequest what, std::chrono::milliseconds time = 10s) {
    if (!sender) {
      sender = std::make_unique<RequestSender>(Wire{client, clock, pool}, credentials, options);
    }
    return run(sender->send(std::move(what), Deadline::after(time)));
  }
  void refuse(int status, std::string code, http::Headers headers = {}) {
    headers.set("x-code", std::move(code));
    client.answer(status, "message", std::move(headers));
  }
};

TEST_F(Sender, SignsWhatItSendsAndLeavesHostToTheClient) {
  client.answer(200, "ok");
  AwsRequest what = request();
  what.query = "list-type=2&prefix=a%2Fb";
  ASSERT_TRUE(send(std::move(what)));
  const auto& sent = client.sent().at(0);
  EXPECT_EQ(sent.url, "http://localhost:4566/b/k?list-type=2&prefix=a%2Fb");
  EXPECT_EQ(sent.headers.count("Host"), 0u);
  EXPECT_EQ(sent.headers.get("X-Amz-Date"), "20260102T030405Z");
  EXPECT_TRUE(sent.headers.get("Authorization")
                  ->contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                             "x-amz-security-token"));
}

TEST_F(Sender, SendsAnApiKeyInsteadOfASignature) {
  options.scope = {"us-east-1", "bedrock", PathRule::encode_again};
  RequestSender with_key(Wire{client, clock, pool},
                         bearer_credentials(Secret<std::string>("bedrock-api-key-x")), options);
  client.answer(200);
  const auto reply = run(with_key.send(request(), Deadline::after(1s)));
  ASSERT_TRUE(reply) << reply.error().message();
  const auto& headers = client.sent().at(0).headers;
  EXPECT_EQ(headers.get("Authorization"), "Bearer bedrock-api-key-x");
  EXPECT_EQ(headers.count("X-Amz-Date"), 0u);
  EXPECT_EQ(headers.count("Host"), 0u);
}

TEST_F(Sender, PutsTheEndpointsBasePathBeforeThePath) {
  options.endpoint = *parse_endpoint("http://gateway/s3/");
  client.answer(200);
  ASSERT_TRUE(send(request()));
  EXPECT_EQ(client.sent().at(0).url, "http://gateway/s3/b/k");
}

TEST_F(Sender, ReadsTheClockOncePerAttempt) {
  refuse(503, "ServiceUnavailable");
  client.answer(200);
  ASSERT_TRUE(send(request()));
  EXPECT_EQ(clock.asked, 2);
}

TEST_F(Sender, RepeatsATransientFailureWithTheSameBody) {
  const std::string body = "hello";
  refuse(500, "InternalError");
  client.answer(Error(Errc::unavailable, "connection reset"));
  client.answer(200, "ok");
  AwsRequest what = request();
  what.method = "PUT";
  what.body = as_bytes(body);
  const auto reply = send(std::move(what));
  ASSERT_TRUE(reply);
  EXPECT_FALSE(reply->failure);
  EXPECT_EQ(reply->attempts, 3);
  for (const auto& sent : client.sent()) EXPECT_EQ(sent.body, "hello");
}

TEST_F(Sender, GivesUpAfterThreeAttemptsWithAwssOwnWords) {
  for (int i = 0; i < 4; ++i) refuse(503, "SlowDown");
  const auto reply = send(request());
  ASSERT_TRUE(reply);
  ASSERT_TRUE(reply->failure);
  EXPECT_EQ(reply->failure->code, "SlowDown");
  EXPECT_EQ(client.sent().size(), 3u);
}

TEST_F(Sender, GivesUpAfterThreeLostConnectionsAndNamesTheCall) {
  for (int i = 0; i < 4; ++i) client.answer(Error(Errc::unavailable, "connect: refused"));
  const auto reply = send(request());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::unavailable);
  EXPECT_EQ(reply.error().message(), "Op thing: connect: refused");
  EXPECT_EQ(client.sent().size(), 3u);
}

TEST_F(Sender, DoesNotRepeatWhatCannotHelp) {
  refuse(403, "AccessDenied");
  ASSERT_TRUE(send(request())->failure);
  client.answer(Error(Errc::upstream, "the body is over the bound"));
  EXPECT_EQ(send(request()).error().code(), Errc::upstream);
  client.answer(Error(Errc::cancelled, "stopped"));
  EXPECT_EQ(send(request()).error().code(), Errc::cancelled);
  EXPECT_EQ(client.sent().size(), 3u);
}

TEST_F(Sender, DoesNotWaitPastTheDeadline) {
  jitter = 1.0;  // a whole second before the second attempt
  refuse(503, "SlowDown");
  const auto began = std::chrono::steady_clock::now();
  const auto reply = send(request(), 500ms);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 400ms);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->failure->code, "SlowDown");
}

TEST_F(Sender, GivesEveryAttemptItsShareOfTheDeadline) {
  options.attempt_timeout = 50ms;
  client.answer(Error(Errc::deadline_exceeded, "no answer in time"));
  client.answer(200);
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(send(request(), 10s));
  EXPECT_EQ(client.sent().size(), 2u);
  EXPECT_LT(client.sent().at(0).deadline.at(), before + 9s);
}

TEST_F(Sender, WaitsAsLongAsAwsAsks) {
  refuse(503, "SlowDown", {{"x-amz-retry-after", "60"}});
  client.answer(200);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(send(request()));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 60ms);
}

TEST_F(Sender, StopsRepeatingWhenTheSharedBudgetIsSpent) {
  // Each failed call takes 5 tokens twice; 50 calls take all 500.
  for (int i = 0; i < 50; ++i) {
    for (int attempt = 0; attempt < 3; ++attempt) refuse(503, "ServiceUnavailable");
    ASSERT_TRUE(send(request())->failure);
  }
  EXPECT_EQ(sender->retry_tokens(), 0);
  refuse(503, "ServiceUnavailable");
  EXPECT_EQ(send(request())->attempts, 1);
}

TEST_F(Sender, ATimeoutCostsMoreThanARefusal) {
  client.answer(Error(Errc::deadline_exceeded, "no answer in time"));
  refuse(403, "AccessDenied");
  ASSERT_TRUE(send(request()));
  EXPECT_EQ(sender->retry_tokens(), 490);
}

TEST_F(Sender, RenewsExpiredCredentialsOnceAndSignsWithTheNewOnes) {
  refuse(403, "ExpiredTokenException");
  client.answer(200);
  ASSERT_FALSE(send(request())->failure);
  EXPECT_EQ(credentials->forgotten, 1);
  EXPECT_EQ(client.sent().at(0).headers.get("X-Amz-Security-Token"), "token0");
  EXPECT_EQ(client.sent().at(1).headers.get("X-Amz-Security-Token"), "token1");
}

TEST_F(Sender, DoesNotRenewCredentialsTwice) {
  refuse(400, "ExpiredToken");
  refuse(400, "ExpiredToken");
  const auto reply = send(request());
  ASSERT_TRUE(reply->failure);
  EXPECT_EQ(credentials->forgotten, 1);
  EXPECT_EQ(client.sent().size(), 2u);
}

TEST_F(Sender, CorrectsItsClockFromTheDateHeaderAndKeepsTheCorrection) {
  refuse(403, "RequestTimeTooSkewed", {{"Date", "Fri, 02 Jan 2026 03:34:05 GMT"}});
  client.answer(200);
  ASSERT_FALSE(send(request())->failure);
  EXPECT_EQ(client.sent().at(1).headers.get("X-Amz-Date"), "20260102T033405Z");
  client.answer(200);
  ASSERT_TRUE(send(request()));
  EXPECT_EQ(client.sent().at(2).headers.get("X-Amz-Date"), "20260102T033405Z");
}

TEST_F(Sender, DoesNotRepeatARefusedSignatureWhenTheClockIsRight) {
  refuse(403, "SignatureDoesNotMatch", {{"Date", "Fri, 02 Jan 2026 03:04:06 GMT"}});
  ASSERT_TRUE(send(request())->failure);
  EXPECT_EQ(client.sent().size(), 1u);
}

TEST_F(Sender, HashesEveryBodyOverPlainHttp) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
    const std::string body(size, 'x');
    client.answer(200);
    AwsRequest what = request();
    what.body = as_bytes(body);
    ASSERT_TRUE(send(std::move(what)));
    EXPECT_EQ(client.sent().back().headers.get("x-amz-content-sha256"), sha256_hex(body));
  }
}

TEST_F(Sender, LeavesLargeBodiesToTlsForS3Only) {
  const std::string body(300'000, 'x');
  for (const char* service : {"s3", "bedrock"}) {
    options.endpoint = *parse_endpoint("https://host");
    options.scope.service = service;
    sender.reset();
    client.answer(200);
    AwsRequest what = request();
    what.body = as_bytes(body);
    ASSERT_TRUE(send(std::move(what)));
  }
  EXPECT_EQ(client.sent().at(0).headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  EXPECT_EQ(client.sent().at(1).headers.count("x-amz-content-sha256"), 0u);
}

TEST_F(Sender, SaysWhichCallHadNoCredentials) {
  RequestSender without(Wire{client, clock, pool},
                        environment_credentials([](const std::string&) { return std::nullopt; }),
                        options);
  const auto reply = run(without.send(request(), Deadline::after(1s)));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), Errc::forbidden);
  EXPECT_TRUE(reply.error().message().starts_with("Op thing: no AWS credentials"));
  EXPECT_TRUE(client.sent().empty());
}

TEST(ToError, CarriesCodeOperationSubjectAndRequestId) {
  const Error error = to_error(
      Errc::throttled, {.status = 503, .code = "SlowDown", .message = "Slow.", .request_id = "R1"},
      "PutObject", "s3://b/k");
  EXPECT_EQ(error.message(), "PutObject s3://b/k: SlowDown: Slow. (HTTP 503, request id R1)");
  EXPECT_EQ(error.reason(), "SlowDown");
}

}  // namespace
}  // namespace quarry::aws
