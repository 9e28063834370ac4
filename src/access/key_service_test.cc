#include "access/key_service.h"

#include "access/team_service.h"
#include "base/bytes.h"
#include "base/testing/run.h"
#include "store/testing/scratch_database.h"

#include <gtest/gtest.h>

#include <set>

namespace quarry::access {
namespace {

constexpr const char* kMasterText = "sk-master-key-of-the-server";

class Keys : public ::testing::Test {
 protected:
  template <class T>
  T run(Awaitable<T> task) {
    return testing::run(std::move(task));
  }
  Result<KeyService::Generated> generate(std::string_view body) {
    return run(service_.generate(*parse_key_request(body)));
  }
  Result<KeyView> update(std::string body) {
    return run(service_.update(*parse_key_request(body)));
  }
  // Both begin before either ends. Whether both went well.
  template <class T>
  bool at_once(Task<T> first, Task<T> second) {
    boost::asio::io_context io;
    int well = 0;
    const auto count = [&](const std::exception_ptr& error, const Result<T>& result) {
      well += !error && result ? 1 : 0;
    };
    boost::asio::co_spawn(io, std::move(first), count);
    boost::asio::co_spawn(io, std::move(second), count);
    io.run();
    return well == 2;
  }

  SystemClock clock_;
  testing::ScratchDatabase database_;
  store::KeyStore store_{*database_};
  KeyDirectory directory_{
      [this](std::string hash) { return store_.find_with_team(std::move(hash)); }, {}};
  Authenticator authenticator_{Secret<std::string>(kMasterText), directory_, clock_};
  KeyService service_{store_, directory_, authenticator_, clock_};
  TeamService teams_{store_, directory_, clock_};
};

TEST(NewKeyText, Is128RandomBitsInBase64Url) {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const std::string text = new_key_text().reveal();
    EXPECT_EQ(text.size(), 25u);
    EXPECT_TRUE(text.starts_with("sk-"));
    EXPECT_EQ(text.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 3),
              std::string::npos)
        << text;
    EXPECT_TRUE(seen.insert(text).second);
  }
}

TEST(HashOf, TakesAKeyOrItsHashAndNothingElse) {
  const std::string hash = sha256_hex("sk-x");
  EXPECT_EQ(*hash_of(Secret<std::string>("sk-x")), hash);
  EXPECT_EQ(*hash_of(Secret<std::string>(hash)), hash);
  for (const char* wrong : {"", "x", "SK-x", "9F86D081884C7D659A2FEAA0C55AD015"}) {
    EXPECT_EQ(hash_of(Secret<std::string>(wrong)).error().param(), "key") << wrong;
  }
}

TEST_F(Keys, AKeyIsKeptAsItsHashAlone) {
  const auto made = generate(R"({"key_alias":"a"})");
  ASSERT_TRUE(made);
  const std::string text = made->text.reveal();
  EXPECT_EQ(made->key.row.key_hash, sha256_hex(text));
  EXPECT_EQ(made->key.row.key_name, "sk-..." + text.substr(text.size() - 4));
  const auto found = run(service_.find(made->text));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->row, made->key.row);
}

TEST_F(Keys, AGivenKeyMustLookLikeOneAndBeNew) {
  EXPECT_EQ(generate(R"({"key":"sk-short"})").error().param(), "key");
  EXPECT_EQ(generate(R"({"key":"a-key-without-the-prefix"})").error().param(), "key");
  EXPECT_EQ(generate(R"({"key":"sk-a-key-with a space"})").error().param(), "key");
  EXPECT_EQ(generate(R"({"key":"sk-master-key-of-the-server"})").error().param(), "key");
  EXPECT_TRUE(generate(R"({"key":"sk-a-given-key-of-mine"})"));
  const auto again = generate(R"({"key":"sk-a-given-key-of-mine"})");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::invalid_request);
  EXPECT_EQ(again.error().param(), "key");
}

TEST_F(Keys, AnUnknownTeamAndATakenAliasAreTheClientsMistakes) {
  const auto no_team = generate(R"({"team_id":"nobody"})");
  ASSERT_FALSE(no_team);
  EXPECT_EQ(no_team.error().code(), Errc::invalid_request);
  EXPECT_TRUE(no_team.error().message().contains("'nobody'"));
  ASSERT_TRUE(generate(R"({"key_alias":"a"})"));
  const auto taken = generate(R"({"key_alias":"a"})");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Errc::invalid_request);
  EXPECT_EQ(taken.error().param(), "key_alias");
}

TEST_F(Keys, AChangeIsInForceAtOnce) {
  const auto made = generate("{}");
  const std::string header = "Bearer " + made->text.reveal();
  ASSERT_TRUE(run(authenticator_.authenticate(header, std::nullopt)));
  ASSERT_TRUE(update(R"({"key":")" + made->text.reveal() + R"(","models":["m"]})"));
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt))->key->grant.models,
            (std::vector<std::string>{"m"}));
  KeyRequest named;
  named.key = Secret<std::string>(made->key.row.key_hash);
  ASSERT_TRUE(run(service_.set_blocked(named, true)));
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt)).error().reason(), "key_blocked");
  ASSERT_TRUE(run(service_.set_blocked(named, false)));
  EXPECT_TRUE(run(authenticator_.authenticate(header, std::nullopt)));
  EXPECT_EQ(run(service_.remove({{made->text}, {}}))->named.size(), 1u);
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt)).error().reason(),
            "invalid_api_key");
}

TEST_F(Keys, ABlockAndAnUpdateOfAKeyAtOnceBothLast) {
  const std::string hash = generate("{}")->key.row.key_hash;
  for (int round = 1; round <= 20; ++round) {
    const bool blocked = round % 2 == 1;
    const KeyRequest limit = *parse_key_request(R"({"key":")" + hash + R"(","rpm_limit":)" +
                                                std::to_string(round) + "}");
    KeyRequest named;
    named.key = Secret<std::string>(hash);
    ASSERT_TRUE(at_once(service_.update(limit), service_.set_blocked(named, blocked)));
    const auto found = run(service_.find(Secret<std::string>(hash)));
    ASSERT_EQ(found->row.grant.blocked, blocked) << round;
    ASSERT_EQ(found->row.grant.rpm_limit, round);
  }
}

TEST_F(Keys, ABlockAndAnUpdateOfATeamAtOnceBothLast) {
  ASSERT_TRUE(run(teams_.create(*parse_team_request(R"({"team_id":"t"})"))));
  for (int round = 1; round <= 20; ++round) {
    const bool blocked = round % 2 == 1;
    const TeamRequest limit =
        *parse_team_request(R"({"team_id":"t","rpm_limit":)" + std::to_string(round) + "}");
    TeamRequest named;
    named.team_id = "t";
    ASSERT_TRUE(at_once(teams_.update(limit), teams_.set_blocked(named, blocked)));
    const auto found = run(teams_.find("t"));
    ASSERT_EQ(found->row.grant.blocked, blocked) << round;
    ASSERT_EQ(found->row.grant.rpm_limit, round);
  }
}

TEST_F(Keys, AreDeletedByTextHashAndAlias) {
  const auto first = generate("{}");
  const auto second = generate("{}");
  ASSERT_TRUE(generate(R"({"key_alias":"third"})"));
  const KeysToDelete named{{first->text, Secret<std::string>(second->key.row.key_hash)}, {"third"}};
  const auto removed = run(service_.remove(named));
  EXPECT_EQ(removed->named.size(), 3u);
  EXPECT_TRUE(removed->unknown.empty());
  EXPECT_EQ(run(service_.list({}, false))->total, 0);
  EXPECT_EQ(run(service_.remove(named)).error().code(), Errc::not_found);
}

TEST_F(Keys, OnlyThoseThatWereThereAreToldAsDeletedAndEachOnce) {
  const auto made = generate(R"({"key_alias":"here"})");
  const Secret<std::string> never("sk-nobody-has-this-one");
  const std::string no_hash(64, 'a');
  const auto removed = run(service_.remove(
      {{never, made->text, made->text, Secret<std::string>(no_hash)}, {"here", "gone"}}));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->named, (std::vector{made->text}));
  EXPECT_EQ(removed->unknown,
            (std::vector<std::string>{redacted(never.reveal()), no_hash, "gone"}));
}

TEST_F(Keys, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(update(R"({"key":"sk-nobody-has-this-one"})").error().code(), Errc::not_found);
  EXPECT_EQ(update(R"({"models":[]})").error().param(), "key");
  EXPECT_EQ(run(service_.find(Secret<std::string>("sk-x"))).error().code(), Errc::not_found);
}

TEST_F(Keys, ATeamsChangesAndEndReachItsKeys) {
  ASSERT_TRUE(run(teams_.create(*parse_team_request(R"({"team_id":"t","models":["a"]})"))));
  const auto made = generate(R"({"team_id":"t"})");
  const std::string header = "Bearer " + made->text.reveal();
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt))->key->team->grant.models.front(),
            "a");
  ASSERT_TRUE(run(teams_.update(*parse_team_request(R"({"team_id":"t","models":["b"]})"))));
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt))->key->team->grant.models.front(),
            "b");
  ASSERT_TRUE(run(teams_.set_blocked(*parse_team_request(R"({"team_id":"t"})"), true)));
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt)).error().reason(),
            "team_blocked");
  EXPECT_EQ(run(teams_.remove({"t"}))->key_hashes.size(), 1u);
  EXPECT_EQ(run(authenticator_.authenticate(header, std::nullopt)).error().reason(),
            "invalid_api_key");
}

TEST_F(Keys, ATeamWithoutAnIdIsGivenOne) {
  const auto first = run(teams_.create(*parse_team_request("{}")));
  const auto second = run(teams_.create(*parse_team_request("{}")));
  EXPECT_FALSE(first->row.team_id.empty());
  EXPECT_NE(first->row.team_id, second->row.team_id);
  EXPECT_EQ(run(teams_.list())->size(), 2u);
}

}  // namespace
}  // namespace quarry::access
