// Whose lines run on demand next. On a real SQLite file in a directory of the test's own.
#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/testing/scratch_database.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace quarry::store {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr std::int64_t kLeaseMs = 1'000;

class DirectClaims : public ::testing::Test {
 protected:
  DirectClaims() : store(*database_, "worker") {}

  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }

  // A planned batch of `owner` with one direct job for each due time.
  void waiting(const std::string& id, const std::string& owner, std::vector<std::int64_t> due) {
    BatchRow row;
    row.id = BatchId{id};
    row.by.owner = owner;
    row.output_id = FileId{"file-out-" + id};
    row.error_id = FileId{"file-err-" + id};
    row.object.id = id;
    row.object.expires_at = kNow / 1000 + 86'400;
    ASSERT_TRUE(run(store.create(row, std::nullopt, true, kNow)));
    ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, kLeaseMs, 5))->size(), 1u);
    BatchStore::Plan plan{BatchId{id}, "m", 100, 0, std::nullopt, {}};
    for (std::size_t n = 1; n <= due.size(); ++n) {
      JobRow job;
      job.batch_id = BatchId{id};
      job.n = static_cast<int>(n);
      job.owner = owner;
      job.kind = JobKind::direct;
      job.state = JobState::planned;
      job.deployment_id = "dep";
      job.model_name = "m";
      job.records = job.lines = 10;
      plan.jobs.push_back(job);
    }
    ASSERT_TRUE(run(store.save_plan(plan, kNow - 1'000)));
    // Claimed and given back, each with its due time.
    const auto claimed = run(store.claim_direct(kNow - 1'000, kLeaseMs, 100));
    ASSERT_EQ(claimed->size(), due.size());
    for (std::size_t i = 0; i < due.size(); ++i) {
      ASSERT_TRUE(run(store.release_job(BatchId{id}, static_cast<int>(i) + 1, due[i], 0)));
    }
  }
  // "batch/n", in the order in which they were claimed.
  std::vector<std::string> claim(int limit, std::int64_t now_ms = kNow) {
    std::vector<std::string> names;
    const auto claimed = run(store.claim_direct(now_ms, kLeaseMs, limit));
    for (const DueJob& due : claimed.value()) {
      names.push_back(due.job.batch_id.value + "/" + std::to_string(due.job.n));
    }
    return names;
  }

 private:
  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;

 protected:
  BatchStore store;
};

using Names = std::vector<std::string>;

TEST_F(DirectClaims, TakeOwnersInTurnEvenWithinOneClaim) {
  waiting("many", "a", {kNow - 9, kNow - 8, kNow - 7, kNow - 6});
  waiting("few", "b", {kNow - 1, kNow - 2});
  EXPECT_EQ(claim(3), (Names{"many/1", "few/2", "many/2"}));
}

TEST_F(DirectClaims, CountWhatAnOwnerHasRunning) {
  waiting("many", "a", {kNow - 9, kNow - 8, kNow - 7, kNow - 6});
  ASSERT_EQ(claim(2).size(), 2u);
  waiting("few", "b", {kNow - 2, kNow - 1});
  EXPECT_EQ(claim(3), (Names{"few/1", "few/2", "many/3"}));
}

TEST_F(DirectClaims, LeaveWhatIsNotDueAndTakeUpWhatLapsed) {
  waiting("one", "a", {kNow - 1, kNow + 5});
  EXPECT_EQ(claim(5), (Names{"one/1"}));
  EXPECT_EQ(claim(5), Names{});
  EXPECT_EQ(claim(5, kNow + 5), (Names{"one/2"}));
  EXPECT_EQ(claim(5, kNow + 10 * kLeaseMs), (Names{"one/1", "one/2"}));
}

TEST_F(DirectClaims, EndedJobsOfBothKindsAreClaimedByTheirDueTime) {
  waiting("direct", "a", {kNow, kNow});
  ASSERT_EQ(claim(5).size(), 2u);
  const auto end = [&](int n, std::int64_t now_ms) {
    ASSERT_TRUE(run(
        store.job_observed(BatchId{"direct"}, n, JobState::ended, "Completed", "", 10, 0, now_ms)));
  };
  end(1, kNow + 2);
  end(2, kNow + 1);
  const auto due = run(store.claim_jobs(std::nullopt, {JobState::ended}, kNow + 5, kLeaseMs, 5));
  ASSERT_EQ(due->size(), 2u);
  EXPECT_EQ(due->front().job.n, 2);
}

}  // namespace
}  // namespace quarry::store
