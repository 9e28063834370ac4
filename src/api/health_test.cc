// What is said of a dependency: the truth, in words that give nothing away, and by few questions.
#include "api/health.h"

#include "aws/testing/fake_s3.h"
#include "base/testing/run.h"
#include "obs/metrics.h"
#include "store/testing/scratch_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::api {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// A region that answers with no jobs, or refuses.
class OneRegion final : public aws::BedrockClient {
 public:
  int lists = 0;
  std::optional<Error> refusal;

  Task<std::string> create_job(bedrock::CreateJob, Deadline) override {
    co_return fail(Errc::internal, "no");
  }
  Task<bedrock::Job> get_job(std::string, Deadline) override {
    co_return fail(Errc::not_found, "no");
  }
  Task<void> stop_job(std::string, Deadline) override { co_return fail(Errc::not_found, "no"); }
  Task<bedrock::JobPage> list_jobs(ListQuery, Deadline) override {
    ++lists;
    if (refusal) co_return fail(*refusal);
    co_return bedrock::JobPage{};
  }
};

class HealthTest : public ::testing::Test {
 protected:
  void entry(const std::string& model, const std::string& bucket, const std::string& role = "") {
    auto deployment = std::make_shared<aws::Deployment>();
    deployment->settings.id = "id-of-" + model;
    deployment->settings.model_name = model;
    deployment->settings.model_id = "anthropic.claude";
    deployment->settings.bucket = bucket;
    deployment->settings.role_arn = role;
    deployment->s3 = s3_;
    deployment->bedrock = bedrock_;
    deployments_.push_back(std::move(deployment));
  }
  std::vector<Dependency> ask(HealthSettings settings = {}) {
    const aws::DeploymentSet set(deployments_);
    Health health(io_, census_, set, serving_, clock_, settings);
    return testing::run(io_, health.dependencies());
  }
  // Of the only bucket that is asked, once it has failed so.
  Dependency s3_that_fails(Error error) {
    deployments_.clear();
    entry("claude", "bucket-1");
    s3_->fail_next("bucket_region", std::move(error));
    return ask().at(1);
  }

  boost::asio::io_context io_;
  testing::ScratchDatabase database_;
  store::CensusStore census_{*database_};
  ServingState serving_;
  SystemClock clock_;
  std::shared_ptr<testing::FakeS3> s3_ = std::make_shared<testing::FakeS3>();
  std::shared_ptr<OneRegion> bedrock_ = std::make_shared<OneRegion>();
  std::vector<aws::DeploymentPtr> deployments_;
};

TEST_F(HealthTest, WhatIsWellIsTheDatabaseAndEachEntrysPlaces) {
  entry("claude", "bucket-1", "arn:aws:iam::1:role/r");
  const auto all = ask();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_EQ(all[0].name, "database");
  EXPECT_EQ(all[1].name, "s3");
  EXPECT_EQ(all[2].name, "bedrock");
  EXPECT_EQ(all[2].model, "claude");
  for (const auto& one : all) {
    EXPECT_TRUE(one.healthy) << one.name;
    EXPECT_THAT(one.reason, IsEmpty());
  }
}

TEST_F(HealthTest, WhatEntriesShareIsAskedOnceAndAnswersForEach) {
  for (int i = 0; i < 20; ++i) entry(fmt::format("m{}", i), "bucket-1", "arn:aws:iam::1:role/r");
  bedrock_->refusal = Error(Errc::forbidden, "AccessDenied");
  const auto all = ask();
  ASSERT_THAT(all, SizeIs(41));
  EXPECT_EQ(s3_->call_count("bucket_region"), 1u);
  EXPECT_EQ(bedrock_->lists, 1);
  EXPECT_EQ(all[39].model, "m19");
  EXPECT_TRUE(all[39].healthy);
  EXPECT_FALSE(all[40].healthy);
}

TEST_F(HealthTest, EachBucketIsAskedForItself) {
  entry("a", "bucket-1");
  entry("b", "bucket-2");
  s3_->refuse_bucket("bucket-2", Error(Errc::forbidden, "AccessDenied"));
  const auto all = ask();
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_TRUE(all[1].healthy);
  EXPECT_FALSE(all[2].healthy);
}

TEST_F(HealthTest, ABucketThatMayOnlyBeNamedIsNotWell) {
  entry("claude", "bucket-1");
  s3_->fail_next("head", Error(Errc::forbidden, "HeadObject: 403"));
  EXPECT_EQ(ask().at(1).reason, "access is denied");
}

TEST_F(HealthTest, ReasonsSayWhatItIsAndNotWhere) {
  EXPECT_EQ(s3_that_fails(Error(Errc::not_found, "s3://bucket-1: NoSuchBucket")).reason,
            "it does not exist");
  EXPECT_EQ(s3_that_fails(Error(Errc::unavailable, "10.0.0.1 refused")).reason,
            "it cannot be reached");
  EXPECT_EQ(s3_that_fails(Error(Errc::deadline_exceeded, "late")).reason,
            "it did not answer in time");
  EXPECT_EQ(s3_that_fails(Error(Errc::throttled, "SlowDown")).reason, "it is throttled");
  EXPECT_EQ(s3_that_fails(Error(Errc::forbidden, "no profile x").reason("NoCredentials")).reason,
            "there are no AWS credentials for it");
  EXPECT_EQ(s3_that_fails(Error(Errc::upstream, "arn:aws:…")).reason, "it refuses requests");
}

TEST_F(HealthTest, WhatDoesNotAnswerIsNotWaitedForLongerThanItsTime) {
  entry("claude", "bucket-1");
  s3_->hold("bucket_region");
  const auto all = ask({.aws_time = std::chrono::milliseconds(1)});
  EXPECT_EQ(all.at(1).reason, "it did not answer in time");
}

TEST_F(HealthTest, AServerThatStopsIsNotReadyThoughItsDatabaseIsWell) {
  entry("claude", "bucket-1");
  const aws::DeploymentSet set(deployments_);
  Health health(io_, census_, set, serving_, clock_);
  EXPECT_TRUE(testing::run(io_, health.readiness()).ready());
  serving_.draining = true;
  const auto now = testing::run(io_, health.readiness());
  EXPECT_FALSE(now.ready());
  EXPECT_TRUE(now.database);
  EXPECT_EQ(now.reason, "this server is stopping");
}

TEST_F(HealthTest, ADatabaseOfAnOlderSchemaIsNotReady) {
  entry("claude", "bucket-1");
  database_.query("UPDATE schema_version SET version = 1");
  const aws::DeploymentSet set(deployments_);
  Health health(io_, census_, set, serving_, clock_);
  const auto now = testing::run(io_, health.readiness());
  EXPECT_FALSE(now.ready());
  EXPECT_EQ(now.reason, "the database's schema is being brought up to date");
}

TEST_F(HealthTest, ADatabaseThatLostItsTablesIsNotReadyAndTheReasonHasNoWordOfIt) {
  entry("claude", "bucket-1");
  database_.query("DROP TABLE schema_version");
  const aws::DeploymentSet set(deployments_);
  Health health(io_, census_, set, serving_, clock_);
  EXPECT_EQ(testing::run(io_, health.readiness()).reason, "the database does not answer");
  EXPECT_EQ(obs::value_of(obs::Gauge::database_up), 0);
}

Awaitable<bool> refreshed(Health& health) {
  co_await health.refresh_gauges();
  co_return true;
}

TEST_F(HealthTest, ADatabaseWhoseWorkCannotBeCountedIsUpAllTheSame) {
  entry("claude", "bucket-1");
  database_.query("DROP TABLE reservations");
  const aws::DeploymentSet set(deployments_);
  Health health(io_, census_, set, serving_, clock_);
  obs::set(obs::Gauge::database_up, {}, 0);
  testing::run(io_, refreshed(health));
  EXPECT_EQ(obs::value_of(obs::Gauge::database_up), 1);
}

}  // namespace
}  // namespace quarry::api
