#include "batch/succession.h"

#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

TEST(Succession, TellsADeploymentsFaultFromAPassingOne) {
  for (const char* message :
       {"Could not assume role arn:aws:iam::123456789012:role/batch",
        "Access denied when reading s3://b/k", "The bucket is in another region",
        "KMS key is disabled",
        "Your account is not authorized to perform this action. Please create a support case",
        "Batch inference is not supported for the requested model."}) {
    EXPECT_TRUE(deployment_at_fault(message)) << message;
  }
  for (const char* message : {"Internal error. Please try again.", "", "The model crashed"}) {
    EXPECT_FALSE(deployment_at_fault(message)) << message;
  }
}

TEST(Succession, KnowsAWSsWordsForTooFewRecords) {
  EXPECT_TRUE(too_few_for_aws(
      "Batch job arn:x contains less records (2) than the required minimum of: 100"));
  EXPECT_FALSE(too_few_for_aws("Access denied"));
}

TEST(Succession, ASuccessorIsAJobOnlyIfItHasEnoughRecords) {
  auto deployment = std::make_shared<aws::Deployment>();
  deployment->settings.id = "other";
  store::JobRow job;
  job.batch_id = BatchId{"batch_1"};
  job.n = 3;
  job.deployment_id = "own";
  job.owner = "me";
  job.tried = {"first"};
  Outlook outlook;
  outlook.deployment = deployment;
  outlook.deployment_at_fault = true;

  const store::JobRow many = successor_of(job, outlook, 90, 100);
  EXPECT_EQ(many.kind, store::JobKind::bedrock);
  EXPECT_EQ(many.state, store::JobState::staged);
  EXPECT_EQ(many.n, 1'000'003);
  EXPECT_EQ(many.deployment_id, "other");
  EXPECT_EQ(many.owner, "me");
  EXPECT_EQ(many.tried, (std::vector<std::string>{"first", "own"}));
  EXPECT_EQ(many.retries, 0);

  outlook = {};
  outlook.deployment = deployment;
  outlook.counts_as_retry = true;
  const store::JobRow few = successor_of(job, outlook, 99, 99);
  EXPECT_EQ(few.kind, store::JobKind::direct);
  EXPECT_EQ(few.state, store::JobState::planned);
  EXPECT_EQ(few.tried, (std::vector<std::string>{"first"}));
  EXPECT_EQ(few.retries, 1);
  outlook.directly = true;
  EXPECT_EQ(successor_of(job, outlook, 500, 500).kind, store::JobKind::direct);
}

}  // namespace
}  // namespace quarry::batch
