// What open batches hold, and what is left of it when their jobs are paid and when they end.
#include "store/reservations.h"

#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/file_store.h"
#include "store/spend_store.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>

namespace quarry::store {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

class Reservations : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }

  static BatchRow batch(const std::string& id) {
    BatchRow row = quarry::testing::new_batch(id, kNow);
    row.by = {.owner = "user:u", .team_id = "team", .key_hash = "key", .user_id = "u"};
    return row;
  }

  // Asks for the key and the team, and remembers how they stood.
  Admission asking(std::int64_t tokens, std::int64_t nano_usd, bool allow = true) {
    Admission admission;
    admission.reservations = {{Party::key, "key", tokens, nano_usd},
                              {Party::team, "team", tokens, nano_usd},
                              {Party::model, "m", tokens, 0}};
    admission.asks = {
        {Party::key, "key", 0}, {Party::team, "team", 0}, {Party::model, "m", std::nullopt}};
    admission.judge = [this, allow](const std::vector<Standing>& standings) -> Result<void> {
      seen_ = standings;
      if (allow) return {};
      return fail(Error(Errc::limited, "no"));
    };
    return admission;
  }

  // How the parties stand: a creation that is refused changes nothing.
  const std::vector<Standing>& standings() {
    EXPECT_EQ(
        run(store_.create(batch("batch_probe"), std::nullopt, true, kNow, asking(1, 1, false)))
            .error()
            .code(),
        Errc::limited);
    return seen_;
  }

  void plan(const std::string& id) {
    ASSERT_EQ(run(store_.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
    JobRow job;
    job.batch_id = BatchId{id};
    job.n = 1;
    job.deployment_id = "dep";
    job.model_name = "m";
    job.records = job.lines = 100;
    ASSERT_TRUE(run(store_.save_plan({BatchId{id}, "m", 100, 0, std::nullopt, {job}}, kNow)));
  }

  void collect(const std::string& id, std::int64_t nano_usd) {
    ASSERT_EQ(run(store_.claim_jobs(JobKind::bedrock, {JobState::staged}, kNow, 1000, 5))->size(),
              1u);
    BatchStore::Collected collected;
    collected.id = BatchId{id};
    collected.n = 1;
    collected.completed = 100;
    collected.usage = {10, 1, 2, 20, 3};
    collected.cost_nano_usd = nano_usd;
    collected.bill = {.model_id = "anthropic.x",
                      .input_nano_usd = 1,
                      .output_nano_usd = nano_usd - 1,
                      .price = PriceOfJob{1, 2, 3, 4},
                      .price_source = "here",
                      .price_date = "2026-08-31"};
    ASSERT_TRUE(run(store_.job_collected(collected, kNow)));
  }

  void finish(const std::string& id) {
    ASSERT_EQ(run(store_.claim_batches(BatchPhase::running, kNow, 1000, 5))->size(), 1u);
    BatchStore::End end;
    end.id = BatchId{id};
    end.output_file.id = FileId{"file-out-" + id};
    end.error_file.id = FileId{"file-err-" + id};
    ASSERT_TRUE(run(store_.finish(end, kNow)));
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
  BatchStore store_{*database_, "worker"};
  std::vector<Standing> seen_;
};

TEST_F(Reservations, StandAsLongAsTheBatchIsOpen) {
  ASSERT_TRUE(run(store_.create(batch("batch_1"), std::nullopt, true, kNow, asking(700, 5'000))));
  for (const Standing& one : standings()) {
    EXPECT_EQ(one.open_batches, 1);
    EXPECT_EQ(one.enqueued_tokens, 700);
    EXPECT_EQ(one.spent_nano_usd, 0);
  }
  EXPECT_EQ(seen_[0].reserved_nano_usd, 5'000);
  plan("batch_1");
  collect("batch_1", 3'000);
  EXPECT_EQ(standings()[0].reserved_nano_usd, 2'000);
  EXPECT_EQ(seen_[0].spent_nano_usd, 3'000);
  EXPECT_EQ(seen_[1].spent_nano_usd, 3'000);
  EXPECT_EQ(seen_[2].spent_nano_usd, 0);
  EXPECT_EQ(seen_[0].enqueued_tokens, 700);
  finish("batch_1");
  EXPECT_EQ(standings()[0].open_batches, 0);
  EXPECT_EQ(seen_[0].reserved_nano_usd, 0);
  EXPECT_EQ(seen_[0].spent_nano_usd, 3'000);
  EXPECT_EQ(seen_[1].enqueued_tokens, 0);
  EXPECT_EQ(seen_[2].enqueued_tokens, 0);
}

TEST_F(Reservations, AreNeverLessThanNothingHoweverMuchWasPaid) {
  ASSERT_TRUE(run(store_.create(batch("batch_1"), std::nullopt, true, kNow, asking(700, 2'000))));
  plan("batch_1");
  collect("batch_1", 3'000);
  EXPECT_EQ(standings()[0].reserved_nano_usd, 0);
  EXPECT_EQ(seen_[0].spent_nano_usd, 3'000);
}

TEST_F(Reservations, OfBatchesThatAskForMoreThanThereIsLeaveRoomForTheNextQuestion) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (int i = 0; i < 12; ++i) {
    const auto made = run(store_.create(batch(fmt::format("batch_{}", i)), std::nullopt, true, kNow,
                                        asking(most, most)));
    ASSERT_TRUE(made) << made.error().message();
  }
  EXPECT_EQ(standings()[0].open_batches, 12);
  EXPECT_EQ(seen_[0].enqueued_tokens, 12 * kReservedTokensMax);
  EXPECT_EQ(seen_[0].reserved_nano_usd, most);
}

TEST_F(Reservations, AreSummedToTheLastNanoDollar) {
  constexpr std::int64_t odd = 1'999'999'999;
  for (const char* id : {"batch_1", "batch_2"}) {
    ASSERT_TRUE(run(store_.create(batch(id), std::nullopt, true, kNow, asking(odd, odd + 1))));
  }
  EXPECT_EQ(standings()[0].enqueued_tokens, 2 * odd);
  EXPECT_EQ(seen_[0].reserved_nano_usd, 2 * odd + 2);
}

TEST_F(Reservations, OfABatchThatFailsValidationAreReleasedAndItsCreationSaysFailure) {
  ASSERT_TRUE(run(store_.create(batch("batch_1"), std::nullopt, true, kNow, asking(700, 2'000))));
  ASSERT_EQ(run(store_.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
  ASSERT_TRUE(run(store_.fail_validation(BatchId{"batch_1"}, {}, kNow)));
  EXPECT_EQ(standings()[0].open_batches, 0);
  SpendStore spend(*database_);
  const auto rows = run(spend.logs({.filter = {.viewer = {.all = true}}}));
  ASSERT_EQ(rows->rows.size(), 1u);
  EXPECT_EQ(rows->rows[0].row.status, "failure");
  EXPECT_EQ(rows->rows[0].row.request_id, "batch_1");
}

TEST_F(Reservations, OfABatchThatIsCancelledBeforeItsPlanAreReleasedAndItsEndHasCostNothing) {
  ASSERT_TRUE(run(store_.create(batch("batch_1"), std::nullopt, true, kNow, asking(700, 2'000))));
  ASSERT_EQ(run(store_.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
  ASSERT_TRUE(run(store_.cancel(BatchId{"batch_1"}, Viewer{.all = true}, kNow)));
  ASSERT_TRUE(run(store_.fail_validation(BatchId{"batch_1"}, {}, kNow + 3'000)));
  EXPECT_EQ(standings()[0].open_batches, 0);
  SpendStore spend(*database_);
  const auto rows = run(spend.logs({.filter = {.viewer = {.all = true}}}));
  std::map<std::string, SpendRow> by_id;
  for (const SpendLogRow& log : rows->rows) by_id[log.row.request_id] = log.row;
  ASSERT_EQ(by_id.size(), 2u);
  EXPECT_EQ(by_id["batch_1"].status, "success");
  const SpendRow& end = by_id["batch_1_batch_cost"];
  EXPECT_EQ(end.call_type, "batch_success");
  EXPECT_EQ(end.status, "cancelled");
  EXPECT_EQ(end.by.owner, by_id["batch_1"].by.owner);
  EXPECT_EQ(end.ended_at, kNow / 1000 + 3);
  EXPECT_EQ(end.cost_nano_usd, 0);
  EXPECT_TRUE(end.cost_known);
}

TEST_F(Reservations, OfARepeatAreNotMadeTwiceAndItIsNeverRefused) {
  const IdempotencyClaim claim{"key:k", "hash", 1000};
  ASSERT_TRUE(run(store_.create(batch("batch_1"), claim, false, kNow, asking(700, 2'000))));
  const auto again =
      run(store_.create(batch("batch_2"), claim, false, kNow + 1, asking(700, 2'000, false)));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->id.value, "batch_1");
  EXPECT_EQ(standings()[0].enqueued_tokens, 700);
}

TEST_F(Reservations, OfWhatIsRefusedAreNotMadeNorIsTheBatch) {
  standings();
  EXPECT_EQ(run(store_.find(BatchId{"batch_probe"}, Viewer{.all = true})).error().code(),
            Errc::not_found);
  EXPECT_EQ(standings()[0].open_batches, 0);
}

TEST_F(Reservations, TheBillOfAJobIsKeptAsItWas) {
  ASSERT_TRUE(run(store_.create(batch("batch_1"), std::nullopt, true, kNow, {})));
  plan("batch_1");
  collect("batch_1", 3'000);
  SpendStore spend(*database_);
  const SpendFilter all{.viewer = {.all = true}};
  const auto before = run(spend.report(
      {.filter = all, .group_by = {GroupBy::day, GroupBy::team, GroupBy::key, GroupBy::model}}));
  ASSERT_TRUE(before) << before.error().message();
  ASSERT_EQ(before->rows.size(), 1u);
  EXPECT_EQ(before->rows[0].groups, (std::vector<std::string>{"2027-01-15", "team", "key", "m"}));
  EXPECT_EQ(before->rows[0].spent.cost_nano_usd, 3'000);
  EXPECT_EQ(before->rows[0].spent.usage, (openai::Usage{10, 1, 2, 20, 3}));
  EXPECT_EQ(before->total.jobs, 1);
  finish("batch_1");
  const auto logs = run(spend.logs({.filter = all, .request_id = "batch_1_batch_cost"}));
  ASSERT_EQ(logs->rows.size(), 1u);
  ASSERT_EQ(logs->rows[0].bills.size(), 1u);
  const BillRow& bill = logs->rows[0].bills[0];
  EXPECT_EQ(bill.model_id, "anthropic.x");
  EXPECT_EQ(bill.price, (PriceOfJob{1, 2, 3, 4}));
  EXPECT_EQ(bill.price_date, "2026-08-31");
  EXPECT_EQ(bill.spent.input_nano_usd + bill.spent.output_nano_usd, 3'000);
}

TEST_F(Reservations, TheLedgerShowsAViewerItsOwnAndItsTeamsRowsAndPages) {
  for (const char* id : {"batch_1", "batch_2", "batch_3"})
    ASSERT_TRUE(run(store_.create(batch(id), std::nullopt, true, kNow, {})));
  SpendStore spend(*database_);
  const auto seen = [&](Viewer viewer) {
    return run(spend.logs({.filter = {.viewer = std::move(viewer)}}))->rows.size();
  };
  EXPECT_EQ(seen({.owner = "user:u"}), 3u);
  EXPECT_EQ(seen({.owner = "other", .team_id = "team"}), 3u);
  EXPECT_EQ(seen({.owner = "other", .team_id = "else"}), 0u);
  EXPECT_EQ(seen({.owner = "other"}), 0u);
  SpendStore::LogQuery query{.filter = {.viewer = {.all = true}}, .limit = 2};
  auto page = run(spend.logs(query));
  ASSERT_EQ(page->rows.size(), 2u);
  EXPECT_TRUE(page->has_more);
  query.after = page->rows.back().row.request_id;
  page = run(spend.logs(query));
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_FALSE(page->has_more);
  EXPECT_EQ(page->rows[0].row.batch_id.value, "batch_3");
  query.after = "nothing";
  EXPECT_EQ(run(spend.logs(query)).error().param(), "after");
  EXPECT_EQ(run(spend.logs({.filter = {.viewer = {.all = true},
                                       .from_s = kNow / 1000,
                                       .to_s = kNow / 1000 + 1}}))
                ->rows.size(),
            3u);
  EXPECT_EQ(
      run(spend.logs({.filter = {.viewer = {.all = true}, .to_s = kNow / 1000}}))->rows.size(), 0u);
}

TEST_F(Reservations, FilesOfADayAreCountedWithTheDeletedOnes) {
  FileStore files(*database_);
  const auto file = [&](const std::string& id, const char* purpose, std::int64_t at) {
    FileRow row;
    row.id = FileId{id};
    row.by = batch("x").by;
    row.purpose = purpose;
    row.created_at = at;
    return row;
  };
  std::int64_t of_key = -1, of_team = -1;
  FileQuota quota{.of_key = true, .of_team = true, .since = 1000};
  quota.judge = [&](std::int64_t key, std::int64_t team) -> Result<void> {
    of_key = key;
    of_team = team;
    if (key < 2) return {};
    return fail(Error(Errc::limited, "no"));
  };
  ASSERT_TRUE(run(files.insert(file("file-1", "batch", 999), {}, quota)));
  ASSERT_TRUE(run(files.insert(file("file-2", "batch", 1000), {}, quota)));
  ASSERT_TRUE(run(files.insert(file("file-3", "batch_output", 1001), {}, {})));
  ASSERT_TRUE(run(files.insert(file("file-4", "user_data", 1001), {}, quota)));
  EXPECT_EQ(of_key, 1);
  EXPECT_EQ(of_team, 1);
  ASSERT_TRUE(run(files.remove(FileId{"file-2"}, Viewer{.all = true}, 1002)));
  EXPECT_EQ(run(files.insert(file("file-5", "batch", 1002), {}, quota)).error().code(),
            Errc::limited);
  EXPECT_EQ(run(files.find(FileId{"file-5"}, Viewer{.all = true}, 1002)).error().code(),
            Errc::not_found);
}

}  // namespace
}  // namespace quarry::store
