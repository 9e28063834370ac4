// What the rows promise: leases, repeats, money once. On a real database of the test's own.
#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/file_store.h"
#include "store/spend_store.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace quarry::store {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000;

class Store : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  BatchStore batches(const std::string& owner = "worker") { return BatchStore(*database_, owner); }

  BatchRow batch(const std::string& id) const {
    BatchRow row = quarry::testing::new_batch(id, kNow);
    row.object.metadata_json = R"({"a":"b"})";
    return row;
  }
  // A batch in phase running with one bedrock job, leased by `store`.
  void planned_batch(BatchStore& store, const std::string& id) {
    ASSERT_TRUE(run(store.create(batch(id), std::nullopt, true, kNow)));
    ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
    JobRow job;
    job.batch_id = BatchId{id};
    job.n = 1;
    job.deployment_id = "dep";
    job.model_name = "m";
    job.records = 100;
    ASSERT_TRUE(run(store.save_plan({BatchId{id}, "m", 100, 0, std::nullopt, {job}}, kNow)));
  }

  // The job of planned_batch(), which `store` works on.
  void leased_job(BatchStore& store, const std::string& id) {
    planned_batch(store, id);
    ASSERT_EQ(run(store.claim_jobs(std::nullopt, {JobState::staged}, kNow, 1000, 5))->size(), 1u);
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
};

TEST_F(Store, ABatchComesBackAsItWasWritten) {
  BatchStore store = batches();
  ASSERT_TRUE(run(store.create(batch("batch_1"), std::nullopt, true, kNow)));
  const auto found = run(store.find(BatchId{"batch_1"}, Viewer{"me"}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->object.endpoint, "/v1/chat/completions");
  EXPECT_EQ(found->object.metadata_json, R"({"a":"b"})");
  EXPECT_EQ(found->object.expires_at, kNow / 1000 + 86'400);
  EXPECT_EQ(found->object.status, openai::BatchStatus::validating);
  EXPECT_EQ(found->object.output_file_id, std::nullopt);
}

TEST_F(Store, AnothersBatchIsNotFound) {
  BatchStore store = batches();
  ASSERT_TRUE(run(store.create(batch("batch_1"), std::nullopt, true, kNow)));
  EXPECT_EQ(run(store.find(BatchId{"batch_1"}, Viewer{"you"})).error().code(), Errc::not_found);
  EXPECT_EQ(run(store.cancel(BatchId{"batch_1"}, Viewer{"you"}, kNow)).error().code(),
            Errc::not_found);
}

TEST_F(Store, ARepeatWithTheSameKeyGivesTheFirstBatch) {
  BatchStore store = batches();
  const IdempotencyClaim claim{"key:k", "hash", 1000};
  ASSERT_EQ(run(store.create(batch("batch_1"), claim, false, kNow))->id.value, "batch_1");
  EXPECT_EQ(run(store.create(batch("batch_2"), claim, false, kNow + 1))->id.value, "batch_1");
  EXPECT_EQ(run(store.find(BatchId{"batch_2"}, Viewer{"me"})).error().code(), Errc::not_found);
}

TEST_F(Store, TheSameKeyWithAnotherBodyIsAConflict) {
  BatchStore store = batches();
  ASSERT_TRUE(
      run(store.create(batch("batch_1"), IdempotencyClaim{"key:k", "hash", 1000}, false, kNow)));
  const auto other =
      run(store.create(batch("batch_2"), IdempotencyClaim{"key:k", "other", 1000}, false, kNow));
  EXPECT_EQ(other.error().code(), Errc::conflict);
}

TEST_F(Store, AKeyIsForgottenAfterItsTime) {
  BatchStore store = batches();
  const IdempotencyClaim claim{"key:k", "hash", 1000};
  ASSERT_TRUE(run(store.create(batch("batch_1"), claim, false, kNow)));
  EXPECT_EQ(run(store.create(batch("batch_2"), claim, false, kNow + 1001))->id.value, "batch_2");
}

TEST_F(Store, OnlyOneWorkerClaimsABatch) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  ASSERT_TRUE(run(one.create(batch("batch_1"), std::nullopt, true, kNow)));
  EXPECT_EQ(run(one.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
  EXPECT_EQ(run(two.claim_batches(BatchPhase::planning, kNow + 999, 1000, 5))->size(), 0u);
}

TEST_F(Store, AnExpiredLeaseIsTakenOverAndTheFirstWorkerCanWriteNothing) {
  BatchStore one = batches("one");
  BatchStore two = batches("two");
  ASSERT_TRUE(run(one.create(batch("batch_1"), std::nullopt, true, kNow)));
  ASSERT_EQ(run(one.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
  EXPECT_EQ(run(two.claim_batches(BatchPhase::planning, kNow + 1001, 1000, 5))->size(), 1u);
  const auto late = run(one.fail_validation(BatchId{"batch_1"}, {{"c", "m", "", 1}}, kNow));
  EXPECT_EQ(late.error().code(), Errc::conflict);
  EXPECT_EQ(run(one.find(BatchId{"batch_1"}, Viewer{"me"}))->object.status,
            openai::BatchStatus::validating);
}

TEST_F(Store, AWishMadeWhileARowIsWorkedOnIsNotLost) {
  BatchStore store = batches();
  planned_batch(store, "batch_1");
  ASSERT_EQ(run(store.claim_batches(BatchPhase::running, kNow, 1000, 5))->size(), 1u);
  ASSERT_TRUE(run(store.cancel(BatchId{"batch_1"}, Viewer{"me"}, kNow + 5)));
  ASSERT_TRUE(run(store.release_batch(BatchId{"batch_1"}, kNow + 60'000, 0)));
  EXPECT_EQ(run(store.claim_batches(BatchPhase::running, kNow + 6, 1000, 5))->size(), 1u);
}

TEST_F(Store, AJobIsCollectedOnceAndTheBatchIsBilledOnce) {
  BatchStore store = batches();
  planned_batch(store, "batch_1");
  ASSERT_EQ(run(store.claim_jobs(JobKind::bedrock, {JobState::staged}, kNow, 1000, 5))->size(), 1u);
  BatchStore::Collected collected;
  collected.id = BatchId{"batch_1"};
  collected.n = 1;
  collected.completed = 99;
  collected.failed = 1;
  collected.usage = {10, 0, 0, 20, 0};
  collected.cost_nano_usd = 330;
  collected.output_segment = SegmentRow{1, "dep", "b", "files/out/1", 500};
  ASSERT_TRUE(run(store.job_collected(collected, kNow)));
  EXPECT_EQ(run(store.job_collected(collected, kNow)).error().code(), Errc::conflict);

  ASSERT_EQ(run(store.claim_batches(BatchPhase::running, kNow, 1000, 5))->size(), 1u);
  BatchStore::End end;
  end.id = BatchId{"batch_1"};
  end.output_file = {.id = FileId{"file-out-batch_1"},
                     .by = {.owner = "me"},
                     .filename = "o.jsonl",
                     .purpose = "batch_output",
                     .created_at = kNow / 1000};
  ASSERT_TRUE(run(store.finish(end, kNow)));
  EXPECT_EQ(run(store.finish(end, kNow)).error().code(), Errc::conflict);

  SpendStore spend(*database_);
  const auto all = run(spend.logs({.filter = {.viewer = {"me"}, .batch_id = "batch_1"}}));
  ASSERT_EQ(all->rows.size(), 2u);
  const auto billed =
      run(spend.logs({.filter = {.viewer = {"me"}}, .request_id = "batch_1_batch_cost"}));
  ASSERT_EQ(billed->rows.size(), 1u);
  const SpendRow& row = billed->rows.front().row;
  EXPECT_EQ(row.call_type, "batch_success");
  EXPECT_EQ(row.status, "completed");
  EXPECT_EQ(row.cost_nano_usd, 330);
  EXPECT_EQ(row.usage.total_tokens(), 30);

  const auto done = run(store.find(BatchId{"batch_1"}, Viewer{"me"}));
  EXPECT_EQ(done->object.status, openai::BatchStatus::completed);
  EXPECT_EQ(done->object.output_file_id, "file-out-batch_1");
  EXPECT_EQ(done->object.error_file_id, std::nullopt);
  EXPECT_EQ(done->object.completed, 99);
  EXPECT_EQ(done->object.failed, 1);
}

TEST_F(Store, CancelOfAnEndedBatchIsAConflictAndOfACancelledOneIsNot) {
  BatchStore store = batches();
  ASSERT_TRUE(run(store.create(batch("batch_1"), std::nullopt, true, kNow)));
  EXPECT_EQ(run(store.cancel(BatchId{"batch_1"}, Viewer{"me"}, kNow))->object.status,
            openai::BatchStatus::cancelling);
  EXPECT_EQ(run(store.cancel(BatchId{"batch_1"}, Viewer{"me"}, kNow))->object.status,
            openai::BatchStatus::cancelling);
  ASSERT_TRUE(run(store.create(batch("batch_2"), std::nullopt, true, kNow)));
  ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 2u);
  ASSERT_TRUE(run(store.fail_validation(BatchId{"batch_2"}, {{"c", "m", "p", 7}}, kNow)));
  const auto refused = run(store.cancel(BatchId{"batch_2"}, Viewer{"me"}, kNow));
  EXPECT_EQ(refused.error().code(), Errc::conflict);
  EXPECT_EQ(refused.error().message(), "Cannot cancel a batch with status 'failed'.");
}

TEST_F(Store, PagesGiveEachRowOnceEvenWithinOneSecond) {
  BatchStore store = batches();
  for (int i = 0; i < 25; ++i) {
    ASSERT_TRUE(run(store.create(batch(fmt::format("batch_{:02}", i)), std::nullopt, true, kNow)));
  }
  std::set<std::string> seen;
  ListQuery query{Viewer{"me"}, 10, false, "", ""};
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = run(store.list(query));
    ASSERT_TRUE(page);
    for (const auto& row : page->rows) {
      // Newest first, though all of them are of one second.
      EXPECT_EQ(row.id.value, fmt::format("batch_{:02}", 24 - static_cast<int>(seen.size())));
      seen.insert(row.id.value);
    }
    if (!page->has_more) break;
    query.after = page->rows.back().id.value;
  }
  EXPECT_EQ(seen.size(), 25u);
  query.after = "batch_unknown";
  EXPECT_EQ(run(store.list(query)).error().param(), "after");
}

TEST_F(Store, AFileIsGoneForClientsOnceDeletedAndStaysForItsBatch) {
  FileStore files(*database_);
  const FileRow file{FileId{"file-1"}, Ownership{.owner = "me"}, "a.jsonl", "batch", 5,
                     kNow / 1000,      kNow / 1000 + 60,         {"m1"},    "{}"};
  ASSERT_TRUE(run(files.insert(file, {{0, "dep", "b", "k", 5}})));
  EXPECT_EQ(run(files.find(file.id, Viewer{"me"}, kNow / 1000))->target_models,
            std::vector<std::string>{"m1"});
  EXPECT_EQ(run(files.find(file.id, Viewer{"me"}, kNow / 1000 + 60)).error().code(),
            Errc::not_found);
  ASSERT_TRUE(run(files.remove(file.id, Viewer{"me"}, kNow / 1000)));
  EXPECT_EQ(run(files.remove(file.id, Viewer{"me"}, kNow / 1000)).error().code(), Errc::not_found);
  EXPECT_EQ(run(files.find(file.id, Viewer{"me"}, kNow / 1000)).error().code(), Errc::not_found);
  EXPECT_TRUE(run(files.find_even_deleted(file.id)));
  EXPECT_EQ(run(files.segments(file.id))->size(), 1u);
}

// PostgreSQL's TEXT holds neither.
TEST_F(Store, NamesMayHoldNulAndWhatIsNotUtf8) {
  using namespace std::string_literals;
  FileStore files(*database_);
  FileRow file;
  file.id = FileId{"file-1"};
  file.by.owner = "me";
  file.filename = "a\0b\xff\x1a"s;
  file.purpose = "batch";
  ASSERT_TRUE(run(files.insert(file, {})));
  EXPECT_EQ(run(files.find(file.id, Viewer{"me"}, 0))->filename, file.filename);
  for (const std::string& other : {"file-1\0"s, "file-1\xff"s}) {
    const auto found = run(files.find(FileId{other}, Viewer{"me"}, 0));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Errc::not_found);
  }
}

TEST_F(Store, AJobKeepsWhatItsRecordsWereTranslatedFor) {
  BatchStore store = batches();
  ASSERT_TRUE(run(store.create(batch("batch_1"), std::nullopt, true, kNow)));
  ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
  JobRow job;
  job.batch_id = BatchId{"batch_1"};
  job.n = 1;
  job.lines = 3;
  job.records = 300;
  job.invocation = bedrock::InvocationType::Converse;
  job.family = "nova";
  ASSERT_TRUE(run(store.save_plan({BatchId{"batch_1"}, "m", 3, 0, std::nullopt, {job}}, kNow)));
  const auto jobs = run(store.jobs(BatchId{"batch_1"}));
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ(jobs->front().lines, 3);
  EXPECT_EQ(jobs->front().records, 300);
  EXPECT_EQ(jobs->front().invocation, bedrock::InvocationType::Converse);
  EXPECT_EQ(jobs->front().family, "nova");
}

TEST_F(Store, TheFirstDirectAnswerStays) {
  DirectResultStore results(*database_, "worker");
  const BatchId id{"batch_1"};
  BatchStore store = batches();
  leased_job(store, "batch_1");
  ASSERT_TRUE(run(results.save(id, 1, {{7, 0}, 200, "first", 5, std::nullopt}, {1, 0})));
  ASSERT_TRUE(run(results.save(id, 1, {{7, 0}, 200, "second", {}, {}}, {1, 0})));
  ASSERT_TRUE(run(results.save(id, 1, {{3, 0}, 400, "bad", {}, {}}, {1, 1})));
  const auto answered = run(results.answered(id, 1));
  EXPECT_EQ(answered->keys, (std::vector<DirectResultStore::Key>{{3, 0}, {7, 0}}));
  EXPECT_EQ(answered->succeeded, 1);
  EXPECT_EQ(answered->errored, 1);
  const auto answers = run(results.answers(id, 1, {}, 10));
  ASSERT_EQ(answers->size(), 2u);
  EXPECT_EQ(answers->at(1).body, "first");
  EXPECT_EQ(answers->at(1).input_tokens, 5);
  EXPECT_EQ(answers->at(1).output_tokens, std::nullopt);
}

TEST_F(Store, AnswersOfALinesPartsComeInOrderAcrossPages) {
  DirectResultStore results(*database_, "worker");
  const BatchId id{"batch_1"};
  BatchStore store = batches();
  leased_job(store, "batch_1");
  const std::vector<DirectResultStore::Key> keys{{1, 2}, {2, 0}, {1, 0}, {1, 10}, {1, 1}};
  for (const auto& key : keys) {
    ASSERT_TRUE(run(results.save(id, 1, {key, 200, "x", {}, {}}, {})));
  }
  std::vector<DirectResultStore::Key> read;
  for (DirectResultStore::Key after;;) {
    const auto page = run(results.answers(id, 1, after, 2));
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const auto& answer : *page) read.push_back(answer.key);
    after = read.back();
  }
  EXPECT_EQ(read, (std::vector<DirectResultStore::Key>{{1, 0}, {1, 1}, {1, 2}, {1, 10}, {2, 0}}));
}

TEST_F(Store, ClientsSeeHowFarADirectJobIs) {
  BatchStore store = batches();
  leased_job(store, "batch_1");
  DirectResultStore results(*database_, "worker");
  ASSERT_TRUE(run(results.save(BatchId{"batch_1"}, 1, {{1, 0}, 200, "x", {}, {}}, {5, 1})));
  const auto found = run(store.find(BatchId{"batch_1"}, Viewer{"me"}));
  EXPECT_EQ(found->object.completed, 5);
  EXPECT_EQ(found->object.failed, 1);
}

TEST_F(Store, ADirectoryHasOneServer) {
  const std::filesystem::path directory = database_.directory() / "alone";
  const Database first(directory);
  EXPECT_THROW(const Database second(directory), std::runtime_error);
}

TEST_F(Store, RowsSurviveAnotherOpening) {
  BatchStore store = batches();
  ASSERT_TRUE(run(store.create(batch("batch_1"), std::nullopt, true, kNow)));
  database_.close();
  database_.open();
  BatchStore again = batches();
  EXPECT_TRUE(run(again.find(BatchId{"batch_1"}, Viewer{"me"})));
}

class Slots : public Store {
 protected:
  // A planned batch of `owner` with jobs that wait for a slot at "dep".
  void waiting(BatchStore& store, const std::string& id, const std::string& owner, int jobs) {
    BatchRow row = batch(id);
    row.by.owner = owner;
    ASSERT_TRUE(run(store.create(row, std::nullopt, true, kNow)));
    ASSERT_EQ(run(store.claim_batches(BatchPhase::planning, kNow, 1000, 5))->size(), 1u);
    BatchStore::Plan plan{BatchId{id}, "m", 100, 0, std::nullopt, {}};
    for (int n = 1; n <= jobs; ++n) {
      JobRow job;
      job.batch_id = BatchId{id};
      job.n = n;
      job.owner = owner;
      job.deployment_id = "dep";
      job.model_name = "m";
      job.records = job.lines = 100;
      plan.jobs.push_back(job);
    }
    ASSERT_TRUE(run(store.save_plan(plan, kNow)));
  }
  std::string claim_one(BatchStore& store) {
    auto claimed = run(store.claim_staged({{"dep", 1}}, kNow, 1000));
    if (!claimed || claimed->size() != 1) return "none";
    const JobRow& job = claimed->front().job;
    EXPECT_TRUE(run(store.job_submitting(job.batch_id, job.n)));
    EXPECT_TRUE(run(store.job_submitted(job.batch_id, job.n, "arn", kNow)));
    return job.batch_id.value;
  }
};

TEST_F(Slots, GoToOwnersInTurnAndWithinAnOwnerToBatchesInTurn) {
  BatchStore store = batches();
  waiting(store, "big", "a", 5);
  waiting(store, "second", "a", 2);
  waiting(store, "other", "b", 2);
  std::vector<std::string> order;
  for (int i = 0; i < 9; ++i) order.push_back(claim_one(store));
  EXPECT_EQ(order, (std::vector<std::string>{"big", "other", "second", "other", "big", "second",
                                             "big", "big", "big"}));
}

TEST_F(Slots, AreCountedFromTheMomentAJobIsClaimed) {
  BatchStore store = batches();
  waiting(store, "one", "a", 3);
  ASSERT_EQ(run(store.claim_staged({{"dep", 1}}, kNow, 1000))->size(), 1u);
  const auto loads = run(store.loads(kNow));
  ASSERT_EQ(loads->size(), 1u);
  EXPECT_EQ(loads->front().slots_taken, 1);
  EXPECT_EQ(loads->front().staged_due, 2);
  EXPECT_EQ(loads->front().open_records, 300);
}

TEST_F(Slots, OfAJobThatMayBeAtAwsStayTaken) {
  BatchStore store = batches();
  waiting(store, "one", "a", 1);
  ASSERT_EQ(run(store.claim_staged({{"dep", 1}}, kNow, 1000))->size(), 1u);
  ASSERT_TRUE(run(store.job_submitting(BatchId{"one"}, 1)));
  ASSERT_TRUE(run(store.release_job(BatchId{"one"}, 1, kNow + 5'000, 1)));
  EXPECT_EQ(run(store.loads(kNow))->front().slots_taken, 1);
  EXPECT_EQ(run(store.loads(kNow))->front().staged_due, 0);
  // Once due, it is claimed before those that hold no slot: only it can give its slot back.
  waiting(store, "two", "a", 1);
  const auto later = run(store.loads(kNow + 5'000));
  EXPECT_EQ(later->front().staged_due, 2);
  EXPECT_EQ(later->front().asked_due, 1);
  const auto claimed = run(store.claim_staged({{"dep", 1}}, kNow + 5'000, 1000));
  ASSERT_EQ(claimed->size(), 1u);
  EXPECT_EQ(claimed->front().job.batch_id.value, "one");
}

TEST_F(Slots, CountsDoNotFallWhileAJobDoesAgainWhatAnotherHadCounted) {
  BatchStore store = batches();
  const BatchId id{"one"};
  waiting(store, "one", "a", 1);
  const auto shown = [&] {
    const auto object = run(store.find_any(id))->object;
    EXPECT_LE(object.completed + object.failed, object.total);
    return std::pair(object.completed, object.failed);
  };
  const auto lease = [&](int n) {
    const auto due = run(store.claim_jobs(
        JobKind::bedrock, {JobState::staged, JobState::submitted, JobState::ended}, kNow, 1000, 5));
    ASSERT_EQ(due->size(), 1u);
    ASSERT_EQ(due->front().job.n, n);
  };
  const std::int64_t total = run(store.find_any(id))->object.total;
  lease(1);
  ASSERT_TRUE(run(store.job_observed(id, 1, JobState::ended, "Failed", "", total - 10, 0, kNow)));
  EXPECT_EQ(shown(), std::pair(total - 10, std::int64_t{0}));
  // Its output was lost but for 20 lines that failed: nothing of what AWS counted is there.
  lease(1);
  BatchStore::Collected collected;
  collected.id = id;
  collected.n = 1;
  collected.failed = 20;
  JobRow successor;
  successor.batch_id = id;
  successor.n = 1'000'001;
  successor.owner = "a";
  successor.deployment_id = "dep";
  successor.model_name = "m";
  successor.lines = successor.records = total - 20;
  collected.successor = successor;
  ASSERT_TRUE(run(store.job_collected(collected, kNow)));
  EXPECT_EQ(shown(), std::pair(total - 20, std::int64_t{20}));
  lease(1'000'001);
  ASSERT_TRUE(run(store.job_observed(id, 1'000'001, JobState::ended, "Stopped", "", 5, 0, kNow)));
  EXPECT_EQ(shown(), std::pair(total - 20, std::int64_t{20}));
  lease(1'000'001);
  collected = {};
  collected.id = id;
  collected.n = 1'000'001;
  collected.completed = 5;
  ASSERT_TRUE(run(store.job_collected(collected, kNow)));
  EXPECT_EQ(shown(), std::pair(std::int64_t{5}, std::int64_t{20})) << "nothing is left to come";
}

TEST_F(Slots, AJobsSuccessorTakesItsLinesInTheSameTransaction) {
  BatchStore store = batches();
  waiting(store, "one", "a", 1);
  ASSERT_EQ(claim_one(store), "one");
  ASSERT_EQ(run(store.claim_jobs(JobKind::bedrock, {JobState::submitted}, kNow, 1000, 5))->size(),
            1u);
  BatchStore::Collected collected;
  collected.id = BatchId{"one"};
  collected.n = 1;
  collected.completed = 60;
  collected.failed = 10;
  JobRow successor;
  successor.batch_id = BatchId{"one"};
  successor.n = 1'000'001;
  successor.owner = "a";
  successor.deployment_id = "dep";
  successor.model_name = "m";
  successor.lines = successor.records = 30;
  successor.tried = {"first one", "second"};
  successor.retries = 1;
  collected.successor = successor;
  ASSERT_TRUE(run(store.job_collected(collected, kNow)));
  const auto jobs = run(store.jobs(BatchId{"one"}));
  ASSERT_EQ(jobs->size(), 2u);
  EXPECT_EQ(jobs->at(0).lines, 70);
  EXPECT_EQ(jobs->at(0).state, JobState::collected);
  EXPECT_EQ(jobs->at(1).lines, 30);
  EXPECT_EQ(jobs->at(1).tried, successor.tried);
  EXPECT_EQ(jobs->at(1).retries, 1);
  const auto found = run(store.find_any(BatchId{"one"}));
  EXPECT_EQ(found->object.completed, 60);
  EXPECT_EQ(found->object.failed, 10);
  // A repeat finds the lease gone, and makes no second successor.
  EXPECT_FALSE(run(store.job_collected(collected, kNow)));
}

}  // namespace
}  // namespace quarry::store
