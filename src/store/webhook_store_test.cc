// What the rows of events promise: written with the batch's end, claimed by one, receivers in turn.

#include "store/webhook_store.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quarry::store {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

class Webhooks : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  WebhookStore webhooks(const std::string& owner = "server") {
    return WebhookStore(*database_, owner);
  }

  // A batch that has begun to be planned.
  BatchRow planning_batch(BatchStore& batches, const std::string& id) {
    BatchRow row = quarry::testing::new_batch(id, kNow);
    EXPECT_TRUE(run(batches.create(row, std::nullopt, true, kNow)));
    EXPECT_EQ(run(batches.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
    return row;
  }
  // Every batch's end is told to these.
  BatchStore batches_told_to(std::vector<std::string> receivers, bool of_batch = false) {
    BatchStore batches(*database_, "engine");
    batches.tell_of_ends(
        [receivers = std::move(receivers), of_batch, number = 0](
            const BatchRow& batch, openai::BatchStatus status, std::int64_t now_ms) mutable {
          std::vector<WebhookRow> rows;
          for (const std::string& receiver : receivers) {
            WebhookRow row;
            row.id = fmt::format("wh_{:03}_{}", ++number, receiver);
            row.batch_id = batch.id;
            row.event_type = fmt::format("batch.{}", openai::name(status));
            row.url = fmt::format("https://{}/x", receiver);
            row.receiver = receiver;
            row.of_batch = of_batch;
            row.body = fmt::format("body of {}", batch.id.value);
            row.created_ms = now_ms;
            rows.push_back(std::move(row));
          }
          return rows;
        });
    return batches;
  }
  void batches_fail(std::vector<std::string> receivers, int count, bool of_batch = false) {
    BatchStore batches = batches_told_to(std::move(receivers), of_batch);
    for (int i = 0; i < count; ++i) {
      const std::string id = fmt::format("batch_{}", ++made_);
      planning_batch(batches, id);
      ASSERT_TRUE(run(batches.fail_validation(BatchId{id}, {}, kNow + i)));
    }
  }
  std::vector<WebhookRow> claim(int limit,
                                int per_receiver = 100,
                                std::map<std::string, int> running = {},
                                std::int64_t now_ms = kNow + 1000,
                                const std::string& owner = "server") {
    return run(webhooks(owner).claim({.of_batches = false,
                                      .limit = limit,
                                      .per_receiver = per_receiver,
                                      .running = std::move(running),
                                      .now_ms = now_ms,
                                      .lease_ms = 5000}))
        .value();
  }
  static std::vector<std::string> receivers_of(const std::vector<WebhookRow>& rows) {
    std::vector<std::string> names;
    for (const WebhookRow& row : rows) names.push_back(row.receiver);
    return names;
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
  int made_ = 0;
};

TEST_F(Webhooks, OfABatchThatFailsAreWrittenWithItsEnd) {
  BatchStore batches = batches_told_to({"one"});
  planning_batch(batches, "batch_1");
  EXPECT_TRUE(claim(10).empty());
  ASSERT_TRUE(run(batches.fail_validation(BatchId{"batch_1"}, {}, kNow)));
  const auto rows = claim(10);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].id, "wh_001_one");
  EXPECT_EQ(rows[0].batch_id.value, "batch_1");
  EXPECT_EQ(rows[0].event_type, "batch.failed");
  EXPECT_EQ(rows[0].url, "https://one/x");
  EXPECT_EQ(rows[0].receiver, "one");
  EXPECT_EQ(rows[0].body, "body of batch_1");
  EXPECT_EQ(rows[0].created_ms, kNow);
  EXPECT_EQ(rows[0].attempts, 0);
  EXPECT_FALSE(rows[0].of_batch);
}

TEST_F(Webhooks, OfABatchCancelledBeforeItWasPlannedSaySo) {
  BatchStore batches = batches_told_to({"one"});
  planning_batch(batches, "batch_1");
  ASSERT_TRUE(run(batches.cancel(BatchId{"batch_1"}, Viewer{"me"}, kNow)));
  ASSERT_TRUE(run(batches.fail_validation(BatchId{"batch_1"}, {}, kNow)));
  EXPECT_EQ(claim(10)[0].event_type, "batch.cancelled");
}

TEST_F(Webhooks, OfAFinishedBatchSayItsLastStatusWhateverWasAskedFor) {
  for (const bool cancelled : {false, true}) {
    BatchStore batches = batches_told_to({cancelled ? "one" : "another"});
    const std::string id = cancelled ? "batch_c" : "batch_e";
    const BatchRow row = planning_batch(batches, id);
    ASSERT_TRUE(run(batches.save_plan({row.id, "m", 0, 0, std::nullopt, {}}, kNow)));
    if (cancelled) {
      ASSERT_TRUE(run(batches.cancel(row.id, Viewer{"me"}, kNow)));
    }
    ASSERT_EQ(run(batches.claim_batches(BatchPhase::running, kNow, 1000, 5))->size(), 1u);
    ASSERT_TRUE(run(
        batches.finish({row.id, openai::BatchStatus::expired, {}, FileRow(), FileRow()}, kNow)));
    const auto rows = claim(10);
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].event_type, cancelled ? "batch.cancelled" : "batch.expired");
    ASSERT_TRUE(run(webhooks().delivered(rows[0].id, kNow)));
  }
}

TEST_F(Webhooks, WhoLostTheBatchsLeaseTellsNobody) {
  BatchStore batches = batches_told_to({"one"});
  planning_batch(batches, "batch_1");
  ASSERT_TRUE(run(batches.fail_validation(BatchId{"batch_1"}, {}, kNow)));
  EXPECT_FALSE(run(batches.fail_validation(BatchId{"batch_1"}, {}, kNow)));
  EXPECT_EQ(claim(10).size(), 1u);
}

TEST_F(Webhooks, OneUrlIsToldOnceOfABatchsEnd) {
  batches_fail({"one", "one"}, 1);
  EXPECT_EQ(claim(10).size(), 1u);
}

TEST_F(Webhooks, AreClaimedByOneAndComeAgainWhenTheLeaseHasRunOut) {
  batches_fail({"one"}, 1);
  EXPECT_EQ(claim(10, 100, {}, kNow, "first").size(), 1u);
  EXPECT_TRUE(claim(10, 100, {}, kNow + 4999, "second").empty());
  EXPECT_EQ(run(webhooks().next_due_ms()).value(), kNow + 5000);
  const auto again = claim(10, 100, {}, kNow + 5000, "second");
  ASSERT_EQ(again.size(), 1u);
  // The first is late: nothing that it says counts.
  ASSERT_TRUE(run(webhooks("first").delivered(again[0].id, kNow)));
  ASSERT_TRUE(run(webhooks("first").failed(again[0].id, "late", kNow)));
  ASSERT_TRUE(run(webhooks("first").given_up(again[0].id, "late", kNow)));
  const auto left = run(webhooks().undelivered(10)).value();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].webhook.attempts, 0);
  EXPECT_EQ(left[0].due_ms, kNow + 10'000);
}

TEST_F(Webhooks, AreDeliveredOrFailOrAreGivenUp) {
  batches_fail({"a", "b", "c"}, 1);
  const auto rows = claim(10);
  ASSERT_EQ(receivers_of(rows), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(run(webhooks().delivered(rows[0].id, kNow)));
  ASSERT_TRUE(run(webhooks().failed(rows[1].id, "it answered 500", kNow + 60'000)));
  ASSERT_TRUE(run(webhooks().given_up(rows[2].id, "it answered 410", kNow + 7)));
  EXPECT_EQ(run(webhooks().next_due_ms()).value(), kNow + 60'000);
  EXPECT_TRUE(claim(10, 100, {}, kNow + 59'999).empty());
  const auto left = run(webhooks().undelivered(10)).value();
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0].webhook.receiver, "b");
  EXPECT_EQ(left[0].webhook.attempts, 1);
  EXPECT_EQ(left[0].webhook.last_error, "it answered 500");
  EXPECT_FALSE(left[0].given_up_ms);
  EXPECT_EQ(left[1].given_up_ms, kNow + 7);
  const auto again = claim(10, 100, {}, kNow + 60'000);
  ASSERT_EQ(again.size(), 1u);
  ASSERT_TRUE(run(webhooks().delivered(again[0].id, kNow)));
  EXPECT_EQ(run(webhooks().next_due_ms()).value(), std::nullopt);
}

TEST_F(Webhooks, GoToReceiversInTurn) {
  batches_fail({"a"}, 3);
  batches_fail({"b"}, 2);
  EXPECT_EQ(receivers_of(claim(3)), (std::vector<std::string>{"a", "b", "a"}));
  // What is left came at b first.
  EXPECT_EQ(receivers_of(claim(3)), (std::vector<std::string>{"b", "a"}));
}

TEST_F(Webhooks, NoReceiverGetsMoreAtOnceThanItMay) {
  batches_fail({"a"}, 5);
  batches_fail({"b"}, 1);
  EXPECT_EQ(receivers_of(claim(10, 2)), (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_TRUE(claim(10, 2, {{"a", 2}}).empty());
  EXPECT_EQ(receivers_of(claim(10, 2, {{"a", 1}})), (std::vector<std::string>{"a"}));
  batches_fail({"c"}, 1);
  // Those that are passed over take nobody's place.
  EXPECT_EQ(receivers_of(claim(1, 2, {{"a", 2}})), (std::vector<std::string>{"c"}));
}

TEST_F(Webhooks, OfBatchesOwnUrlsAreClaimedApart) {
  batches_fail({"a"}, 1, /*of_batch=*/true);
  EXPECT_TRUE(claim(10).empty());
  const auto rows = run(webhooks().claim({.of_batches = true,
                                          .limit = 10,
                                          .per_receiver = 1,
                                          .running = {},
                                          .now_ms = kNow,
                                          .lease_ms = 1}))
                        .value();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_TRUE(rows[0].of_batch);
}

TEST_F(Webhooks, AreGivenBackByWhoStops) {
  batches_fail({"a"}, 1);
  ASSERT_EQ(claim(10).size(), 1u);
  ASSERT_TRUE(run(webhooks().release_all(kNow + 2)));
  EXPECT_EQ(run(webhooks().next_due_ms()).value(), kNow + 2);
  EXPECT_EQ(claim(10, 100, {}, kNow + 2, "another").size(), 1u);
  // On SQLite nobody else can be alive.
  ASSERT_TRUE(run(webhooks().release_all(kNow + 3)));
  EXPECT_EQ(claim(10, 100, {}, kNow + 3).size(), database_.on_postgresql() ? 0u : 1u);
}

TEST_F(Webhooks, AreForgottenLongAfterTheyWereDeliveredOrGivenUp) {
  batches_fail({"a", "b", "c"}, 1);
  const auto rows = claim(10);
  ASSERT_TRUE(run(webhooks().delivered(rows[0].id, kNow)));
  ASSERT_TRUE(run(webhooks().given_up(rows[1].id, "x", kNow)));
  EXPECT_EQ(run(webhooks().forget(kNow, kNow)).value(), 0);
  EXPECT_EQ(run(webhooks().forget(kNow + 1, kNow)).value(), 1);
  EXPECT_EQ(run(webhooks().forget(kNow + 1, kNow + 1)).value(), 1);
  EXPECT_EQ(run(webhooks().undelivered(10)).value().size(), 1u);
}

}  // namespace
}  // namespace quarry::store
