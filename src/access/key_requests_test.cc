#include "access/key_requests.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::access {
namespace {

store::GrantColumns applied(std::string_view body, store::GrantColumns grant = {}) {
  const auto request = parse_key_request(body);
  EXPECT_TRUE(request) << (request ? "" : request.error().message());
  if (request) apply(request->grant, 1'000, grant);
  return grant;
}

TEST(KeyRequest, TakesLiteLlmsWords) {
  const auto request = parse_key_request(
      R"({"key":"sk-given","key_alias":"a","user_id":"u","team_id":"t","duration":"30d"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->key->reveal(), "sk-given");
  EXPECT_EQ(request->key_alias, Change<std::string>(std::optional<std::string>("a")));
  EXPECT_EQ(**request->user_id, "u");
  EXPECT_EQ(**request->team_id, "t");
  EXPECT_EQ(**request->duration, (Span{30 * 86'400, 0}));
  EXPECT_TRUE(request->ignored.empty());
}

TEST(KeyRequest, NoBodyIsAsAnEmptyOne) {
  ASSERT_TRUE(parse_key_request(""));
  EXPECT_FALSE(parse_key_request("")->key_alias);
  EXPECT_TRUE(parse_team_request(""));
  EXPECT_EQ(parse_delete_keys("").error().param(), "keys");
}

TEST(KeyRequest, TellsWhatIsAbsentFromWhatIsNull) {
  const auto request = parse_key_request(R"({"key_alias":null,"user_id":"","duration":"-1"})");
  ASSERT_TRUE(request);
  ASSERT_TRUE(request->key_alias);
  EXPECT_FALSE(*request->key_alias);
  ASSERT_TRUE(request->user_id);
  EXPECT_FALSE(*request->user_id);
  ASSERT_TRUE(request->duration);
  EXPECT_FALSE(*request->duration);
  EXPECT_FALSE(request->team_id);
}

TEST(KeyRequest, NamesWhatItDoesNotKnow) {
  const auto request = parse_key_request(R"({"send_invite_email":true,"blocked":false,"x":1})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->ignored, (std::vector<std::string>{"send_invite_email", "x"}));
}

struct Wrong {
  const char* body;
  const char* param;
};

class WrongKeyRequest : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongKeyRequest, IsRefusedByTheMembersName) {
  const auto request = parse_key_request(GetParam().body);
  ASSERT_FALSE(request) << GetParam().body;
  EXPECT_EQ(request.error().code(), Errc::invalid_request);
  EXPECT_EQ(request.error().param(), GetParam().param);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    WrongKeyRequest,
    ::testing::Values(Wrong{"[]", ""},
                      Wrong{"{", ""},
                      Wrong{R"({"max_budget":-0.01})", "max_budget"},
                      Wrong{R"({"max_budget":"5"})", "max_budget"},
                      Wrong{R"({"max_budget":1e300})", "max_budget"},
                      Wrong{R"({"duration":"soon"})", "duration"},
                      Wrong{R"({"duration":30})", "duration"},
                      Wrong{R"({"budget_duration":"0d"})", "budget_duration"},
                      Wrong{R"({"models":"a"})", "models"},
                      Wrong{R"({"models":["a",1]})", "models[1]"},
                      Wrong{R"({"models":[""]})", "models[0]"},
                      Wrong{R"({"metadata":[]})", "metadata"},
                      Wrong{R"({"metadata":{"max_open_batches":0}})", "metadata.max_open_batches"},
                      Wrong{R"({"metadata":{"batch_enqueued_token_limit":"1"}})",
                            "metadata.batch_enqueued_token_limit"},
                      Wrong{R"({"max_batch_file_records":0})", "max_batch_file_records"},
                      Wrong{R"({"rpm_limit":-1})", "rpm_limit"},
                      Wrong{R"({"rpm_limit":1.5})", "rpm_limit"},
                      Wrong{R"({"tpm_limit":-1})", "tpm_limit"},
                      Wrong{R"({"blocked":"yes"})", "blocked"},
                      Wrong{"{\"user_id\":\"a\\nb\"}", "user_id"},
                      Wrong{R"({"key_alias":7})", "key_alias"}));

TEST(KeyRequest, ANameHasItsLengthsLimit) {
  const std::string body = R"({"user_id":")" + std::string(257, 'x') + R"("})";
  EXPECT_EQ(parse_key_request(body).error().param(), "user_id");
}

TEST(Grant, MoneyIsExactToTheNanoDollar) {
  EXPECT_EQ(applied(R"({"max_budget":12})").max_budget_nano_usd, 12'000'000'000);
  EXPECT_EQ(applied(R"({"max_budget":0.000000001})").max_budget_nano_usd, 1);
  EXPECT_EQ(applied(R"({"max_budget":0.1})").max_budget_nano_usd, 100'000'000);
  EXPECT_EQ(applied(R"({"max_budget":1234.567890123})").max_budget_nano_usd, 1'234'567'890'123);
  EXPECT_EQ(applied(R"({"max_budget":0})").max_budget_nano_usd, 0);
}

TEST(Grant, ALimitOfNothingIsALimit) {
  const auto grant = applied(R"({"rpm_limit":0,"tpm_limit":0,"max_parallel_requests":0})");
  EXPECT_EQ(grant.rpm_limit, 0);
  EXPECT_EQ(grant.tpm_limit, 0);
  EXPECT_EQ(grant.max_parallel_requests, 0);
}

TEST(Grant, WhatIsNotGivenStays) {
  store::GrantColumns grant;
  grant.models = {"a"};
  grant.metadata_json = R"({"x":1})";
  grant.max_budget_nano_usd = 5;
  grant.budget_duration = "1d";
  grant.budget_began = 7;
  grant.rpm_limit = 3;
  grant.blocked = true;
  store::GrantColumns same = grant;
  same.updated_at = 1'000;
  EXPECT_EQ(applied("{}", grant), same);
}

TEST(Grant, NullTakesAway) {
  store::GrantColumns grant;
  grant.models = {"a"};
  grant.metadata_json = R"({"x":1})";
  grant.max_budget_nano_usd = 5;
  grant.budget_duration = "1d";
  grant.rpm_limit = 3;
  grant = applied(
      R"({"models":null,"metadata":null,"max_budget":null,"budget_duration":null,"rpm_limit":null})",
      grant);
  EXPECT_TRUE(grant.models.empty());
  EXPECT_EQ(grant.metadata_json, "{}");
  EXPECT_FALSE(grant.max_budget_nano_usd);
  EXPECT_EQ(grant.budget_duration, "");
  EXPECT_FALSE(grant.rpm_limit);
}

// A client that fills what it does not know with null must not let a blocked key in again.
TEST(Grant, BlockedNullChangesNothing) {
  store::GrantColumns grant;
  grant.blocked = true;
  EXPECT_TRUE(applied(R"({"blocked":null})", grant).blocked);
  EXPECT_FALSE(applied(R"({"blocked":false})", grant).blocked);
}

TEST(Grant, LimitsOfTheTopLevelBecomeMetadata) {
  store::GrantColumns grant = applied(R"({"metadata":{"x":1},"max_open_batches":4})");
  EXPECT_EQ(boost::json::parse(grant.metadata_json),
            boost::json::parse(R"({"x":1,"max_open_batches":4})"));
  grant = applied(R"({"max_batch_file_records":9})", grant);
  EXPECT_EQ(boost::json::parse(grant.metadata_json),
            boost::json::parse(R"({"x":1,"max_open_batches":4,"max_batch_file_records":9})"));
  grant = applied(R"({"max_open_batches":null})", grant);
  EXPECT_EQ(boost::json::parse(grant.metadata_json),
            boost::json::parse(R"({"x":1,"max_batch_file_records":9})"));
}

// Saying the same duration again renews nothing: else whoever may update could spend without end.
TEST(Grant, APeriodBeginsWithAnotherDuration) {
  store::GrantColumns grant;
  grant.budget_duration = "1d";
  grant.budget_began = 7;
  EXPECT_EQ(applied(R"({"budget_duration":"1d"})", grant).budget_began, 7);
  EXPECT_EQ(applied(R"({"budget_duration":"2d"})", grant).budget_began, 1'000);
}

TEST(DeleteRequest, NamesAtLeastOne) {
  EXPECT_EQ(parse_delete_keys(R"({"keys":["sk-a"],"key_aliases":["b"]})")->aliases.front(), "b");
  EXPECT_EQ(parse_delete_keys("{}").error().param(), "keys");
  EXPECT_EQ(parse_delete_keys(R"({"keys":[]})").error().param(), "keys");
  EXPECT_EQ(parse_delete_keys(R"({"keys":"sk-a"})").error().param(), "keys");
  EXPECT_EQ(parse_delete_teams(R"({"team_ids":["t"]})")->front(), "t");
  EXPECT_EQ(parse_delete_teams("{}").error().param(), "team_ids");
}

}  // namespace
}  // namespace quarry::access
