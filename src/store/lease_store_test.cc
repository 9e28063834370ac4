// What leases promise to servers that share a database: one has each, and who lost one writes
// nothing.
#include "store/lease_store.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/server_leases.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace quarry::store {
namespace {

using Taken = LeaseStore::Taken;
constexpr std::int64_t kNow = 1'800'000'000'000;

class Leases : public ::testing::Test {
 protected:
  template <class T>
  T run(Awaitable<T> task) {
    return quarry::testing::run(io_, std::move(task));
  }
  BatchStore batches(const std::string& owner) { return BatchStore(*database_, owner); }

  void batch(BatchStore& store, const std::string& id) {
    BatchRow row = quarry::testing::new_batch(id, kNow);
    ASSERT_TRUE(run(store.create(row, std::nullopt, true, kNow)));
  }
  // A running batch of so many staged jobs.
  void planned(BatchStore& store, const std::string& id, int jobs, JobKind kind) {
    batch(store, id);
    ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, 1'000, 1))->size(), 1u);
    BatchStore::Plan plan{BatchId{id}, "m", 100, 0, std::nullopt, {}};
    for (int n = 1; n <= jobs; ++n) {
      JobRow job;
      job.batch_id = BatchId{id};
      job.n = n;
      job.mark = "0123456789abcdef";
      job.kind = kind;
      job.state = kind == JobKind::direct ? JobState::planned : JobState::staged;
      job.deployment_id = "dep";
      job.lines = job.records = 100;
      plan.jobs.push_back(job);
    }
    ASSERT_TRUE(run(store.save_plan(plan, kNow)));
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
};

TEST_F(Leases, ANameIsHadByOneServer) {
  LeaseStore one(*database_, "one");
  LeaseStore two(*database_, "two");
  EXPECT_EQ(run(one.take("monitor", kNow, kNow + 1'000)), Taken::yes);
  EXPECT_EQ(run(two.take("monitor", kNow + 999, kNow + 2'000)), Taken::no);
  EXPECT_EQ(run(two.take("janitor", kNow, kNow + 1'000)), Taken::yes);
}

TEST_F(Leases, ARenewedNameStaysAndOneThatLapsedIsTakenOver) {
  LeaseStore one(*database_, "one");
  LeaseStore two(*database_, "two");
  EXPECT_EQ(run(one.take("monitor", kNow, kNow + 1'000)), Taken::yes);
  EXPECT_EQ(run(one.take("monitor", kNow + 500, kNow + 1'500)), Taken::yes);
  EXPECT_EQ(run(two.take("monitor", kNow + 1'500, kNow + 2'500)), Taken::no);
  EXPECT_EQ(run(two.take("monitor", kNow + 1'501, kNow + 2'501)), Taken::from_another);
  EXPECT_EQ(run(one.take("monitor", kNow + 1'600, kNow + 2'600)), Taken::no);
}

TEST_F(Leases, ANameThatIsGivenUpIsFreeAtOnceAndOnlyItsHolderGivesItUp) {
  LeaseStore one(*database_, "one");
  LeaseStore two(*database_, "two");
  EXPECT_EQ(run(one.take("monitor", kNow, kNow + 1'000)), Taken::yes);
  ASSERT_TRUE(run(two.release("monitor")));
  EXPECT_EQ(run(two.take("monitor", kNow, kNow + 1'000)), Taken::no);
  ASSERT_TRUE(run(one.release("monitor")));
  EXPECT_EQ(run(two.take("monitor", kNow, kNow + 1'000)), Taken::yes);
  ASSERT_TRUE(run(one.release_all()));
  EXPECT_EQ(run(one.take("monitor", kNow, kNow + 1'000)), Taken::yes);
}

TEST_F(Leases, ARenewalSaysWhichWereLost) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  planned(one, "batch_1", 2, JobKind::direct);
  ASSERT_EQ(run(one.claim_direct(kNow, 1'000, 2))->size(), 2u);
  const auto late = run(two.claim_direct(kNow + 1'001, 1'000, 1));
  ASSERT_EQ(late->size(), 1u);
  EXPECT_TRUE(late->front().taken_over);
  const int n = late->front().job.n;
  const auto left =
      run(one.renew_leases({{BatchId{"batch_1"}, 1}, {BatchId{"batch_1"}, 2}}, kNow + 3'000));
  ASSERT_TRUE(left);
  EXPECT_EQ(left->lost, (std::vector<BatchStore::Lease>{{BatchId{"batch_1"}, n}}));
  EXPECT_TRUE(left->locked.empty());
  EXPECT_EQ(run(two.claim_direct(kNow + 2'500, 1'000, 2))->size(), 1u);  // its own, lapsed: again
}

TEST_F(Leases, OfABatchAreRenewedToo) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  batch(one, "batch_1");
  ASSERT_FALSE(run(one.claim_batches(BatchPhase::planning, kNow, 1'000, 1))->front().taken_over);
  EXPECT_TRUE(run(one.renew_leases({{BatchId{"batch_1"}, 0}}, kNow + 2'000))->lost.empty());
  EXPECT_TRUE(run(two.claim_batches(BatchPhase::planning, kNow + 1'500, 1'000, 1))->empty());
  const auto late = run(two.claim_batches(BatchPhase::planning, kNow + 2'001, 1'000, 1));
  ASSERT_EQ(late->size(), 1u);
  EXPECT_TRUE(late->front().taken_over);
  EXPECT_EQ(run(one.renew_leases({{BatchId{"batch_1"}, 0}}, kNow + 9'000))->lost.size(), 1u);
}

TEST_F(Leases, OfAServerThatStopsAreDueForOthersAtOnceAndThoseOfOthersStay) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  planned(one, "batch_1", 2, JobKind::direct);
  const auto of_one = run(one.claim_direct(kNow, 60'000, 1));
  ASSERT_EQ(run(two.claim_direct(kNow, 60'000, 1))->size(), 1u);
  ASSERT_TRUE(run(one.release_own_leases(kNow + 5)));
  const auto handed_on = run(two.claim_direct(kNow + 5, 60'000, 2));
  ASSERT_EQ(handed_on->size(), 1u);
  EXPECT_EQ(handed_on->front().job.n, of_one->front().job.n);
  EXPECT_FALSE(handed_on->front().taken_over);
}

TEST_F(Leases, WhoLostOneSavesNoAnswerNoStartAndNoEnd) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  const BatchId id{"batch_1"};
  planned(one, id.value, 1, JobKind::direct);
  ASSERT_EQ(run(one.claim_direct(kNow, 1'000, 1))->size(), 1u);
  ASSERT_EQ(run(two.claim_direct(kNow + 1'001, 1'000, 1))->size(), 1u);
  DirectResultStore late(*database_, "one");
  const auto saved = run(late.save(id, 1, {{1, 0}, 200, "late", {}, {}}, {50, 0}));
  EXPECT_EQ(saved.error().code(), Errc::conflict);
  EXPECT_TRUE(run(late.answered(id, 1))->keys.empty());
  EXPECT_EQ(run(one.jobs(id))->front().succeeded, 0);
  const auto started = run(one.job_started_directly(id, 1));
  EXPECT_EQ(started.error().code(), Errc::conflict);
  const auto ended = run(one.job_observed(id, 1, JobState::ended, "Completed", "", 0, 0, kNow));
  EXPECT_EQ(ended.error().code(), Errc::conflict);
  EXPECT_EQ(run(one.jobs(id))->front().state, JobState::planned);
}

TEST_F(Leases, ACancelAtOneServerIsSeenByOthers) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  planned(one, "batch_1", 1, JobKind::direct);
  planned(one, "batch_2", 1, JobKind::direct);
  const std::set<BatchId> at_work{BatchId{"batch_1"}, BatchId{"batch_2"}};
  EXPECT_TRUE(run(one.cancelling_of(at_work))->empty());
  ASSERT_TRUE(run(two.cancel(BatchId{"batch_2"}, Viewer{"me"}, kNow)));
  EXPECT_EQ(*run(one.cancelling_of(at_work)), (std::set<BatchId>{BatchId{"batch_2"}}));
}

// Whatever kind they are of.
TEST_F(Leases, OfAServerThatIsGoneCanAllBeReleasedAndThoseOfOthersStay) {
  BatchStore gone = batches("gone");
  BatchStore other = batches("other");
  LeaseStore gone_names(*database_, "gone");
  LeaseStore other_names(*database_, "other");
  planned(gone, "batch_1", 2, JobKind::direct);
  batch(gone, "batch_2");
  ASSERT_EQ(run(gone.claim_batches(BatchPhase::planning, kNow, 60'000, 1))->size(), 1u);
  const auto of_gone = run(gone.claim_direct(kNow, 60'000, 1));
  ASSERT_EQ(run(other.claim_direct(kNow, 60'000, 1))->size(), 1u);
  ASSERT_EQ(run(gone_names.take("monitor", kNow, kNow + 60'000)), Taken::yes);
  ASSERT_EQ(run(other_names.take("janitor", kNow, kNow + 60'000)), Taken::yes);

  ASSERT_TRUE(run(release_leases_of(*database_, "gone", kNow + 5)));

  BatchStore next = batches("next");
  LeaseStore next_names(*database_, "next");
  const auto jobs = run(next.claim_direct(kNow + 5, 60'000, 2));
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ(jobs->front().job.n, of_gone->front().job.n);
  EXPECT_EQ(run(next.claim_batches(BatchPhase::planning, kNow + 5, 60'000, 2))->size(), 1u);
  EXPECT_EQ(run(next_names.take("monitor", kNow + 5, kNow + 60'000)), Taken::yes);
  EXPECT_EQ(run(next_names.take("janitor", kNow + 5, kNow + 60'000)), Taken::no);
}

// Both counted the free slots before either took one.
TEST_F(Leases, TwoServersTakeNoMoreSlotsThanThereAre) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  planned(one, "batch_1", 9, JobKind::bedrock);
  const std::vector<BatchStore::Slots> three{{"dep", 3, 3}};
  const auto first = run(one.claim_staged(three, kNow, 60'000));
  const auto second = run(two.claim_staged(three, kNow, 60'000));
  EXPECT_EQ(first->size(), 3u);
  EXPECT_EQ(second->size(), 0u);
  // One that AWS may have already needs no slot: who takes it over settles it.
  const BatchStore::Lease asked{first->front().job.batch_id, first->front().job.n};
  ASSERT_TRUE(run(one.job_submitting(asked.batch_id, asked.n)));
  const auto settled = run(two.claim_staged(three, kNow + 60'001, 60'000));
  ASSERT_EQ(settled->size(), 3u);
  EXPECT_EQ(settled->front().job.n, asked.n);
  EXPECT_TRUE(settled->front().taken_over);
}

TEST_F(Leases, AJobKeepsTheMarkOfItsInput) {
  BatchStore one = batches("one");
  planned(one, "batch_1", 1, JobKind::bedrock);
  EXPECT_EQ(run(one.jobs(BatchId{"batch_1"}))->front().mark, "0123456789abcdef");
}

}  // namespace
}  // namespace quarry::store
