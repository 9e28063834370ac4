#include "aws/sso_credentials.h"

#include "aws/testing/identity_desk.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::IdentityDesk;
using quarry::testing::run;
using quarry::testing::words;

struct Sso : ::testing::Test {
  void token(const std::string& text) {
    desk.home.write(std::filesystem::path(path()).lexically_relative(desk.home.path()).string(),
                    text);
  }
  std::string path() { return sso_token_path(profile, desk.world().environment); }
  Result<Credentials> get() {
    return run(fetch_sso_credentials(desk.world(), profile, Deadline::after(30s)));
  }
  void portal() {
    desk.client.answer(200, R"({"roleCredentials":{"accessKeyId":"ASIAS","secretAccessKey":"s",)"
                            R"("sessionToken":"t","expiration":1767326400000}})");
  }

  IdentityDesk desk;
  SsoProfile profile{
      "p", "", "https://d-1.awsapps.com/start", "eu-central-1", "123456789012", "Read Only"};
};

// The names are those of hashlib.sha1 in Python.
TEST_F(Sso, TheTokensFileIsNamedAfterTheSessionElseTheStartUrl) {
  EXPECT_EQ(path(),
            desk.home.path(".aws/sso/cache/") + "0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json");
  profile.session = "corp";
  EXPECT_EQ(path(),
            desk.home.path(".aws/sso/cache/") + "ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
}

TEST_F(Sso, ThePortalGivesTheRolesCredentialsForTheToken) {
  token(R"({"accessToken":"at","expiresAt":"2026-01-02T03:05:00Z"})");
  portal();
  const auto got = get();
  EXPECT_EQ(words(got), "ASIAS s t");
  EXPECT_EQ(got->expires_at, parse_timestamp("2026-01-02T04:00:00Z"));
  const auto& sent = desk.client.sent().at(0);
  EXPECT_EQ(sent.url,
            "https://portal.sso.eu-central-1.amazonaws.com/federation/credentials"
            "?role_name=Read%20Only&account_id=123456789012");
  EXPECT_EQ(sent.headers.get("x-amz-sso_bearer_token"), "at");
}

TEST_F(Sso, NoTokenOrAnExpiredOneAsksForASignIn) {
  EXPECT_TRUE(words(get()).ends_with("; hint: run aws sso login --profile p"));
  token(R"({"accessToken":"at","expiresAt":"2026-01-02T02:59:00Z"})");
  EXPECT_EQ(words(get()),
            "error: profile p signs in through IAM Identity Center, and its session "
            "has expired; hint: run aws sso login --profile p");
  EXPECT_TRUE(desk.client.sent().empty());
  token(R"({"accessToken":"at","expiresAt":"2026-01-02T03:05:00Z"})");
  desk.client.answer(401, R"({"message":"Session token not found or invalid"})");
  EXPECT_TRUE(words(get()).contains("its session has ended; hint: run aws sso login"));
  token("{}");
  EXPECT_TRUE(words(get()).contains("holds no token; hint: run aws sso login"));
}

TEST_F(Sso, ARefusalOfThePortalHasItsWords) {
  token(R"({"accessToken":"at","expiresAt":"2026-01-02T03:05:00Z"})");
  desk.client.answer(403, R"({"message":"No access"})",
                     {{"x-amzn-ErrorType", "ForbiddenException"}});
  EXPECT_EQ(words(get()),
            "error: GetRoleCredentials Read Only of account 123456789012: "
            "ForbiddenException: No access (HTTP 403)");
}

TEST_F(Sso, ASessionsTokenIsRenewedNearItsEndAndKeptForOthers) {
  profile.session = "corp";
  const std::string old =
      R"({"startUrl":"u","accessToken":"at","expiresAt":"2026-01-02T03:05:00Z","clientId":"ci",)"
      R"("clientSecret":"cs","refreshToken":"rt","registrationExpiresAt":"2026-03-01T00:00:00Z"})";
  token(old);
  desk.client.answer(200, R"({"accessToken":"at2","expiresIn":3600,"refreshToken":"rt2"})");
  portal();
  EXPECT_EQ(words(get()), "ASIAS s t");
  const auto& sent = desk.client.sent();
  EXPECT_EQ(sent.at(0).url, "https://oidc.eu-central-1.amazonaws.com/token");
  EXPECT_EQ(sent.at(0).body, R"({"grantType":"refresh_token","clientId":"ci","clientSecret":"cs",)"
                             R"("refreshToken":"rt"})");
  EXPECT_EQ(sent.at(1).headers.get("x-amz-sso_bearer_token"), "at2");
  std::ifstream file(path());
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(kept.contains(R"("accessToken":"at2")")) << kept;
  EXPECT_TRUE(kept.contains(R"("refreshToken":"rt2")"));
  EXPECT_TRUE(kept.contains(R"("startUrl":"u")"));
  EXPECT_TRUE(kept.contains(R"("expiresAt":"2026-01-02T04:00:00Z")"));
}

TEST_F(Sso, ASessionThatCannotBeRenewedServesToItsEnd) {
  profile.session = "corp";
  token(
      R"({"accessToken":"at","expiresAt":"2026-01-02T03:05:00Z","clientId":"ci",)"
      R"("clientSecret":"cs","refreshToken":"rt","registrationExpiresAt":"2026-03-01T00:00:00Z"})");
  desk.client.answer(400, R"({"error":"invalid_grant"})");
  portal();
  EXPECT_EQ(words(get()), "ASIAS s t");
  EXPECT_EQ(desk.client.sent().at(1).headers.get("x-amz-sso_bearer_token"), "at");
}

}  // namespace
}  // namespace quarry::aws
