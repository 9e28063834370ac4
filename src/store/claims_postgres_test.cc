// What servers that share a database never do to each other.
#include "store/batch_store.h"
#include "store/file_rows.h"
#include "store/janitor_store.h"
#include "store/lease_store.h"
#include "store/session.h"
#include "store/testing/new_batch.h"
#include "store/testing/servers.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace quarry::store {
namespace {

using testing::run;
using ::testing::SizeIs;

constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr int kRows = 40;

BatchRow batch_row(const std::string& id) { return quarry::testing::new_batch(id, kNow); }

class TwoServers : public ::testing::Test {
 protected:
  BatchStore store(std::size_t server) {
    return BatchStore(servers_[server], fmt::format("server-{}", server));
  }
  void create(const std::string& id) {
    ASSERT_TRUE(run(store(0).create(batch_row(id), std::nullopt, true, kNow)));
  }
  // A batch with that many jobs, all due.
  void create_with_jobs(const std::string& id, int jobs, JobKind kind, JobState state) {
    create(id);
    BatchStore planner = store(0);
    ASSERT_THAT(*run(planner.claim_batches(BatchPhase::planning, kNow, 1000, 5)), SizeIs(1));
    BatchStore::Plan plan{BatchId{id}, "m", 100 * jobs, 0, std::nullopt, {}};
    for (int n = 1; n <= jobs; ++n) {
      JobRow job;
      job.batch_id = plan.id;
      job.n = n;
      job.owner = "me";
      job.kind = kind;
      job.state = state;
      job.deployment_id = "dep";
      job.model_name = "m";
      job.lines = job.records = 100;
      plan.jobs.push_back(job);
    }
    ASSERT_TRUE(run(planner.save_plan(std::move(plan), kNow)));
  }
  // Lets both servers claim until neither finds anything, and gives what each row was claimed as.
  // claim(server) gives names of rows.
  std::multiset<std::string> claimed_by_both(
      const std::function<std::vector<std::string>(std::size_t)>& claim) {
    std::mutex mutex;
    std::multiset<std::string> claimed;
    servers_.all_at_once([&](std::size_t server) {
      // Rows that the other holds at this moment are passed over, so one look may find none.
      for (int empty = 0; empty < 20;) {
        const auto rows = claim(server);
        if (rows.empty()) ++empty;
        const std::scoped_lock lock(mutex);
        claimed.insert(rows.begin(), rows.end());
      }
    });
    return claimed;
  }
  template <class Due>
  static std::vector<std::string> names_of(const Result<std::vector<Due>>& due) {
    std::vector<std::string> names;
    if (!due) {
      ADD_FAILURE() << due.error().message();
      return names;
    }
    for (const Due& item : *due) names.push_back(std::to_string(item.job.n));
    return names;
  }
  static void expect_each_once(const std::multiset<std::string>& claimed) {
    EXPECT_EQ(claimed.size(), std::size_t{kRows});
    EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), std::size_t{kRows});
  }

  // Runs `meanwhile` inside of a transaction of the second server, after `statement`.
  void holding(const std::string& statement, const std::function<void(soci::session&)>& meanwhile) {
    const auto held = run(transact(servers_[1], [&](soci::session& sql) -> Result<void> {
      sql << "SET LOCAL idle_in_transaction_session_timeout = 0";
      sql << statement;
      meanwhile(sql);
      return {};
    }));
    EXPECT_TRUE(held) << held.error().message();
  }
  // Until so many transactions of these servers wait for another's lock.
  void await_waiting(int count) {
    while (servers_.schema().query(
               "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
               "application_name = current_setting('application_name')") != std::to_string(count)) {
    }
  }

  testing::Servers servers_{2};
};

TEST_F(TwoServers, NeverClaimTheSameBatch) {
  for (int i = 0; i < kRows; ++i) create(fmt::format("batch_{}", i));
  expect_each_once(claimed_by_both([&](std::size_t server) {
    std::vector<std::string> names;
    const auto due = run(store(server).claim_batches(BatchPhase::planning, kNow, 60'000, 3));
    for (const DueBatch& item : *due) names.push_back(item.batch.id.value);
    return names;
  }));
}

TEST_F(TwoServers, NeverClaimTheSameJob) {
  create_with_jobs("batch_1", kRows, JobKind::bedrock, JobState::ended);
  expect_each_once(claimed_by_both([&](std::size_t server) {
    return names_of(
        run(store(server).claim_jobs(std::nullopt, {JobState::ended}, kNow, 60'000, 3)));
  }));
}

TEST_F(TwoServers, NeverClaimTheSameDirectJob) {
  create_with_jobs("batch_1", kRows, JobKind::direct, JobState::planned);
  expect_each_once(claimed_by_both([&](std::size_t server) {
    return names_of(run(store(server).claim_direct(kNow, 60'000, 3)));
  }));
}

TEST_F(TwoServers, NeverLookAtTheSameJob) {
  create_with_jobs("batch_1", kRows, JobKind::bedrock, JobState::submitted);
  expect_each_once(claimed_by_both([&](std::size_t server) {
    std::vector<std::string> names;
    const auto due = run(store(server).claim_looks(kNow, 60'000, 3, {"another"}));
    for (const auto& look : *due) names.push_back(std::to_string(look.due.job.n));
    return names;
  }));
}

TEST_F(TwoServers, TogetherTakeNoMoreSlotsThanTheDeploymentHas) {
  create_with_jobs("batch_1", kRows, JobKind::bedrock, JobState::staged);
  const auto claimed = claimed_by_both([&](std::size_t server) {
    return names_of(run(store(server).claim_staged({{"dep", 4, 5}}, kNow, 60'000)));
  });
  EXPECT_EQ(claimed.size(), 5u);
}

TEST_F(TwoServers, CreateBatchesInOneOrder) {
  servers_.all_at_once([&](std::size_t server) {
    for (int i = 0; i < kRows; ++i) {
      const auto made = run(store(server).create(batch_row(fmt::format("batch_{}_{}", server, i)),
                                                 std::nullopt, true, kNow));
      EXPECT_TRUE(made) << made.error().message();
    }
  });
  EXPECT_EQ(servers_.schema().query("SELECT COUNT(DISTINCT created_order) FROM batches"),
            std::to_string(2 * kRows));
  EXPECT_EQ(servers_.schema().query("SELECT MAX(created_order) FROM batches"),
            std::to_string(2 * kRows));
}

TEST_F(TwoServers, GiveEqualRequestsOneBatch) {
  for (int i = 0; i < 10; ++i) {
    const IdempotencyClaim claim{fmt::format("key-{}", i), "hash", 60'000};
    std::array<std::string, 2> made;
    servers_.all_at_once([&](std::size_t server) {
      const auto batch = run(store(server).create(batch_row(fmt::format("batch_{}_{}", server, i)),
                                                  claim, false, kNow));
      if (batch) made[server] = batch->id.value;
    });
    EXPECT_FALSE(made[0].empty());
    EXPECT_EQ(made[0], made[1]);
  }
  EXPECT_EQ(servers_.schema().query("SELECT COUNT(*) FROM batches"), "10");
}

TEST_F(TwoServers, ThatCollectTheLastTwoJobsWakeTheBatchAndCountBoth) {
  for (int round = 0; round < 10; ++round) {
    const BatchId id{fmt::format("batch_{}", round)};
    create_with_jobs(id.value, 2, JobKind::bedrock, JobState::ended);
    // Its due time says "never" from here on, until something wakes it.
    ASSERT_THAT(*run(store(0).claim_batches(BatchPhase::running, kNow, 1000, 5)), SizeIs(1));
    constexpr std::int64_t kAMonth = 30LL * 86'400'000;
    ASSERT_TRUE(run(store(0).release_batch(id, kNow + kAMonth, 0)));
    std::array<int, 2> jobs{};
    for (std::size_t server : {0u, 1u}) {
      const auto due =
          run(store(server).claim_jobs(std::nullopt, {JobState::ended}, kNow, 60'000, 1));
      ASSERT_THAT(*due, SizeIs(1));
      jobs[server] = due->front().job.n;
    }
    servers_.all_at_once([&](std::size_t server) {
      BatchStore::Collected collected;
      collected.id = id;
      collected.n = jobs[server];
      collected.completed = 99;
      collected.failed = 1;
      const auto done = run(store(server).job_collected(collected, kNow));
      EXPECT_TRUE(done) << done.error().message();
    });
    const auto batch = run(store(0).find_any(id));
    EXPECT_EQ(batch->object.completed, 198);
    EXPECT_EQ(batch->object.failed, 2);
    EXPECT_THAT(*run(store(1).claim_batches(BatchPhase::running, kNow, 1000, 5)), SizeIs(1));
  }
}

TEST_F(TwoServers, CountTheAnswersOfBothTheirJobs) {
  create_with_jobs("batch_1", 2, JobKind::direct, JobState::planned);
  std::array<int, 2> jobs{};
  for (std::size_t server : {0u, 1u}) {
    const auto due = run(store(server).claim_direct(kNow, 60'000, 1));
    ASSERT_THAT(*due, SizeIs(1));
    jobs[server] = due->front().job.n;
  }
  servers_.all_at_once([&](std::size_t server) {
    DirectResultStore results(servers_[server], fmt::format("server-{}", server));
    for (std::int64_t line = 0; line < kRows; ++line) {
      const auto saved = run(results.save(BatchId{"batch_1"}, jobs[server],
                                          {{line, 0}, 200, "{}", {}, {}}, {line + 1, 0}));
      EXPECT_TRUE(saved) << saved.error().message();
    }
  });
  EXPECT_EQ(run(store(0).find_any(BatchId{"batch_1"}))->object.completed, 2 * kRows);
}

// The other may be frozen in the middle of that transaction.
TEST_F(TwoServers, RenewTheOtherLeasesWhileOneRowIsHeld) {
  create_with_jobs("batch_1", 3, JobKind::direct, JobState::planned);
  const BatchId id{"batch_1"};
  ASSERT_THAT(*run(store(0).claim_direct(kNow, 1'000, 3)), SizeIs(3));
  holding("UPDATE jobs SET n = n WHERE n = 2", [&](soci::session&) {
    const auto left = run(store(0).renew_leases({{id, 1}, {id, 2}, {id, 3}}, kNow + 9'000));
    ASSERT_TRUE(left) << left.error().message();
    EXPECT_TRUE(left->lost.empty());
    EXPECT_EQ(left->locked, (std::vector<BatchStore::Lease>{{id, 2}}));
  });
  EXPECT_EQ(
      servers_.schema().query(fmt::format(
          "SELECT string_agg(CAST(lease_until_ms - {} AS TEXT), ' ' ORDER BY n) FROM jobs", kNow)),
      "9000 1000 9000");
}

TEST_F(TwoServers, KeepLeasesWhileAllTheirTransactionsWaitForALock) {
  create_with_jobs("batch_1", 1, JobKind::direct, JobState::planned);
  const BatchId id{"batch_1"};
  ASSERT_THAT(*run(store(0).claim_direct(kNow, 1'000, 1)), SizeIs(1));
  const int others = servers_.scratch().options().connections - 1;
  std::vector<std::jthread> waiting;
  holding("LOCK TABLE batches IN SHARE MODE", [&](soci::session&) {
    for (int i = 0; i < others + 1; ++i) {
      waiting.emplace_back([&] { static_cast<void>(run(store(0).release_batch(id, kNow, 0))); });
    }
    await_waiting(others);
    const auto left = run(store(0).renew_leases({{id, 1}}, kNow + 9'000));
    ASSERT_TRUE(left) << left.error().message();
    EXPECT_TRUE(left->lost.empty() && left->locked.empty());
    LeaseStore roles(servers_[0], "server-0");
    EXPECT_EQ(run(roles.take("monitor", kNow, kNow + 1'000)), LeaseStore::Taken::yes);
  });
}

TEST_F(TwoServers, DeleteNoResultOfABatchThatEndsMeanwhile) {
  create("batch_1");
  const std::string file = servers_.schema().query("SELECT output_id FROM batches");
  ASSERT_FALSE(file.empty());
  const std::string name = "files/" + file + "/1";
  Result<std::vector<std::string>> orphans = fail(Errc::internal, "not asked");
  std::jthread asking;
  holding("LOCK TABLE batches IN ACCESS EXCLUSIVE MODE", [&](soci::session& sql) {
    asking = std::jthread([&] {
      JanitorStore janitor(servers_[0]);
      orphans = run(janitor.orphans("bucket", "quarry/", {name}));
    });
    await_waiting(1);
    FileRow row;
    row.id = FileId{file};
    row.by.owner = "me";
    insert_file(sql, row);
    put_segment(sql, row.id, {1, "dep", "bucket", "quarry/" + name, 1});
    sql << "UPDATE batches SET phase = 'done'";
  });
  asking.join();
  ASSERT_TRUE(orphans) << orphans.error().message();
  EXPECT_TRUE(orphans->empty());
}

TEST_F(TwoServers, HaveOneName) {
  std::array<std::string, 2> names;
  servers_.all_at_once([&](std::size_t server) {
    JanitorStore janitor(servers_[server]);
    names[server] = *run(janitor.instance_id());
  });
  EXPECT_FALSE(names[0].empty());
  EXPECT_EQ(names[0], names[1]);
}

}  // namespace
}  // namespace quarry::store
