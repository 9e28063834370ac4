#include "aws/sts_client.h"

#include "aws/sts_xml.h"
#include "aws/testing/identity_desk.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::IdentityDesk;
using quarry::testing::run;
using quarry::testing::words;

constexpr const char* kRole = "arn:aws:iam::123456789012:role/R";

struct Sts : ::testing::Test {
  std::shared_ptr<StsClient> client(std::shared_ptr<CredentialProvider> signer) {
    return make_sts_client({desk.client, desk.clock, desk.pool}, std::move(signer),
                           aws_endpoint("sts", "eu-west-1"), "eu-west-1", [] { return 0.0; });
  }
  static std::shared_ptr<CredentialProvider> keys() {
    return static_credentials({"AKIDEXAMPLE", Secret<std::string>("wJalr"), Secret<std::string>()});
  }
  static std::string error_body(const std::string& code, const std::string& message) {
    return "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
           "<Type>Sender</Type><Code>" +
           code + "</Code><Message>" + message +
           "</Message></Error><RequestId>req-1</RequestId></ErrorResponse>";
  }

  IdentityDesk desk;
};

TEST_F(Sts, AssumeRoleIsASignedForm) {
  desk.sts_gives("AssumeRole", "ASIA1");
  const auto sts = client(keys());
  const auto got = run(sts->assume_role({.role_arn = kRole,
                                         .session_name = "sess@1",
                                         .external_id = "e 1",
                                         .tags = {{"team", "ml&x"}, {"b", ""}},
                                         .duration_seconds = 3600},
                                        Deadline::after(5s)));
  EXPECT_EQ(words(got), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_EQ(got->expires_at, parse_timestamp("2026-01-02T04:00:00Z"));
  const auto& sent = desk.client.sent().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(sent.body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole"
            "%2FR&RoleSessionName=sess%401&DurationSeconds=3600&ExternalId=e%201"
            "&Tags.member.1.Key=team&Tags.member.1.Value=ml%26x&Tags.member.2.Key=b"
            "&Tags.member.2.Value=");
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_TRUE(sent.headers.get("Authorization")
                  ->contains("Credential=AKIDEXAMPLE/20260102/eu-west-1/sts/aws4_request"));
}

TEST_F(Sts, AWebIdentitySpeaksForItselfAndIsNotSigned) {
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIA2");
  const auto sts = client(nullptr);
  const auto got =
      run(sts->assume_role_with_web_identity({.role_arn = kRole, .session_name = "s-1"},
                                             Secret<std::string>("e.y/J="), Deadline::after(5s)));
  EXPECT_EQ(words(got), "ASIA2 s-ASIA2 t-ASIA2");
  const auto& sent = desk.client.sent().at(0);
  EXPECT_TRUE(sent.body.ends_with("&RoleSessionName=s-1&WebIdentityToken=e.y%2FJ%3D"));
  EXPECT_FALSE(sent.headers.get("Authorization"));
}

TEST_F(Sts, AWebIdentityIsTriedAgainWhenStsCouldNotAskTheProviderOfIt) {
  desk.client.answer(400, error_body("IDPCommunicationError", "try again"));
  desk.client.answer(Error(Errc::unavailable, "reset"));
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIA2");
  const auto sts = client(nullptr);
  const auto got = run(sts->assume_role_with_web_identity(
      {.role_arn = kRole, .session_name = "s-1"}, Secret<std::string>("t"), Deadline::after(5s)));
  EXPECT_EQ(words(got), "ASIA2 s-ASIA2 t-ASIA2");
}

TEST_F(Sts, ARefusalHasItsCodeItsWordsAndNoSecret) {
  desk.client.answer(400, error_body("InvalidIdentityToken", "No OpenIDConnect provider found"));
  const auto sts = client(nullptr);
  const auto got = run(
      sts->assume_role_with_web_identity({.role_arn = kRole, .session_name = "s-1"},
                                         Secret<std::string>("tokentoken"), Deadline::after(5s)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::forbidden);
  EXPECT_EQ(got.error().reason(), "InvalidIdentityToken");
  EXPECT_EQ(got.error().message(),
            "AssumeRoleWithWebIdentity arn:aws:iam::123456789012:role/R: InvalidIdentityToken: No "
            "OpenIDConnect provider found (HTTP 400, request id req-1)");
}

TEST_F(Sts, AnAnswerThatIsCutIsCorrupt) {
  desk.client.answer(200, "<AssumeRoleResponse><AssumeRoleResult><Credentials>");
  const auto sts = client(keys());
  const auto got =
      run(sts->assume_role({.role_arn = kRole, .session_name = "s-1"}, Deadline::after(5s)));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::corrupt);
}

TEST_F(Sts, CallerIdentityIsWhoSigns) {
  desk.client.answer(200,
                     "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/"
                     "c</Arn><UserId>AIDA</UserId><Account>123456789012</Account>"
                     "</GetCallerIdentityResult></GetCallerIdentityResponse>");
  const auto sts = client(keys());
  const auto got = run(sts->caller_identity(Deadline::after(5s)));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->account, "123456789012");
  EXPECT_EQ(got->arn, "arn:aws:iam::1:user/c");
  EXPECT_EQ(got->user_id, "AIDA");
  EXPECT_EQ(desk.client.sent().at(0).body, "Action=GetCallerIdentity&Version=2011-06-15");
}

TEST(StsErrors, SayWhatTheCallerCanDo) {
  const auto code = [](int status, const char* name) {
    return sts_errc({.status = status, .code = name, .message = {}, .request_id = {}});
  };
  EXPECT_EQ(code(403, "AccessDenied"), Errc::forbidden);
  EXPECT_EQ(code(403, "InvalidClientTokenId"), Errc::forbidden);
  EXPECT_EQ(code(400, "ExpiredTokenException"), Errc::forbidden);
  EXPECT_EQ(code(400, "ValidationError"), Errc::invalid_request);
  EXPECT_EQ(code(400, "PackedPolicyTooLarge"), Errc::invalid_request);
  EXPECT_EQ(code(400, "Throttling"), Errc::throttled);
  EXPECT_EQ(code(400, "IDPCommunicationError"), Errc::unavailable);
  EXPECT_EQ(code(503, ""), Errc::unavailable);
  EXPECT_EQ(code(404, "Odd"), Errc::upstream);
}

}  // namespace
}  // namespace quarry::aws
