#include "access/authenticator.h"

#include "access/key_service.h"
#include "base/bytes.h"
#include "base/testing/run.h"
#include "store/testing/scratch_database.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

constexpr const char* kMasterText = "sk-1234567890abcdef";
constexpr const char* kKeyText = "sk-a-key-of-a-client-1a2b";

class SetClock final : public Clock {
 public:
  SysTime now() const override { return SysTime(std::chrono::seconds(seconds)); }
  std::int64_t seconds = 1'800'000'000;
};

class Authentication : public ::testing::Test {
 protected:
  template <class T>
  T run(Awaitable<T> task) {
    return testing::run(std::move(task));
  }
  Result<Caller> ask(std::string_view key) {
    const std::string header = "Bearer " + std::string(key);
    return run(keys_.authenticate(header, std::nullopt));
  }
  std::string reason_for(std::string_view key) {
    const auto caller = ask(key);
    return caller ? "let in" : caller.error().reason();
  }
  Task<std::optional<store::KeyStore::Membership>> look_up(std::string hash) {
    if (away_) co_return fail(*away_);
    co_return co_await store_.find_with_team(std::move(hash));
  }
  store::KeyRow row() {
    store::KeyRow key;
    key.key_hash = sha256_hex(kKeyText);
    key.key_name = redacted(kKeyText);
    return key;
  }
  void insert(const store::KeyRow& key) { ASSERT_TRUE(run(store_.insert(key))); }
  void change(const store::KeyRow& key) {
    ASSERT_TRUE(run(store_.update(key.key_hash, [&](store::KeyRow& row) { row = key; })));
    directory_.forget(key.key_hash);
  }

  SetClock clock_;
  std::chrono::steady_clock::time_point now_{};
  testing::ScratchDatabase database_;
  store::KeyStore store_{*database_};
  std::optional<Error> away_;  // what the database says when it is
  KeyDirectory directory_{
      [this](std::string hash) { return look_up(std::move(hash)); }, {}, [this] { return now_; }};
  const std::optional<Secret<std::string>> master_{Secret<std::string>(kMasterText)};
  Authenticator keys_{master_, directory_, clock_};
};

TEST_F(Authentication, LetsInWhoHasTheMasterKey) {
  for (const std::string_view header :
       {"Bearer sk-1234567890abcdef", "bearer  sk-1234567890abcdef"}) {
    const auto caller = run(keys_.authenticate(header, std::nullopt));
    ASSERT_TRUE(caller) << header;
    EXPECT_TRUE(caller->admin());
    EXPECT_TRUE(caller->viewer().all);
    EXPECT_EQ(caller->by.owner, "master");
  }
  EXPECT_TRUE(run(keys_.authenticate(std::nullopt, kMasterText)));
}

TEST_F(Authentication, RefusesAWrongKeyAndDoesNotRepeatIt) {
  for (const std::string_view wrong :
       {"sk-wrong-secret-key-9999", "no-prefix-secret-key-9999", "sk-9999"}) {
    const auto refused = ask(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::forbidden);
    EXPECT_EQ(refused.error().reason(), "invalid_api_key");
    EXPECT_FALSE(refused.error().message().contains(wrong)) << wrong;
  }
  EXPECT_TRUE(ask("sk-wrong-secret-key-9999").error().message().contains("sk-...9999"));
}

TEST_F(Authentication, TellsAWrongKeyWhereTheRightOneIs) {
  EXPECT_TRUE(ask("wrong").error().message().contains("general_settings.master_key"));
  Authenticator hinting(master_, directory_, clock_, "it is X");
  const auto refused = run(hinting.authenticate("Bearer wrong", std::nullopt));
  EXPECT_TRUE(refused.error().message().ends_with("hint: it is X."));
}

TEST_F(Authentication, SaysWhenNoKeyCame) {
  for (const auto& header :
       {std::optional<std::string_view>(), std::optional<std::string_view>("Basic abc"),
        std::optional<std::string_view>("Bearer ")}) {
    const auto refused = run(keys_.authenticate(header, std::nullopt));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().reason(), "");
  }
}

TEST_F(Authentication, IsOpenWithoutAMasterKey) {
  Authenticator open(std::nullopt, directory_, clock_);
  EXPECT_TRUE(open.open());
  for (const auto& header :
       {std::optional<std::string_view>("Bearer anything"), std::optional<std::string_view>()}) {
    const auto caller = run(open.authenticate(header, std::nullopt));
    ASSERT_TRUE(caller);
    EXPECT_TRUE(caller->admin());
  }
  EXPECT_FALSE(open.is_master(sha256_hex("")));
}

TEST_F(Authentication, AKeysObjectsAreItsUsersAndWithoutOneItsOwn) {
  store::KeyRow key = row();
  insert(key);
  auto caller = ask(kKeyText);
  ASSERT_TRUE(caller);
  EXPECT_FALSE(caller->admin());
  EXPECT_EQ(caller->by, (store::Ownership{"key:" + key.key_hash, std::nullopt, key.key_hash, ""}));
  EXPECT_EQ(caller->viewer(), (store::Viewer{"key:" + key.key_hash}));

  ASSERT_TRUE(run(store_.insert_team({"t", "", {}})));
  key.user_id = "ann";
  key.team_id = "t";
  change(key);
  caller = ask(kKeyText);
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->by, (store::Ownership{"user:ann", "t", key.key_hash, "ann"}));
  EXPECT_EQ(caller->viewer(), (store::Viewer{"user:ann", "t", false, "key:" + key.key_hash}))
      << "and what the key made before it had a user";
}

TEST_F(Authentication, ABlockedKeyIsRefusedAndSoIsOneOfABlockedTeam) {
  store::KeyRow key = row();
  key.grant.blocked = true;
  insert(key);
  EXPECT_EQ(reason_for(kKeyText), "key_blocked");
  store::TeamRow team{"t", "", {}};
  team.grant.blocked = true;
  ASSERT_TRUE(run(store_.insert_team(team)));
  key.grant.blocked = false;
  key.team_id = "t";
  change(key);
  EXPECT_EQ(reason_for(kKeyText), "team_blocked");
}

TEST_F(Authentication, AKeyExpiresInTheSecondThatItNames) {
  store::KeyRow key = row();
  key.expires_at = clock_.seconds + 10;
  insert(key);
  clock_.seconds += 9;
  EXPECT_EQ(reason_for(kKeyText), "let in");
  clock_.seconds += 1;
  const auto refused = ask(kKeyText);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "expired_key");
  EXPECT_TRUE(refused.error().message().contains("2027-01-15T08:00:10"))
      << refused.error().message();
}

TEST_F(Authentication, WhatAnotherServerChangedIsKnownWhenTheMemoryIsNoLongerFresh) {
  insert(row());
  EXPECT_EQ(reason_for(kKeyText), "let in");
  ASSERT_TRUE(run(store_.remove({row().key_hash})));  // past this server's directory
  now_ += KeyDirectory::kFresh - std::chrono::milliseconds(1);
  EXPECT_EQ(reason_for(kKeyText), "let in");
  now_ += std::chrono::milliseconds(1);
  EXPECT_EQ(reason_for(kKeyText), "invalid_api_key");
}

TEST_F(Authentication, WhatThisServerForgotIsAskedForAtOnce) {
  insert(row());
  EXPECT_EQ(reason_for(kKeyText), "let in");
  ASSERT_TRUE(run(store_.remove({row().key_hash})));
  directory_.forget(row().key_hash);
  EXPECT_EQ(reason_for(kKeyText), "invalid_api_key");
  insert(row());
  directory_.forget_all();
  EXPECT_EQ(reason_for(kKeyText), "let in");
}

// Nobody is told that a good key is wrong because a database was away.
TEST_F(Authentication, WithoutADatabaseAKnownKeyIsLetInForAWhileAndOthersAreToWait) {
  insert(row());
  EXPECT_EQ(reason_for(kKeyText), "let in");
  away_ = Error(Errc::internal, "database: gone");
  now_ += KeyDirectory::kFresh;
  EXPECT_EQ(reason_for(kKeyText), "let in");
  const auto other = ask("sk-another-key-of-a-client");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::unavailable);
  now_ += KeyDirectory::kStale;
  const auto later = ask(kKeyText);
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code(), Errc::unavailable);
  EXPECT_EQ(reason_for(kMasterText), "let in");
}

}  // namespace
}  // namespace quarry::access
