// What an account document says, and that nothing in it is overlooked.

#include "sandbox/account.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

std::string wrong_with(std::string_view text) {
  const auto account = parse_account(text);
  return account ? "understood" : account.error();
}

TEST(ParseAccount, ReadsEveryMember) {
  const auto account = parse_account(R"({
    "roles": {"arn:aws:iam::123456789012:role/a/batch":
              {"external_id": "x", "tags": {"team": "ml"}, "web_identity": ["t"], "denied": true}},
    "users": {"AKIACAROL": {"secret": "s", "name": "carol", "account": "210987654321"}},
    "region": "eu-west-1", "instance_role": "worker", "imds_v1": true, "container_token": "c",
    "sso": {"token": {"account_id": "210987654321", "role_name": "Admin"}},
    "session_seconds": 2, "bearer_tokens": ["key"],
    "buckets": {"b": {"owner": "210987654321", "region": "eu-west-1", "required_kms_key": "k"}},
    "kms_keys": {"k": {"state": "Disabled", "denied": ["kms:Decrypt"]}},
    "denied": [{"principal": "p", "action": "s3:*", "resource": "r"}]})");
  ASSERT_TRUE(account) << account.error();
  const AccountRole* role = account->role("arn:aws:iam::123456789012:role/a/batch");
  ASSERT_NE(role, nullptr);
  EXPECT_TRUE(role->denied);
  EXPECT_EQ(role->external_id, "x");
  EXPECT_EQ(role->tags.at("team"), "ml");
  EXPECT_EQ(role->web_identity, std::vector<std::string>{"t"});
  EXPECT_EQ(account->users.at("AKIACAROL").account, "210987654321");
  EXPECT_EQ(account->region, "eu-west-1");
  EXPECT_EQ(account->instance_role, "worker");
  EXPECT_TRUE(account->imds_v1);
  EXPECT_EQ(account->container_token, "c");
  EXPECT_EQ(account->sso.at("token").role_name, "Admin");
  EXPECT_EQ(account->session_seconds, 2);
  EXPECT_EQ(account->bearer_tokens.size(), 1U);
  EXPECT_EQ(account->owner_of("b"), "210987654321");
  EXPECT_EQ(account->bucket("b")->required_kms_key, "k");
  EXPECT_EQ(account->kms_keys.at("k").state, "Disabled");
  EXPECT_TRUE(account->denies("a p b", "s3:GetObject", "a r b"));
}

TEST(ParseAccount, NamesWhatItDoesNotKnow) {
  EXPECT_EQ(wrong_with("{"), "the account is not JSON");
  EXPECT_EQ(wrong_with("[]"), "the account is not a JSON object");
  EXPECT_EQ(wrong_with(R"({"rolls": {}})"), "an account has no member 'rolls'");
  EXPECT_EQ(wrong_with(R"({"buckets": {"b": {"owners": "1"}}})"),
            "buckets['b'] has no member 'owners'");
  EXPECT_EQ(wrong_with(R"({"session_seconds": "1"})"),
            "'session_seconds' must be a whole number from 0 to 43200");
  EXPECT_EQ(wrong_with(R"({"denied": [{"resource": "x"}]})"), "'denied[0].action' must be given");
  EXPECT_EQ(wrong_with(R"({"users": {"A": {"secret": "s", "account": "1"}}})"),
            "'users['A'].account' must be 12 digits");
}

TEST(Account, OwnsWhatItSaysNothingOf) {
  EXPECT_EQ(Account{}.owner_of("any"), "123456789012");
  EXPECT_EQ(Account{}.bucket("any"), nullptr);
}

TEST(Account, DeniesWhereEveryPartOccurs) {
  const auto account = parse_account(
      R"({"denied": [{"principal": "role/batch", "action": "iam:PassRole", "resource": "/x"}]})");
  ASSERT_TRUE(account);
  EXPECT_TRUE(account->denies("arn:assumed-role/batch/s", "iam:PassRole", "arn:role/x"));
  EXPECT_FALSE(account->denies("arn:assumed-role/other/s", "iam:PassRole", "arn:role/x"));
  EXPECT_FALSE(account->denies("arn:assumed-role/batch/s", "iam:PassRoles", "arn:role/x"));
  EXPECT_FALSE(account->denies("arn:assumed-role/batch/s", "iam:PassRole", "arn:role/y"));
}

TEST(ParseRoleArn, TakesThePathOffTheName) {
  const auto role = parse_role_arn("arn:aws-us-gov:iam::123456789012:role/a/b/name");
  ASSERT_TRUE(role);
  EXPECT_EQ(role->partition, "aws-us-gov");
  EXPECT_EQ(role->account, "123456789012");
  EXPECT_EQ(role->name, "name");
  for (const char* none : {"", "arn:aws:iam::123456789012:user/x", "arn:aws:iam::12:role/x",
                           "arn:aws:s3:::b", "arn:aws:iam::123456789012:role/"})
    EXPECT_FALSE(parse_role_arn(none)) << none;
}

}  // namespace
}  // namespace quarry::sandbox
