// What is counted as open work, and since when it waits.
#include "store/census_store.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace quarry::store {
namespace {

using ::testing::IsEmpty;

constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr std::int64_t kLease = 30'000;

class CensusTest : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  Census census(std::int64_t now_ms) {
    auto taken = run(CensusStore(*database_).take(now_ms));
    EXPECT_TRUE(taken) << taken.error().message();
    return taken ? *taken : Census();
  }
  void create(const std::string& id,
              std::int64_t expires_in_s = 86'400,
              std::vector<Reservation> reservations = {}) {
    BatchRow row = quarry::testing::new_batch(id, kNow);
    row.object.expires_at = kNow / 1000 + expires_in_s;
    Admission admission;
    admission.reservations = std::move(reservations);
    auto created = run(batches_.create(row, std::nullopt, true, kNow, std::move(admission)));
    ASSERT_TRUE(created) << created.error().message();
  }
  void plan(const std::string& id, JobKind kind, JobState state) {
    ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::planning, kNow, kLease, 5)));
    JobRow job;
    job.batch_id = BatchId{id};
    job.n = 1;
    job.kind = kind;
    job.state = state;
    job.deployment_id = "dep";
    job.model_name = "m";
    job.records = 100;
    auto saved = run(batches_.save_plan({BatchId{id}, "m", 100, 0, std::nullopt, {job}}, kNow));
    ASSERT_TRUE(saved) << saved.error().message();
  }

  boost::asio::io_context io_;
  testing::ScratchDatabase database_;
  BatchStore batches_{*database_, "worker"};
};

TEST_F(CensusTest, OfNothingIsNothing) {
  const Census none = census(kNow);
  EXPECT_THAT(none.batches, IsEmpty());
  EXPECT_THAT(none.jobs, IsEmpty());
  EXPECT_EQ(none.due_since_ms, std::nullopt);
  EXPECT_EQ(none.staged_since_s, std::nullopt);
  EXPECT_EQ(none.first_expiry_s, std::nullopt);
  EXPECT_EQ(none.reservations + none.reserved_nano_usd + none.webhooks_waiting, 0);
}

TEST_F(CensusTest, CountsOpenBatchesAndWhichWindowClosesFirst) {
  create("batch_a");
  create("batch_b", 3600);
  const Census seen = census(kNow);
  ASSERT_EQ(seen.batches.size(), 1u);
  EXPECT_EQ(seen.batches[0].status, "validating");
  EXPECT_EQ(seen.batches[0].count, 2);
  EXPECT_EQ(seen.first_expiry_s, kNow / 1000 + 3600);
}

TEST_F(CensusTest, WhatEndedIsNotCounted) {
  create("batch_a");
  ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::planning, kNow, kLease, 5)));
  ASSERT_TRUE(run(batches_.fail_validation(BatchId{"batch_a"}, {}, kNow)));
  const Census seen = census(kNow + 3'600'000);
  EXPECT_THAT(seen.batches, IsEmpty());
  EXPECT_EQ(seen.due_since_ms, std::nullopt);
  EXPECT_EQ(seen.first_expiry_s, std::nullopt);
}

TEST_F(CensusTest, WhatABatchMayCostIsCountedOnceThoughItsKeyAndItsTeamBothHoldIt) {
  create("batch_a", 86'400,
         {{Party::key, "k", 1000, 5'000},
          {Party::team, "t", 1000, 5'000},
          {Party::model, "m", 1000, 0}});
  create("batch_b", 86'400, {{Party::key, "k", 10, 70}, {Party::model, "m", 10, 0}});
  EXPECT_EQ(census(kNow).reservations, 2);
  EXPECT_EQ(census(kNow).reserved_nano_usd, 5'070);
}

TEST_F(CensusTest, NoBatchAsksForSoMuchThatNothingCanBeCountedAnyMore) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 12; ++i) {
    create(fmt::format("batch_{}", i), 86'400, {{Party::key, "k", most, most}});
  }
  EXPECT_EQ(census(kNow).reservations, 12);
  EXPECT_EQ(census(kNow).reserved_nano_usd, most);
}

TEST_F(CensusTest, WorkIsDueSinceItsTimeUntilSomebodyTakesIt) {
  create("batch_a");
  EXPECT_EQ(census(kNow + 5'000).due_since_ms, kNow);
  ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::planning, kNow + 5'000, kLease, 5)));
  EXPECT_EQ(census(kNow + 6'000).due_since_ms, std::nullopt);
}

TEST_F(CensusTest, WorkOfAServerThatDiedIsDueSinceItsLeaseEnded) {
  create("batch_a");
  ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::planning, kNow, kLease, 5)));
  EXPECT_EQ(census(kNow + kLease + 9'000).due_since_ms, kNow + kLease);
}

TEST_F(CensusTest, AJobThatWaitsForASlotIsStagedAndNotDueWork) {
  create("batch_a");
  plan("batch_a", JobKind::bedrock, JobState::staged);
  // The batch itself is due once more, to be looked at: somebody does.
  ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::running, kNow, 10 * kLease, 5)));
  const Census seen = census(kNow + 100'000);
  ASSERT_EQ(seen.jobs.size(), 1u);
  EXPECT_EQ(seen.jobs[0].kind, "bedrock");
  EXPECT_EQ(seen.jobs[0].state, "staged");
  EXPECT_EQ(seen.jobs[0].count, 1);
  EXPECT_EQ(seen.staged_since_s, kNow / 1000);
  EXPECT_EQ(seen.due_since_ms, std::nullopt);
}

TEST_F(CensusTest, ADirectJobThatNobodyRunsIsDueWork) {
  create("batch_a");
  plan("batch_a", JobKind::direct, JobState::planned);
  ASSERT_TRUE(run(batches_.claim_batches(BatchPhase::running, kNow, 10 * kLease, 5)));
  const Census seen = census(kNow + 100'000);
  EXPECT_EQ(seen.staged_since_s, std::nullopt);
  EXPECT_EQ(seen.due_since_ms, kNow);
}

TEST_F(CensusTest, CheckIsContentWithThisSchemaAndWithNoOlderOne) {
  CensusStore store(*database_);
  EXPECT_TRUE(run(store.check()));
  database_.query("UPDATE schema_version SET version = 1");
  const auto old = run(store.check());
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code(), Errc::unavailable);
  EXPECT_EQ(old.error().reason(), kOldSchema);
}

}  // namespace
}  // namespace quarry::store
