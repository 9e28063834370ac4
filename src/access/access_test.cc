#include "access/authenticator.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

const std::optional<Secret<std::string>> kMaster{Secret<std::string>("sk-1234567890abcdef")};

TEST(Authenticator, LetsInWhoHasTheMasterKey) {
  const Authenticator keys(kMaster);
  EXPECT_TRUE(keys.authenticate("Bearer sk-1234567890abcdef", std::nullopt));
  EXPECT_TRUE(keys.authenticate("bearer  sk-1234567890abcdef", std::nullopt));
  EXPECT_TRUE(keys.authenticate(std::nullopt, "sk-1234567890abcdef"));
}

TEST(Authenticator, RefusesAWrongKeyAndDoesNotRepeatIt) {
  const Authenticator keys(kMaster);
  const auto refused = keys.authenticate("Bearer sk-wrong-secret-key-9999", std::nullopt);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "invalid_api_key");
  EXPECT_FALSE(refused.error().message().contains("sk-wrong-secret-key-9999"));
  EXPECT_TRUE(refused.error().message().contains("sk-...9999"));
}

TEST(Authenticator, TellsAWrongKeyWhereTheRightOneIs) {
  const auto said = [](const Authenticator& keys) {
    return keys.authenticate("Bearer wrong", std::nullopt).error().message();
  };
  EXPECT_TRUE(said(Authenticator(kMaster)).contains("general_settings.master_key"));
  EXPECT_TRUE(said(Authenticator(kMaster, "it is X")).ends_with("hint: it is X."));
}

TEST(Authenticator, SaysWhenNoKeyCame) {
  const Authenticator keys(kMaster);
  for (const auto& header :
       {std::optional<std::string_view>(), std::optional<std::string_view>("Basic abc"),
        std::optional<std::string_view>("Bearer ")}) {
    const auto refused = keys.authenticate(header, std::nullopt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "");
  }
}

TEST(Authenticator, IsOpenWithoutAMasterKey) {
  const Authenticator open(std::nullopt);
  EXPECT_TRUE(open.open());
  EXPECT_TRUE(open.authenticate("Bearer anything", std::nullopt));
  EXPECT_TRUE(open.authenticate(std::nullopt, std::nullopt));
}

}  // namespace
}  // namespace quarry::access
