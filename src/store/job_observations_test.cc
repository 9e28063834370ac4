// Looks at many jobs: who gets them, and that none is lost.
#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/testing/scratch_database.h"

#include <gtest/gtest.h>

namespace quarry::store {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;
const BatchId kBatch{"batch_1"};

class Looks : public ::testing::Test {
 protected:
  Looks() {
    BatchRow batch;
    batch.id = kBatch;
    batch.by.owner = "me";
    batch.output_id = FileId{"file-out"};
    batch.error_id = FileId{"file-err"};
    batch.object.id = kBatch.value;
    batch.object.created_at = kNow / 1'000 - 60;
    batch.object.expires_at = kNow / 1'000 + 60;
    BatchStore::Plan plan{kBatch, "m", 700, 0, std::nullopt, {}};
    for (int n = 1; n <= 700; ++n) {
      JobRow job;
      job.batch_id = kBatch;
      job.n = n;
      job.state = n % 2 == 0 ? JobState::submitted : JobState::running;
      job.deployment_id = n <= 400 ? "east" : "west";
      job.lines = job.records = 10;
      plan.jobs.push_back(job);
    }
    EXPECT_TRUE(run(store_.create(batch, std::nullopt, true, kNow)));
    EXPECT_TRUE(run(store_.claim_batches(BatchPhase::planning, kNow, 1'000, 1)));
    EXPECT_TRUE(run(store_.save_plan(plan, kNow)));
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  std::vector<BatchStore::DueLook> claim(BatchStore& store,
                                         int limit,
                                         std::vector<std::string> but_of = {},
                                         std::int64_t now_ms = kNow) {
    auto due = run(store.claim_looks(now_ms, 1'000, limit, std::move(but_of)));
    EXPECT_TRUE(due) << due.error().message();
    return due ? std::move(*due) : std::vector<BatchStore::DueLook>();
  }
  static BatchStore::Look look(int n, std::int64_t due_ms, std::optional<std::int64_t> succeeded) {
    BatchStore::Look made{kBatch, n, due_ms, 0, std::nullopt};
    if (succeeded) made.changed = {JobState::running, "InProgress", "", *succeeded, 0};
    return made;
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
  BatchStore store_{*database_, "worker"};
  BatchStore other_{*database_, "other"};
};

TEST_F(Looks, EachDueJobGoesToOne) {
  EXPECT_EQ(claim(store_, 300).size(), 300u);
  EXPECT_EQ(claim(other_, 1'000).size(), 400u);
  EXPECT_EQ(claim(store_, 1'000).size(), 0u);
}

TEST_F(Looks, JobsOfDeploymentsAtWorkAreLeftOut) {
  const auto due = claim(store_, 1'000, {"east", "nobody's"});
  EXPECT_EQ(due.size(), 300u);
  EXPECT_EQ(due[0].due.job.deployment_id, "west");
  EXPECT_EQ(due[0].due.batch_expires_at, kNow / 1'000 + 60);
  EXPECT_EQ(due[0].batch_created_at, kNow / 1'000 - 60);
  EXPECT_EQ(*run(store_.next_look_ms({})), kNow);
  EXPECT_EQ(*run(store_.next_look_ms({"east"})), std::nullopt);
}

TEST_F(Looks, AreWrittenManyAtATime) {
  ASSERT_EQ(claim(store_, 1'000).size(), 700u);
  std::vector<BatchStore::Look> looks;
  for (int n = 1; n <= 700; ++n) {
    looks.push_back(look(n, kNow + n, n <= 600 ? std::optional<std::int64_t>(1) : std::nullopt));
  }
  EXPECT_EQ(*run(store_.record_looks(looks)), 700);
  EXPECT_EQ(run(store_.find_any(kBatch))->object.completed, 600);
  const auto jobs = *run(store_.jobs(kBatch));
  EXPECT_EQ(jobs[599].aws_status, "InProgress");
  EXPECT_EQ(jobs[600].aws_status, "");
  EXPECT_EQ(*run(store_.next_look_ms({})), kNow + 1);
  EXPECT_EQ(claim(store_, 1'000, {}, kNow + 10).size(), 10u);
}

TEST_F(Looks, ThatLostTheirLeaseChangeNothing) {
  ASSERT_EQ(claim(store_, 1'000).size(), 700u);
  ASSERT_TRUE(run(store_.release_lapsed_looks(kNow + 2'000)));
  ASSERT_EQ(claim(other_, 1'000, {}, kNow + 2'000).size(), 700u);
  EXPECT_EQ(*run(store_.record_looks({look(1, kNow, 5)})), 0);
  EXPECT_EQ(run(store_.jobs(kBatch))->front().succeeded, 0);
  EXPECT_EQ(*run(other_.record_looks({look(1, kNow, 5)})), 1);
}

TEST_F(Looks, LeasesThatLastAreNotTaken) {
  ASSERT_EQ(claim(store_, 1'000).size(), 700u);
  ASSERT_TRUE(run(other_.release_lapsed_looks(kNow + 1'000)));
  EXPECT_EQ(claim(other_, 1'000, {}, kNow + 1'000).size(), 0u);
}

TEST_F(Looks, AWishMadeMeanwhileIsNotLost) {
  ASSERT_EQ(claim(store_, 1'000).size(), 700u);
  ASSERT_TRUE(run(store_.begin_stop(kBatch, "", kNow + 5)));
  ASSERT_EQ(*run(store_.record_looks({look(1, kNow + 60'000, std::nullopt)})), 1);
  const auto due = claim(store_, 1'000, {}, kNow + 5);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_TRUE(due[0].due.job.stop_requested);
}

TEST_F(Looks, CountersNeverFall) {
  ASSERT_EQ(claim(store_, 1).size(), 1u);
  ASSERT_TRUE(run(store_.record_looks({look(1, kNow, 7)})));
  ASSERT_EQ(claim(store_, 1'000).size(), 700u);
  ASSERT_TRUE(run(store_.record_looks({look(1, kNow, 3)})));
  EXPECT_EQ(run(store_.jobs(kBatch))->front().succeeded, 7);
}

TEST_F(Looks, OpenJobsAreCountedByDeployment) {
  const std::map<std::string, std::int64_t> counts{{"east", 400}, {"west", 300}};
  EXPECT_EQ(*run(store_.open_jobs()), counts);
}

TEST_F(Looks, AJobThatIsToStopSaysSoToWhoeverHasIt) {
  ASSERT_TRUE(run(store_.request_stops({{kBatch, 3}, {kBatch, 9}})));
  int asked = 0;
  for (const auto& job : *run(store_.jobs(kBatch))) asked += job.stop_requested ? 1 : 0;
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace quarry::store
