#include "store/key_store.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/file_store.h"
#include "store/session.h"
#include "store/testing/scratch_database.h"
#include "store/upload_store.h"

#include <gtest/gtest.h>

namespace quarry::store {
namespace {

KeyRow key(std::string hash, std::optional<std::string> alias = std::nullopt) {
  KeyRow row;
  row.key_hash = std::move(hash);
  row.key_name = "sk-...1a2b";
  row.key_alias = std::move(alias);
  return row;
}

TeamRow team(std::string id) {
  TeamRow row;
  row.team_id = std::move(id);
  row.team_alias = "the " + row.team_id;
  return row;
}

class Keys : public ::testing::Test {
 protected:
  template <class T>
  T run(Awaitable<T> task) {
    return testing::run(std::move(task));
  }

  testing::ScratchDatabase database_;
  KeyStore store_{*database_};
};

TEST_F(Keys, AKeyComesBackAsItWasWritten) {
  ASSERT_TRUE(run(store_.insert_team(team("t"))));
  KeyRow row = key("h", "alias");
  row.user_id = "u";
  row.team_id = "t";
  row.expires_at = 1'800'000'000;
  row.grant.models = {"a", "b/*"};
  row.grant.metadata_json = R"({"x":[1]})";
  row.grant.max_budget_nano_usd = 5'000'000'001;
  row.grant.budget_duration = "1mo";
  row.grant.budget_began = 7;
  row.grant.rpm_limit = 3;
  row.grant.tpm_limit = 4;
  row.grant.max_parallel_requests = 5;
  row.grant.blocked = true;
  row.grant.created_at = 8;
  row.grant.updated_at = 9;
  ASSERT_TRUE(run(store_.insert(row)));
  for (const auto& found : {run(store_.find("h")), run(store_.find_by_alias("alias"))}) {
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(**found, row);
  }
}

TEST_F(Keys, WhatIsNotSetComesBackUnset) {
  ASSERT_TRUE(run(store_.insert(key("h"))));
  EXPECT_EQ(*run(store_.find("h")), key("h"));
  EXPECT_EQ(*run(store_.find("other")), std::nullopt);
}

TEST_F(Keys, AnAliasIsOneKeysAlone) {
  ASSERT_TRUE(run(store_.insert(key("1", "mine"))));
  const auto second = run(store_.insert(key("2", "mine")));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::conflict);
  EXPECT_EQ(second.error().param(), "key_alias");
  ASSERT_TRUE(run(store_.insert(key("2"))));
  const auto take = [](KeyRow& row) { row.key_alias = "mine"; };
  EXPECT_EQ(run(store_.update("2", take)).error().param(), "key_alias");
  EXPECT_TRUE(run(store_.update("1", take))) << "its own alias is no conflict";
}

TEST_F(Keys, TheSameKeyIsNotMadeTwice) {
  ASSERT_TRUE(run(store_.insert(key("h"))));
  const auto again = run(store_.insert(key("h")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().param(), "key");
}

TEST_F(Keys, AKeyOfNoSuchTeamIsRefusedAndNamesIt) {
  KeyRow row = key("h");
  row.team_id = "nobody";
  const auto inserted = run(store_.insert(row));
  ASSERT_FALSE(inserted);
  EXPECT_EQ(inserted.error().code(), Errc::not_found);
  EXPECT_EQ(inserted.error().param(), "team_id");
  EXPECT_TRUE(inserted.error().message().contains("'nobody'"));
}

TEST_F(Keys, AKeyThatIsGoneIsNotUpdated) {
  EXPECT_EQ(run(store_.update("h", [](KeyRow&) {})).error().code(), Errc::not_found);
  EXPECT_EQ(run(store_.update_team("t", [](TeamRow&) {})).error().code(), Errc::not_found);
}

TEST_F(Keys, AreListedNewestFirstByPagesAndFilters) {
  ASSERT_TRUE(run(store_.insert_team(team("t"))));
  for (int i = 0; i < 5; ++i) {
    KeyRow row = key(std::to_string(i));
    row.grant.created_at = i;
    row.user_id = i % 2 == 0 ? "even" : "odd";
    if (i == 3) row.team_id = "t";
    if (i == 4) row.key_alias = "four";
    ASSERT_TRUE(run(store_.insert(row)));
  }
  const auto hashes = [this](const KeyStore::Query& query) {
    const auto listed = run(store_.list(query));
    std::string joined;
    for (const KeyRow& row : listed->keys) joined += row.key_hash;
    return joined + "/" + std::to_string(listed->total);
  };
  EXPECT_EQ(hashes({}), "43210/5");
  EXPECT_EQ(hashes({.offset = 1, .limit = 2}), "32/5");
  EXPECT_EQ(hashes({.user_id = "even"}), "420/3");
  EXPECT_EQ(hashes({.team_id = "t"}), "3/1");
  EXPECT_EQ(hashes({.key_alias = "four"}), "4/1");
  EXPECT_EQ(hashes({.user_id = "odd", .key_alias = "four"}), "/0");
}

TEST_F(Keys, OnlyWhatWasThereIsSaidToBeRemoved) {
  ASSERT_TRUE(run(store_.insert(key("h"))));
  EXPECT_EQ(*run(store_.remove({"h", "x"})), (std::vector<std::string>{"h"}));
  EXPECT_EQ(*run(store_.find("h")), std::nullopt);
}

TEST_F(Keys, ATeamGoesWithItsKeys) {
  ASSERT_TRUE(run(store_.insert_team(team("t"))));
  ASSERT_TRUE(run(store_.insert_team(team("other"))));
  EXPECT_EQ(run(store_.insert_team(team("t"))).error().code(), Errc::conflict);
  KeyRow row = key("h");
  row.team_id = "t";
  ASSERT_TRUE(run(store_.insert(row)));
  ASSERT_TRUE(run(store_.insert(key("free"))));
  const auto found = run(store_.find_with_team("h"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->team, team("t"));
  const auto removed = run(store_.remove_teams({"t", "none"}));
  EXPECT_EQ(removed->team_ids, (std::vector<std::string>{"t"}));
  EXPECT_EQ(removed->key_hashes, (std::vector<std::string>{"h"}));
  EXPECT_EQ(*run(store_.find("h")), std::nullopt);
  EXPECT_TRUE(*run(store_.find("free")));
  EXPECT_EQ(*run(store_.teams()), (std::vector<TeamRow>{team("other")}));
}

// What keys and teams leave behind, each kind on its own.
class UsedBefore : public Keys, public ::testing::WithParamInterface<const char*> {
 protected:
  void leave() {
    const Ownership by{.owner = "user:u", .team_id = "t", .key_hash = "h", .user_id = "u"};
    const std::string_view what = GetParam();
    if (what == "a file") {
      FileStore files(*database_);
      FileRow file;
      file.id = FileId{"file-1"};
      file.by = by;
      ASSERT_TRUE(run(files.insert(file, {})));
    } else if (what == "a batch") {
      BatchStore batches(*database_, "worker");
      BatchRow batch;
      batch.id = BatchId{"batch_1"};
      batch.object.id = "batch_1";
      batch.by = by;
      ASSERT_TRUE(run(batches.create(batch, std::nullopt, false, 1)));
    } else if (what == "an upload") {
      UploadStore uploads(*database_);
      UploadRow upload;
      upload.id = UploadId{"upload_1"};
      upload.by = by;
      ASSERT_TRUE(run(uploads.insert(upload)));
    } else {
      ASSERT_TRUE(run(transact(*database_, [](soci::session& sql) -> Result<std::string> {
        sql << "INSERT INTO job_costs VALUES ('batch_1', 1, 'batch', 'user:u', 't', 'h', 'u', 'm', "
               "'m', 'd', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, NULL, NULL, NULL, NULL, '', '', 0, 0, 0, "
               "0, 1)";
        return "";
      })));
    }
  }
};

TEST_P(UsedBefore, ATeamsIdIsNoNewTeams) {
  ASSERT_TRUE(run(store_.insert_team(team("t"))));
  leave();
  ASSERT_TRUE(run(store_.remove_teams({"t"})));
  const auto again = run(store_.insert_team(team("t")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::conflict);
  EXPECT_EQ(again.error().param(), "team_id");
  EXPECT_TRUE(again.error().message().contains("'t' was used before"));
  EXPECT_TRUE(run(store_.insert_team(team("t2"))));
}

TEST_P(UsedBefore, AKeyIsNoNewKey) {
  ASSERT_TRUE(run(store_.insert(key("h"))));
  leave();
  ASSERT_TRUE(run(store_.remove({"h"})));
  const auto again = run(store_.insert(key("h")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Errc::conflict);
  EXPECT_EQ(again.error().param(), "key");
  EXPECT_TRUE(again.error().message().contains("was used before"));
  EXPECT_TRUE(run(store_.insert(key("h2"))));
}

INSTANTIATE_TEST_SUITE_P(Left,
                         UsedBefore,
                         ::testing::Values("a file", "a batch", "an upload", "a cost"));

TEST_F(Keys, WhatLeftNothingMayComeAgain) {
  for (int life = 0; life < 2; ++life) {
    ASSERT_TRUE(run(store_.insert_team(team("t"))));
    ASSERT_TRUE(run(store_.insert(key("h"))));
    ASSERT_TRUE(run(store_.remove_teams({"t"})));
    ASSERT_TRUE(run(store_.remove({"h"})));
  }
}

TEST_F(Keys, NothingWasSpentWhereNoJobWasPaid) {
  EXPECT_EQ(*run(store_.spent({{Party::key, "h", 0}, {Party::team, "t", std::nullopt}})),
            (std::vector<std::int64_t>{0, 0}));
}

}  // namespace
}  // namespace quarry::store
