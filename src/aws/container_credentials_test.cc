#include "aws/container_credentials.h"

#include "aws/testing/identity_desk.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using quarry::testing::IdentityDesk;

struct Container : ::testing::Test {
  std::string get() {
    const auto source = container_source(desk.world(), std::chrono::milliseconds(0));
    const auto found = desk.look(*source);
    if (!found) return "error: " + found.error().message();
    return found->credentials ? quarry::testing::words(*found->credentials)
                              : "none: " + found->absent;
  }
  void answer() { desk.client.answer(200, IdentityDesk::document("ASIAC")); }
  IdentityDesk desk;
};

TEST_F(Container, TheRelativeUriIsOfTheAgentsAddress) {
  desk.variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/x?y=1";
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://127.0.0.1/ignored";
  answer();
  EXPECT_EQ(get(), "ASIAC s-ASIAC t-ASIAC");
  EXPECT_EQ(desk.client.sent().at(0).url, "http://169.254.170.2/v2/credentials/x?y=1");
  EXPECT_FALSE(desk.client.sent().at(0).headers.get("Authorization"));
}

TEST_F(Container, WhereNothingIsSetThereIsNone) {
  EXPECT_EQ(get(),
            "none: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
  EXPECT_TRUE(desk.client.sent().empty());
}

// As botocore's ContainerMetadataFetcher; and what its URL parser would see differently is refused.
TEST(ContainerUrl, IsOnThisMachineOrHttps) {
  for (const char* good :
       {"https://anywhere.example/x", "http://localhost:1/x", "http://127.0.0.1:8080/x?y",
        "http://127.9.9.9", "http://[::1]:80/x", "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"}) {
    EXPECT_TRUE(check_container_url(good)) << good;
  }
  for (const char* bad :
       {"http://169.254.169.254/x", "http://example.com/x", "http://localhost.example.com/",
        "http://127.0.0.1@example.com/", "http://127.0.0.1\\@example.com/", "ftp://127.0.0.1/",
        "http://[::1].example.com/", "http:///x", "127.0.0.1", "http://[::2]/", "HTTP://x/"}) {
    EXPECT_FALSE(check_container_url(bad)) << bad;
  }
}

TEST_F(Container, TheTokensFileIsReadAnewAtEveryLookAndGoesBeforeTheVariable) {
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://[fd00:ec2::23]/v1/credentials";
  desk.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "of the variable";
  desk.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = desk.home.write("token", "first");
  const auto source = container_source(desk.world());
  answer();
  answer();
  ASSERT_TRUE(desk.look(*source));
  desk.home.write("token", "second");
  ASSERT_TRUE(desk.look(*source));
  EXPECT_EQ(desk.client.sent().at(0).headers.get("Authorization"), "first");
  EXPECT_EQ(desk.client.sent().at(1).headers.get("Authorization"), "second");
}

TEST_F(Container, ATokenWithALineEndIsRefusedAndNotShown) {
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/x";
  desk.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "tokentoken\r\nX-Evil: 1";
  EXPECT_EQ(get(),
            "error: the token of AWS_CONTAINER_AUTHORIZATION_TOKEN has a line end in it, "
            "which no header may have");
  EXPECT_TRUE(desk.client.sent().empty());
}

TEST_F(Container, AnAgentThatIsBusyIsAskedThreeTimes) {
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/x";
  desk.client.answer(Error(Errc::unavailable, "refused"));
  desk.client.answer(503);
  answer();
  EXPECT_EQ(get(), "ASIAC s-ASIAC t-ASIAC");
  for (int i = 0; i < 4; ++i) desk.client.answer(500);
  EXPECT_TRUE(get().starts_with("error: container credentials: HTTP 500"));
  EXPECT_EQ(desk.client.unanswered(), 1u);
}

TEST_F(Container, ARefusalIsAnErrorWithItsStatusAndNotItsBody) {
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/x";
  desk.client.answer(403, "secretsecret");
  const std::string got = get();
  EXPECT_TRUE(got.starts_with("error: container credentials: HTTP 403; hint:")) << got;
  desk.client.answer(200, "secretsecret");
  EXPECT_EQ(get(), "error: container credentials: not a JSON object");
}

}  // namespace
}  // namespace quarry::aws
