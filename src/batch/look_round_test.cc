// What one look at due jobs costs, and what it makes of AWS's answers.
#include "batch/look_round.h"

#include "batch/testing/watched_jobs.h"

#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using bedrock::JobStatus;
using store::JobState;
using testing::WatchedJobs;

class FixedClock final : public Clock {
 public:
  SysTime now() const override { return at; }
  SysTime at = SysTime(std::chrono::milliseconds(1'800'000'000'000));
};

class LookRound : public ::testing::Test {
 protected:
  LookRound() { group_.name = "east"; }

  // One round over whatever is due. Gives how many jobs it was.
  std::size_t look(std::int64_t open = 0) {
    auto due = watched_.claim(watched_.context.now_ms());
    const std::size_t count = due.size();
    const auto deployment = watched_.context.deployments.by_id("east");
    const auto open_jobs = open == 0 ? static_cast<std::int64_t>(count) : open;
    EXPECT_TRUE(watched_.run(look_once(deployment, std::move(due), open_jobs)));
    return count;
  }
  Awaitable<bool> look_once(aws::DeploymentPtr deployment,
                            std::vector<store::BatchStore::DueLook> due,
                            std::int64_t open) {
    co_await look_at(tools_, group_, deployment, std::move(due), open);
    co_return true;
  }
  std::vector<std::chrono::seconds> ages(std::size_t count, std::chrono::seconds age = 600s) {
    std::vector<std::chrono::seconds> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(age + std::chrono::seconds(i));
    return all;
  }
  testing::FakeRegion& aws() { return *watched_.east; }
  // As a look before has seen them.
  void remember(const std::vector<std::string>& arns) {
    for (const std::string& arn : arns) {
      group_.jobs[arn].submitted_ms = unix_millis(*aws().jobs.at(arn).submit_time);
    }
  }

  FixedClock clock_;
  WatchedJobs watched_{clock_};
  TaskGroup tasks_{watched_.io, {}};
  Pacer looks_{clock_, 1e6, 1000};
  Pacer stops_{clock_, 1e6, 1000};
  int ended_ = 0;
  LookTools tools_{watched_.context, tasks_, looks_, stops_, [this] { ++ended_; }};
  LookGroup group_;
};

TEST_F(LookRound, OneListLooksAtManyJobs) {
  watched_.submitted("batch_1", ages(600));
  EXPECT_EQ(look(), 600u);
  EXPECT_EQ(aws().lists, 1);
  EXPECT_EQ(aws().gets, 0);
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 600);
  EXPECT_EQ(ended_, 0);
}

TEST_F(LookRound, AJobAloneIsAskedFor) {
  watched_.submitted("batch_1", ages(1));
  look();
  EXPECT_EQ(aws().lists, 0);
  EXPECT_EQ(aws().gets, 1);
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 1);
}

TEST_F(LookRound, FewerJobsThanPagesAreAskedForOneByOne) {
  watched_.submitted("batch_1", ages(5));
  look(/*open=*/9'000);
  EXPECT_EQ(aws().lists, 0);
  EXPECT_EQ(aws().gets, 5);
}

TEST_F(LookRound, PagesAreReadUntilAllWereSeenAndNoFurther) {
  for (int i = 0; i < 3'000; ++i) {
    aws().hold(fmt::format("arn:other/{}", i), clock_.at - 20'000s - std::chrono::seconds(i),
               JobStatus::Completed);
  }
  watched_.submitted("batch_1", ages(2'500));
  look();
  EXPECT_EQ(aws().lists, 3);
  EXPECT_EQ(aws().gets, 0);
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 2'500);
}

TEST_F(LookRound, TheListIsReadFromTheOldestJobOn) {
  const auto arns = watched_.submitted("batch_1", ages(10, 3'600s));
  remember(arns);
  look();
  ASSERT_EQ(aws().filters.size(), 1u);
  EXPECT_EQ(aws().filters[0], clock_.at - 3'609s - 1min);
}

TEST_F(LookRound, WhatTheListDoesNotShowIsAskedFor) {
  const auto arns = watched_.submitted("batch_1", ages(100));
  aws().not_listed = {arns[3], arns[70]};
  look();
  EXPECT_EQ(aws().lists, 1);
  EXPECT_EQ(aws().gets, 2);
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 100);
}

TEST_F(LookRound, AnOldJobBehindThousandsOfOthersIsAskedFor) {
  auto of_all_ages = ages(50, 60s);
  of_all_ages.push_back(80'000s);
  remember(watched_.submitted("batch_1", of_all_ages));
  for (int i = 0; i < 8'000; ++i) {
    aws().hold(fmt::format("arn:other/{}", i), clock_.at - 1'000s - std::chrono::seconds(i),
               JobStatus::Completed);
  }
  look();
  EXPECT_EQ(aws().lists, 1);
  EXPECT_EQ(aws().gets, 1);
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 51);
}

TEST_F(LookRound, ALookThatSawNothingNewChangesOnlyTheNextOnesTime) {
  watched_.submitted("batch_1", ages(20));
  look();
  const auto before = watched_.rows("batch_1");
  clock_.at += 2min;
  EXPECT_EQ(look(), 20u);
  const auto after = watched_.rows("batch_1");
  EXPECT_EQ(after[7].aws_status, before[7].aws_status);
  EXPECT_EQ(aws().calls(), 2);
  EXPECT_EQ(look(), 0u);  // none is due, and none is leased
}

TEST_F(LookRound, AnEndedJobIsDueForItsResultsAndSaysSo) {
  const auto arns = watched_.submitted("batch_1", ages(3));
  aws().jobs[arns[1]].status = JobStatus::Completed;
  aws().jobs[arns[1]].success_records = 100;
  look();
  const auto rows = watched_.rows("batch_1");
  EXPECT_EQ(rows[1].state, JobState::ended);
  EXPECT_EQ(rows[1].aws_status, "Completed");
  EXPECT_EQ(rows[1].succeeded, 100);
  EXPECT_EQ(ended_, 1);
}

TEST_F(LookRound, AnAnswerWithoutCountersKeepsTheOldOnes) {
  const auto arns = watched_.submitted("batch_1", ages(1));
  aws().jobs[arns[0]].success_records = 40;
  look();
  aws().jobs[arns[0]].success_records.reset();
  clock_.at += 2min;
  look();
  EXPECT_EQ(watched_.rows("batch_1")[0].succeeded, 40);
  EXPECT_EQ(watched_.run(watched_.store_.find_any(BatchId{"batch_1"}))->object.completed, 40);
}

TEST_F(LookRound, RecordsThatMayBeRunAgainDoNotCountAsFailed) {
  const auto arns = watched_.submitted("batch_1", ages(1));
  aws().jobs[arns[0]].error_records = 7;
  auto due = watched_.claim(clock_.at.time_since_epoch().count());
  ASSERT_EQ(due.size(), 1u);
  const auto deployment = watched_.context.deployments.by_id("east");
  ASSERT_TRUE(watched_.run(look_once(deployment, due, 1)));
  EXPECT_EQ(watched_.rows("batch_1")[0].errored, 0);
  // As the last try, they do.
  clock_.at += 2min;
  due = watched_.claim(clock_.at.time_since_epoch().count());
  ASSERT_EQ(due.size(), 1u);
  due[0].due.job.retries = deployment->settings.retry_failed_records;
  ASSERT_TRUE(watched_.run(look_once(deployment, due, 1)));
  EXPECT_EQ(watched_.rows("batch_1")[0].errored, 7);
}

TEST_F(LookRound, AJobUnknownToAwsIsLostOnlyAfterThreeLooksAMinuteApart) {
  const auto arns = watched_.submitted("batch_1", ages(1));
  aws().jobs.clear();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(look(), 1u);
    EXPECT_EQ(watched_.count("batch_1", JobState::ended), 0);
    clock_.at += 59s;
    EXPECT_EQ(look(), 0u);
    clock_.at += 1s;
  }
  look();
  const auto row = watched_.rows("batch_1")[0];
  EXPECT_EQ(row.state, JobState::ended);
  EXPECT_EQ(row.aws_status, "Failed");
  EXPECT_EQ(row.message, "AWS no longer knows the job");
  EXPECT_EQ(ended_, 1);
}

// A minute between each: so that all that are missing are due again.
TEST_F(LookRound, ManyJobsThatVanishAtOnceAreGivenUpOnlyAfterHalfAnHour) {
  const auto arns = watched_.submitted("batch_1", ages(5));
  const auto held = aws().jobs;
  for (std::size_t i = 0; i < 3; ++i) aws().jobs.erase(arns[i]);
  const auto minutes = [this](int count) {
    for (int i = 0; i < count; ++i) {
      look();
      clock_.at += 1min;
    }
  };
  minutes(30);
  EXPECT_EQ(watched_.count("batch_1", JobState::ended), 0);
  EXPECT_TRUE(group_.said_vanished);
  minutes(2);
  EXPECT_EQ(watched_.count("batch_1", JobState::ended), 3);
  EXPECT_EQ(watched_.rows("batch_1")[0].aws_status, "Failed");
}

TEST_F(LookRound, JobsOfAWrongAccountAreAllThereWhenTheRightOneIsAskedAgain) {
  watched_.submitted("batch_1", ages(2));
  const auto held = std::exchange(aws().jobs, {});
  for (int i = 0; i < 20; ++i) {
    look();
    clock_.at += 1min;
  }
  EXPECT_EQ(watched_.count("batch_1", JobState::ended), 0) << "the list shows none of them either";
  EXPECT_TRUE(group_.said_vanished);
  aws().jobs = held;
  look();
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 2);
  EXPECT_FALSE(group_.said_vanished);
}

TEST_F(LookRound, AJobThatVanishesAmongOthersIsLostAfterThreeLooks) {
  const auto arns = watched_.submitted("batch_1", ages(5));
  aws().jobs.erase(arns[2]);
  for (int i = 0; i < 3; ++i) {
    look();
    clock_.at += 1min;
  }
  EXPECT_EQ(watched_.rows("batch_1")[2].aws_status, "Failed");
  EXPECT_EQ(watched_.count("batch_1", JobState::ended), 1);
  EXPECT_FALSE(group_.said_vanished);
}

TEST_F(LookRound, AJobThatAwsShowsAfterAllIsNotLost) {
  const auto arns = watched_.submitted("batch_1", ages(1));
  const auto held = aws().jobs;
  aws().jobs.clear();
  for (int i = 0; i < 2; ++i) {
    look();
    clock_.at += 1min;
  }
  aws().jobs = held;
  look();
  aws().jobs.clear();
  clock_.at += 2min;
  look();
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 1);
}

TEST_F(LookRound, AJobWhoseWindowIsOverIsStopped) {
  watched_.submitted("batch_1", ages(2), "east", -1s);
  look();
  const auto rows = watched_.rows("batch_1");
  EXPECT_TRUE(rows[0].stop_requested);
  EXPECT_EQ(rows[0].aws_status, "Stopping");
  EXPECT_EQ(aws().stops, 2);
  clock_.at += 1s;
  EXPECT_EQ(look(), 2u);
  EXPECT_EQ(aws().stops, 2);  // AWS knows by now
}

TEST_F(LookRound, AJobIsStoppedInTimeForItsFallbackButNotSooner) {
  watched_.submitted("batch_1", ages(1), "east", 31min);  // 30 min of it are the fallback's
  look();
  EXPECT_EQ(aws().stops, 0);
  clock_.at += 1min;
  EXPECT_EQ(look(), 1u);
  EXPECT_EQ(aws().stops, 1);
  EXPECT_TRUE(watched_.rows("batch_1")[0].stop_requested);
}

TEST_F(LookRound, AStopThatFailsIsTriedAgain) {
  watched_.submitted("batch_1", ages(1), "east", -1s);
  aws().stop_error = Error(Errc::throttled, "slow down");
  look();
  EXPECT_EQ(watched_.rows("batch_1")[0].aws_status, "InProgress");
  aws().stop_error.reset();
  clock_.at += 1s;
  EXPECT_EQ(look(), 1u);
  EXPECT_EQ(aws().stops, 2);
  EXPECT_EQ(watched_.rows("batch_1")[0].aws_status, "Stopping");
}

TEST_F(LookRound, ARefusedListPutsAllJobsOffWithoutAskingForEach) {
  watched_.submitted("batch_1", ages(100));
  aws().list_error = Error(Errc::throttled, "slow down");
  look();
  EXPECT_EQ(aws().calls(), 1);
  EXPECT_EQ(look(), 0u);
  EXPECT_EQ(watched_.rows("batch_1")[99].failures, 1);
  aws().list_error.reset();
  clock_.at += 2s;
  EXPECT_EQ(look(), 100u);
  EXPECT_EQ(watched_.rows("batch_1")[99].failures, 0);
}

TEST_F(LookRound, AnAnswerThatFailsEveryJobIsAskedForOnceOrAFewTimes) {
  watched_.submitted("batch_1", ages(200));
  aws().get_error = Error(Errc::unavailable, "try later");
  look(/*open=*/900'000);
  EXPECT_LE(aws().gets, 4);  // those that were under way
  EXPECT_EQ(look(), 0u);
}

TEST_F(LookRound, WhoMayNotListAsksForEach) {
  watched_.submitted("batch_1", ages(60));
  aws().list_error = Error(Errc::forbidden, "not authorized");
  look();
  EXPECT_EQ(watched_.count("batch_1", JobState::running), 60);
  EXPECT_EQ(aws().lists, 1);
  clock_.at += 2min;
  look();
  EXPECT_EQ(aws().lists, 1);  // not tried again so soon
  EXPECT_EQ(aws().gets, 120);
}

}  // namespace
}  // namespace quarry::batch
