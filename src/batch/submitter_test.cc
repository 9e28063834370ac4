// A job that AWS may have is asked for, given up or moved only when that cannot make it run twice,
// or for nobody.
#include "batch/job_steps.h"
#include "batch/testing/watched_jobs.h"

#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using store::JobState;
using testing::WatchedJobs;

const BatchId kBatch{"batch_1"};

class FixedClock final : public Clock {
 public:
  SysTime now() const override { return at; }
  SysTime at = SysTime(std::chrono::milliseconds(1'800'000'000'000));
};

Task<std::string> lost(bedrock::CreateJob) {
  co_return fail(Errc::unavailable, "the connection was reset");
}
Task<std::string> known(bedrock::CreateJob) {
  co_return fail(Errc::conflict, "a job of this name is known");
}
Task<std::string> first(bedrock::CreateJob) { co_return std::string("arn:1"); }
Task<std::string> refused(bedrock::CreateJob) {
  co_return fail(Errc::invalid_request, "no such model");
}

class Submitting : public ::testing::Test {
 protected:
  Submitting() { watched_.staged(kBatch.value); }

  // A step as the engine does it, on the first server or on another.
  Result<void> step() { return watched_.run(step_of(watched_.context)); }
  Result<void> step_at_other() { return watched_.run(step_of(other_)); }
  Task<void> step_of(Context& context) {
    const std::int64_t now_ms = context.now_ms();
    auto due = co_await context.batches.claim_jobs(store::JobKind::bedrock, {JobState::staged},
                                                   now_ms, 60'000, 1);
    if (!due || due->size() != 1) co_return fail(Errc::internal, "there is no job to be claimed");
    const int failures = due->front().job.failures + 1;
    auto done = co_await submit_job(context, std::move(due->front()));
    if (!done) {
      auto released = co_await context.batches.release_job(kBatch, 1, now_ms, failures);
      EXPECT_TRUE(released);
    }
    co_return done;
  }
  // While AWS is asked: what it then answers.
  Task<std::string> looks_at_the_row() {
    auto rows = co_await watched_.store_.jobs(kBatch);
    EXPECT_EQ(rows->front().aws_status, "Submitting");
    co_return std::string("arn:1");
  }
  Task<std::string> stands_still_and_is_given_up() {
    pass(61s);
    auto cancelled = co_await watched_.store_.cancel(kBatch, store::Viewer{"me"}, now());
    EXPECT_TRUE(cancelled);
    for (int looks = 0; looks < 2; ++looks) {
      auto looked = co_await step_of(other_);
      EXPECT_TRUE(looked);
      pass(31s);
    }
    co_return std::string("arn:orphan");
  }
  Task<std::string> stands_still_and_is_taken_over() {
    pass(61s);
    watched_.east->on_create = first;  // the same, by its token
    auto taken = co_await step_of(other_);
    EXPECT_TRUE(taken);
    co_return std::string("arn:1");
  }
  void pass(std::chrono::seconds time) { clock_.at += time; }
  void cancel() {
    ASSERT_TRUE(watched_.run(watched_.store_.cancel(kBatch, store::Viewer{"me"}, now())));
  }
  std::int64_t now() const { return watched_.context.now_ms(); }
  store::JobRow row() { return watched_.rows(kBatch.value).front(); }

  FixedClock clock_;
  WatchedJobs watched_{clock_};
  Context& other_ = watched_.another("other");
};

TEST_F(Submitting, IsWrittenDownBeforeAwsIsAsked) {
  watched_.east->on_create = [this](const auto&) { return looks_at_the_row(); };
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::submitted);
  EXPECT_EQ(row().job_arn, "arn:1");
  EXPECT_EQ(row().failures, 0);
}

TEST_F(Submitting, AJobThatIsAskedForAgainMayBeThereAgain) {
  watched_.east->on_create = lost;
  EXPECT_FALSE(step());
  pass(5s);
  EXPECT_FALSE(step());  // absent since now, and asked for again: that may be what AWS takes
  pass(40s);
  cancel();
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::staged) << "the list may lag behind";
  pass(31s);
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::ended);
  EXPECT_EQ(watched_.east->creates, 2);
}

TEST_F(Submitting, AJobThatShowsLateIsFoundThoughItsBatchWasCancelled) {
  watched_.east->on_create = lost;
  EXPECT_FALSE(step());
  pass(5s);
  EXPECT_FALSE(step());
  pass(40s);
  cancel();
  ASSERT_TRUE(step());
  pass(11s);
  bedrock::Job late;
  late.job_arn = "arn:late";
  late.submit_time = clock_.at;
  watched_.east->jobs["arn:late"] = late;
  watched_.east->jobs["arn:late"].job_name = watched_.east->asked.back().job_name;
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::submitted);
  EXPECT_EQ(row().job_arn, "arn:late");
  EXPECT_EQ(watched_.east->creates, 2);
}

TEST_F(Submitting, AJobMovesOnlyWhenItWasNotAskedForForAWhile) {
  watched_.east->on_create = lost;
  for (int failures = 0; failures < 3; ++failures) {
    EXPECT_FALSE(step());
    pass(60s);
  }
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::staged);
  EXPECT_EQ(watched_.east->creates, 3);
  pass(31s);
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::ended);
  EXPECT_EQ(row().aws_status, "Moved");
  EXPECT_EQ(watched_.east->creates, 3);
}

TEST_F(Submitting, WhatAnotherServerHasAskedForSinceIsNotTakenToBeAbsent) {
  watched_.east->on_create = lost;
  EXPECT_FALSE(step());
  pass(5s);
  EXPECT_FALSE(step());  // this server has seen that it is absent
  pass(40s);
  EXPECT_FALSE(step_at_other());
  cancel();
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::staged);
}

TEST_F(Submitting, ARefusalIsTheLastWordOnceTheFirstTryIsSurelyLost) {
  watched_.east->on_create = lost;
  EXPECT_FALSE(step());
  pass(5s);
  watched_.east->on_create = refused;
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::staged) << "the first may be there";
  pass(31s);
  ASSERT_TRUE(step());
  EXPECT_EQ(row().state, JobState::ended);
  EXPECT_EQ(row().aws_status, "Rejected");
}

TEST_F(Submitting, AJobThatAwsSaysItHasIsNotGivenUp) {
  watched_.east->on_create = known;
  for (int tries = 0; tries < 6; ++tries) {
    EXPECT_FALSE(step());
    EXPECT_EQ(row().state, JobState::staged);
    pass(40s);
  }
}

// It stood still between the two.
TEST_F(Submitting, AServerThatLostTheLeaseStopsWhatNobodyWaitsFor) {
  watched_.east->on_create = [this](const auto&) { return stands_still_and_is_given_up(); };
  EXPECT_FALSE(step());
  EXPECT_EQ(row().state, JobState::ended);
  EXPECT_EQ(watched_.east->stops, 1);
}

TEST_F(Submitting, AServerThatLostTheLeaseLeavesWhatAnotherHasTakenOver) {
  watched_.east->on_create = [this](const auto&) { return stands_still_and_is_taken_over(); };
  EXPECT_FALSE(step());
  EXPECT_EQ(watched_.east->stops, 0);
  EXPECT_EQ(row().state, JobState::submitted);
}

}  // namespace
}  // namespace quarry::batch
