// Pages and sums of one viewer among many: what they hold, and that they cost what they hold.
#include "store/pages.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/session.h"
#include "store/spend_store.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::store {
namespace {

using Names = std::vector<std::string>;

class Pages : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(std::move(task));
  }

  void create(const std::string& id, Ownership by) {
    BatchRow row;
    row.id = BatchId{id};
    row.by = std::move(by);
    row.object.endpoint = "/v1/chat/completions";
    ASSERT_TRUE(run(batches_.create(row, std::nullopt, true, 1'000'000)));
  }
  void insert(const std::string& id, Ownership by, std::string purpose) {
    FileRow row;
    row.id = FileId{id};
    row.by = std::move(by);
    row.purpose = std::move(purpose);
    ASSERT_TRUE(run(files_.insert(row, {})));
  }

  // The ids of all pages, in their order.
  template <class List>
  static Names walk(ListQuery query, List list) {
    Names ids;
    for (int pages = 0; pages < 20; ++pages) {
      const auto page = list(query);
      EXPECT_TRUE(page);
      if (!page) break;
      EXPECT_LE(static_cast<std::int64_t>(page->rows.size()), query.limit);
      for (const auto& row : page->rows) ids.push_back(row.id.value);
      if (!page->has_more) break;
      query.after = ids.back();
    }
    return ids;
  }
  Names batches_of(const Viewer& viewer, std::int64_t limit) {
    return walk({viewer, limit, false, "", ""},
                [&](const ListQuery& query) { return run(batches_.list(query)); });
  }
  Names files_of(const Viewer& viewer, bool ascending, const std::string& purpose) {
    return walk({viewer, 2, ascending, "", purpose},
                [&](const ListQuery& query) { return run(files_.list(query, 1)); });
  }

  testing::ScratchDatabase database_;
  BatchStore batches_{*database_, "worker"};
  FileStore files_{*database_};
};

// SQLite's plans are the same whatever the tables hold.
class Plans : public ::testing::Test {
 protected:
  // A line a step; or the error.
  std::string plan(const std::string& statement, Conditions values) {
    std::string steps;
    const auto explained = testing::run(transact(sqlite_, [&](soci::session& sql) -> Result<void> {
      values.select(sql, "EXPLAIN QUERY PLAN " + statement,
                    [&](const soci::row& row) { steps += row.get<std::string>("detail") + "\n"; });
      return {};
    }));
    return explained ? steps : explained.error().message();
  }
  std::string plan_of_page(std::string_view table, const Viewer& viewer) {
    PageStatement page = page_statement({.table = table, .columns = "id, key_hash"},
                                        {viewer, 20, false, "x", ""}, 1000);
    return plan(page.text, std::move(page.values));
  }
  std::string plan_of_sum(std::string_view table, const Viewer& viewer, std::string condition) {
    Conditions where(viewer);
    where.add(std::move(condition));
    return plan(fmt::format("SELECT SUM(cost_nano_usd) FROM {} WHERE {}", table, where.text()),
                where);
  }

  testing::ScratchDatabase directory_;
  Database sqlite_{{.data_dir = directory_.directory() / "sqlite"}};
};

TEST_F(Pages, OfATeamHoldWhatIsMineAndWhatIsTheTeamsOnceAndInOrder) {
  create("batch_1", {.owner = "me"});
  create("batch_2", {.owner = "me", .team_id = "ours"});
  create("batch_3", {.owner = "you", .team_id = "ours"});
  create("batch_4", {.owner = "you"});
  create("batch_5", {.owner = "me", .team_id = "theirs"});
  create("batch_6", {.owner = "you", .team_id = "ours"});
  create("batch_7", {.owner = "me", .team_id = "ours"});
  for (const std::int64_t limit : {1, 2, 3, 20}) {
    EXPECT_EQ(batches_of({"me", "ours"}, limit),
              (Names{"batch_7", "batch_6", "batch_5", "batch_3", "batch_2", "batch_1"}));
    EXPECT_EQ(batches_of({"me"}, limit), (Names{"batch_7", "batch_5", "batch_2", "batch_1"}));
    EXPECT_EQ(batches_of({"else", "theirs"}, limit), (Names{"batch_5"}));
    EXPECT_EQ(batches_of({.owner = "master", .all = true}, limit).size(), 7u);
  }
  const auto hidden = run(batches_.list({Viewer{"me", "ours"}, 5, false, "batch_4", ""}));
  EXPECT_EQ(hidden.error().param(), "after");
}

TEST_F(Pages, OfAKeyThatWasGivenAUserHoldWhatItMadeBeforeOnceAndInOrder) {
  create("batch_1", {.owner = "key:k"});
  create("batch_2", {.owner = "user:ann"});
  create("batch_3", {.owner = "key:other"});
  create("batch_4", {.owner = "key:k", .team_id = "ours"});
  create("batch_5", {.owner = "key:other", .team_id = "ours"});
  const Viewer alone{.owner = "user:ann", .key_owner = "key:k"};
  const Viewer of_team{.owner = "user:ann", .team_id = "ours", .key_owner = "key:k"};
  for (const std::int64_t limit : {1, 2, 20}) {
    EXPECT_EQ(batches_of(alone, limit), (Names{"batch_4", "batch_2", "batch_1"}));
    EXPECT_EQ(batches_of(of_team, limit), (Names{"batch_5", "batch_4", "batch_2", "batch_1"}));
    EXPECT_EQ(batches_of({"user:ann"}, limit), (Names{"batch_2"}));
  }
  EXPECT_TRUE(run(batches_.find(BatchId{"batch_1"}, alone)));
  EXPECT_EQ(run(batches_.find(BatchId{"batch_3"}, alone)).error().code(), Errc::not_found);
  EXPECT_FALSE(run(batches_.find(BatchId{"batch_1"}, Viewer{"user:ann"})));
  EXPECT_TRUE(sees(alone, {.owner = "key:k"}));
  EXPECT_FALSE(sees(alone, {.owner = "key:other"}));
  EXPECT_FALSE(sees(Viewer{"user:ann"}, Ownership{}));
}

TEST_F(Pages, OfFilesAreOfAPurposeInBothOrders) {
  insert("file-1", {.owner = "me"}, "batch");
  insert("file-2", {.owner = "you", .team_id = "ours"}, "batch");
  insert("file-3", {.owner = "me", .team_id = "ours"}, "user_data");
  insert("file-4", {.owner = "me", .team_id = "ours"}, "batch");
  insert("file-5", {.owner = "you", .team_id = "ours"}, "batch");
  ASSERT_TRUE(run(files_.remove(FileId{"file-4"}, Viewer{"me"}, 1)));
  const Viewer viewer{"me", "ours"};
  EXPECT_EQ(files_of(viewer, true, ""), (Names{"file-1", "file-2", "file-3", "file-5"}));
  EXPECT_EQ(files_of(viewer, false, ""), (Names{"file-5", "file-3", "file-2", "file-1"}));
  EXPECT_EQ(files_of(viewer, true, "batch"), (Names{"file-1", "file-2", "file-5"}));
  EXPECT_EQ(files_of({"me"}, false, "batch"), (Names{"file-1"}));
}

// More batches than are asked for at once.
TEST_F(Pages, OfTheSpendLogHaveTheBillsOfEachOfTheirBatches) {
  const std::string counted =
      "WITH RECURSIVE counted (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < 700) ";
  database_.query(counted +
                  "INSERT INTO spend_log (request_id, call_type, batch_id, owner, model, "
                  "started_at, ended_at, input_tokens, cached_tokens, cache_write_tokens, "
                  "output_tokens, reasoning_tokens, cost_nano_usd, cost_known, completed, failed) "
                  "SELECT 'end_' || i, 'batch_success', 'batch_' || i, 'me', 'm', 1, i, 0, 0, 0, "
                  "0, 0, 3 * i, 1, 0, 0 FROM counted");
  for (const int n : {1, 2}) {
    database_.query(
        counted +
        fmt::format("INSERT INTO job_costs (batch_id, n, kind, owner, key_hash, user_id, "
                    "model_name, model_id, deployment_id, input_tokens, cached_tokens, "
                    "cache_write_tokens, output_tokens, reasoning_tokens, input_nano_usd, "
                    "output_nano_usd, cost_nano_usd, cost_known, unpriced, price_source, "
                    "price_date, from_manifest, manifest_differs, completed, failed, "
                    "collected_at) SELECT 'batch_' || i, {0}, 'bedrock', 'me', '', '', 'm{0}', "
                    "'', 'dep', 0, 0, 0, 0, 0, {0} * i, 0, {0} * i, 1, 0, '', '', 0, 0, 0, 0, 1 "
                    "FROM counted",
                    n));
  }
  SpendStore spend(*database_);
  const auto page = run(spend.logs({.filter = {.viewer = {"me"}}, .limit = 1'000}));
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->rows.size(), 700u);
  for (const SpendLogRow& row : page->rows) {
    ASSERT_EQ(row.bills.size(), 2u) << row.row.batch_id.value;
    EXPECT_EQ(row.bills[0].model_name, "m2");
    EXPECT_EQ(row.bills[0].spent.cost_nano_usd + row.bills[1].spent.cost_nano_usd,
              row.row.cost_nano_usd);
  }
}

TEST_F(Plans, APageIsReadFromItsPlaceOnInTheOrderOfAnIndex) {
  for (const char* table : {"batches", "files"}) {
    const std::string mine = plan_of_page(table, {"me"});
    const std::string by_owner =
        fmt::format("SEARCH {0} USING INDEX {0}_by_age (owner=? AND created_order<?)", table);
    EXPECT_NE(mine.find(by_owner), std::string::npos) << mine;
    EXPECT_EQ(mine.find("TEMP B-TREE"), std::string::npos) << mine;
    // Two such pages, of which one is made.
    const std::string both = plan_of_page(table, {"me", "ours"});
    const std::string by_team =
        fmt::format("SEARCH {0} USING INDEX {0}_by_team (team_id=? AND created_order<?)", table);
    EXPECT_NE(both.find(by_owner), std::string::npos) << both;
    EXPECT_NE(both.find(by_team), std::string::npos) << both;
    EXPECT_EQ(both.find("SCAN " + std::string(table)), std::string::npos) << both;
    EXPECT_EQ(both.find("MULTI-INDEX"), std::string::npos) << both;
  }
}

TEST_F(Plans, WhatOneViewerSpentIsFoundByAnIndex) {
  const auto expect = [&](const std::string& plan, const std::string& step) {
    EXPECT_NE(plan.find(step), std::string::npos) << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
  };
  const Viewer me{"me"}, ours{"me", "ours"}, all{.owner = "master", .all = true};
  expect(plan_of_sum("job_costs", me, "collected_at >= 5"),
         "INDEX job_costs_by_owner (owner=? AND collected_at>?)");
  const std::string both = plan_of_sum("job_costs", ours, "collected_at >= 5");
  expect(both, "INDEX job_costs_by_owner (owner=? AND collected_at>?)");
  expect(both, "job_costs_by_team (team_id=? AND collected_at>?)");
  expect(plan_of_sum("job_costs", all, "key_hash = 'k' AND collected_at >= 5"),
         "COVERING INDEX job_costs_by_key (key_hash=? AND collected_at>?)");
  expect(plan_of_sum("job_costs", all, "team_id = 't' AND collected_at >= 5"),
         "COVERING INDEX job_costs_by_team (team_id=? AND collected_at>?)");
  expect(plan_of_sum("spend_log", me, "ended_at >= 5"),
         "INDEX spend_by_owner (owner=? AND ended_at>?)");
  expect(plan_of_sum("spend_log", all, "team_id = 't' AND ended_at >= 5"),
         "INDEX spend_by_team (team_id=? AND ended_at>?)");
}

}  // namespace
}  // namespace quarry::store
