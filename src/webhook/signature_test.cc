// Expected values: the example of the Standard Webhooks specification ("Signature scheme"), also in
// the tests of its libraries, and Python's hmac. tests/e2e/test_webhooks.py holds what is delivered
// to those libraries themselves.

#include "webhook/signature.h"

#include <gtest/gtest.h>

namespace quarry::webhook {
namespace {

Secret<std::string> key_of(std::string_view secret) {
  const auto key = signing_key(Secret<std::string>(std::string(secret)));
  EXPECT_TRUE(key);
  return key.value_or(Secret<std::string>());
}

TEST(Signature, IsTheSpecificationsOwnExample) {
  EXPECT_EQ(signature(key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                      "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(Signature, CoversTheIdTheTimeAndTheBody) {
  const auto key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const std::string of_all = signature(key, "wh_1", 1, "{}");
  EXPECT_NE(signature(key, "wh_2", 1, "{}"), of_all);
  EXPECT_NE(signature(key, "wh_1", 2, "{}"), of_all);
  EXPECT_NE(signature(key, "wh_1", 1, "{ }"), of_all);
  EXPECT_NE(signature(key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"), "wh_1", 1, "{}"), of_all);
}

TEST(SigningKey, IsWhatTheBase64StandsFor) {
  EXPECT_EQ(key_of("whsec_aGVsbG8=").reveal(), "hello");
}

TEST(SigningKey, IsNothingElse) {
  for (const char* secret : {"", "whsec_", "aGVsbG8=", "whsec_aGVsbG8",
                             "whsec_aGV sbG8=", "WHSEC_aGVsbG8=", "whsec_a-_="}) {
    EXPECT_FALSE(signing_key(Secret<std::string>(secret))) << secret;
  }
}

}  // namespace
}  // namespace quarry::webhook
