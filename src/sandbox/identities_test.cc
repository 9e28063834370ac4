// Whose a key is, how long a session lasts, and what is denied in which words.

#include "sandbox/identities.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

using std::chrono::seconds;

const SysTime kNow = std::chrono::sys_days(std::chrono::year(2026) / 1 / 2);
const RoleArn kRole{.partition = "aws", .account = "", .name = "batch"};

Identities with(std::string_view document) {
  Identities identities(
      {.access_key_id = "AKIAROOT", .secret_access_key = Secret<std::string>("root")});
  identities.replace(parse_account(document).value());
  return identities;
}

TEST(Identities, KnowsTheRootUsersAndSessionsAndNobodyElse) {
  Identities identities = with(R"({"users": {"AKIACAROL": {"secret": "s", "name": "carol"}}})");
  EXPECT_EQ(identities.find("AKIAROOT")->principal.arn, "arn:aws:iam::123456789012:root");
  EXPECT_EQ(identities.find("AKIACAROL")->principal.arn, "arn:aws:iam::123456789012:user/carol");
  const Session session = identities.assume(kRole, "arn", "s", 900, kNow);
  const auto key = identities.find(session.access_key_id);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->assumed_role);
  EXPECT_EQ(key->principal.arn, "arn:aws:sts::123456789012:assumed-role/batch/s");
  EXPECT_EQ(key->session_token, session.key.session_token);
  EXPECT_EQ(key->expires, kNow + seconds(900));
  EXPECT_FALSE(identities.find("AKIANOBODY"));
}

TEST(Identities, EndsSessionsWithAResetAndNotWithANewDocument) {
  Identities identities = with("{}");
  const Session session = identities.assume(kRole, "arn", "s", 900, kNow);
  identities.replace(parse_account(R"({"instance_role": "x"})").value());
  EXPECT_TRUE(identities.find(session.access_key_id));
  identities.reset();
  EXPECT_FALSE(identities.find(session.access_key_id));
  EXPECT_TRUE(identities.find("AKIAROOT"));
  EXPECT_EQ(identities.account().instance_role, "");
}

TEST(Identities, GivesTheSameSessionUntilHalfOfItsLifeIsOver) {
  Identities identities = with(R"({"session_seconds": 100})");
  const auto given = [&](SysTime now) {
    return identities.shared_session("instance", kRole, "i", now).access_key_id;
  };
  const std::string first = given(kNow);
  EXPECT_EQ(given(kNow + seconds(49)), first);
  const std::string second = given(kNow + seconds(50));
  EXPECT_NE(second, first);
  EXPECT_EQ(identities.find(second)->expires, kNow + seconds(150));
  identities.replace(parse_account(R"({"session_seconds": 1})").value());
  EXPECT_NE(given(kNow + seconds(51)), second);
}

TEST(Identities, OverrulesTheDurationThatWasAskedFor) {
  Identities identities = with(R"({"session_seconds": 0})");
  EXPECT_EQ(identities.assume(kRole, "arn", "s", 3600, kNow).key.expires, kNow);
}

TEST(Identities, QuotesTheResourceForS3AndForNoOther) {
  const Identities identities = with(R"({"denied": [{"action": "s3:GetObject"},
                                                    {"action": "iam:PassRole"}]})");
  const Principal who = identities.find("AKIAROOT")->principal;
  EXPECT_TRUE(identities.authorize(who, "s3:PutObject", "arn:aws:s3:::b/k"));
  const auto s3 = identities.authorize(who, "s3:GetObject", "arn:aws:s3:::b/k", "AccessDenied");
  ASSERT_FALSE(s3);
  EXPECT_EQ(s3.error().code, "AccessDenied");
  EXPECT_EQ(s3.error().message,
            "User: arn:aws:iam::123456789012:root is not authorized to perform: s3:GetObject on "
            "resource: \"arn:aws:s3:::b/k\" because no identity-based policy allows the "
            "s3:GetObject action");
  const auto iam = identities.authorize(who, "iam:PassRole", "arn:role");
  ASSERT_FALSE(iam);
  EXPECT_EQ(iam.error().code, "AccessDeniedException");
  EXPECT_TRUE(iam.error().message.contains("on resource: arn:role because")) << iam.error().message;
}

TEST(Identities, KnowsAnApiKeyOnlyWhereTheAccountNamesIt) {
  const Identities identities = with(R"({"bearer_tokens": ["key"]})");
  EXPECT_TRUE(identities.of_bearer("key"));
  EXPECT_FALSE(identities.of_bearer("ke"));
  EXPECT_FALSE(identities.of_bearer(""));
}

}  // namespace
}  // namespace quarry::sandbox
