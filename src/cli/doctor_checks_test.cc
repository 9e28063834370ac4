#include "cli/doctor_checks.h"

#include "aws/testing/fake_s3.h"
#include "base/testing/run.h"
#include "cli/doctor_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace quarry::cli {
namespace {

using quarry::testing::FakeS3;
using quarry::testing::run;
using ::testing::HasSubstr;

const std::string kUser = "arn:aws:iam::123456789012:user/quarry";
const std::string kRole = "arn:aws:iam::123456789012:role/batch";
const std::string kJob = "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl";

class FakeSts final : public aws::StsClient {
 public:
  Task<aws::Credentials> assume_role(aws::AssumeRole, Deadline) override {
    co_return fail(Errc::internal, "not asked for");
  }
  Task<aws::Credentials> assume_role_with_web_identity(aws::AssumeRole,
                                                       Secret<std::string>,
                                                       Deadline) override {
    co_return fail(Errc::internal, "not asked for");
  }
  Task<aws::CallerIdentity> caller_identity(Deadline) override {
    if (error) co_return fail(*error);
    co_return who;
  }
  aws::CallerIdentity who{"123456789012", kUser, "AIDA"};
  std::optional<Error> error;
};

class FakeBedrock final : public aws::BedrockClient {
 public:
  Task<std::string> create_job(bedrock::CreateJob job, Deadline) override {
    created.push_back(job);
    if (create_error) co_return fail(*create_error);
    co_return kJob;
  }
  Task<bedrock::Job> get_job(std::string, Deadline) override {
    if (get_error) co_return fail(*get_error);
    bedrock::Job job;
    job.status = ++looks <= looks_until_end ? bedrock::JobStatus::Validating : status;
    job.message = message;
    co_return job;
  }
  Task<bedrock::JobPage> list_jobs(ListQuery query, Deadline) override {
    listed.push_back(query.name_contains);
    if (list_error) co_return fail(*list_error);
    bedrock::JobPage page;
    if (!query.name_contains.empty()) page.jobs.emplace_back().job_arn = kJob;
    co_return page;
  }
  Task<void> stop_job(std::string arn, Deadline) override {
    stopped.push_back(arn);
    if (stop_error) co_return fail(*stop_error);
    co_return Result<void>();
  }
  std::vector<bedrock::CreateJob> created;
  std::vector<std::string> listed, stopped;
  std::optional<Error> create_error, get_error, list_error, stop_error;
  bedrock::JobStatus status = bedrock::JobStatus::Failed;
  std::string message = "No jsonl files found in s3URI";
  int looks = 0, looks_until_end = 1;
};

class FakeQuotas final : public aws::ServiceQuotas {
 public:
  Task<std::vector<aws::Quota>> list(std::string, Deadline) override {
    if (error) co_return fail(*error);
    co_return quotas;
  }
  std::vector<aws::Quota> quotas{
      {"L-1", "Minimum number of records per batch inference job for Claude 3 Haiku", 100, false},
      {"L-2", "Records per batch inference job for Claude 3 Haiku", 100'000, true}};
  std::optional<Error> error;
};

class NoCredentials final : public aws::CredentialProvider {
 public:
  Task<aws::Credentials> get(Deadline) override {
    co_return fail(Errc::forbidden, "no credentials: looked at environment, profile");
  }
  void forget() override {}
};

Error denied(const std::string& action,
             const std::string& why =
                 "because no identity-based policy "
                 "allows the action") {
  return Error(Errc::forbidden, "User: " + kUser + " is not authorized to perform: " + action +
                                    " on resource: x " + why)
      .reason("AccessDenied");
}

struct Examination : ::testing::Test {
  std::shared_ptr<FakeS3> s3 = std::make_shared<FakeS3>();
  std::shared_ptr<FakeS3> s3_any_owner;
  std::shared_ptr<FakeBedrock> bedrock = std::make_shared<FakeBedrock>();
  std::shared_ptr<FakeSts> sts = std::make_shared<FakeSts>();
  std::shared_ptr<FakeSts> s3_sts;
  std::shared_ptr<FakeQuotas> quotas = std::make_shared<FakeQuotas>();
  std::shared_ptr<aws::CredentialProvider> credentials =
      aws::static_credentials({"AKIA", Secret<std::string>("very-secret"), {}});
  config::DeploymentSettings settings;
  Traces traces;
  Patient patient;
  std::vector<Check> checks;

  Examination() {
    settings.model_id = "us.anthropic.claude-3-haiku-20240307-v1:0";
    settings.bedrock_region = settings.s3_region = "us-east-1";
    settings.bucket = settings.output_bucket = "bucket";
    settings.role_arn = kRole;
    settings.small_batch = config::SmallBatch::reject;
  }
  void examine_now() {
    auto deployment = std::make_shared<aws::Deployment>();
    deployment->settings = settings;
    deployment->s3 = s3;
    deployment->bedrock = bedrock;
    deployment->sts = sts;
    deployment->credentials = deployment->s3_credentials = credentials;
    patient.deployment = deployment;
    patient.s3_sts = s3_sts;
    patient.s3_any_owner = s3_any_owner;
    patient.quotas = quotas;
    const ExamTimes times{.call = std::chrono::seconds(5),
                          .wait = std::chrono::milliseconds(100),
                          .look = std::chrono::milliseconds(1)};
    checks = run(examine(patient, times, traces));
  }
  const Check* find(const std::string& name) const {
    for (const Check& check : checks) {
      if (check.name == name) return &check;
    }
    return nullptr;
  }
  Outcome outcome(const std::string& name) const {
    const Check* check = find(name);
    EXPECT_TRUE(check) << "no row " << name;
    return check ? check->outcome : Outcome::not_checked;
  }
  // The only failed row.
  const Check& the_fault(const std::string& name) {
    static const Check kNone;
    const Check* found = nullptr;
    for (const Check& check : checks) {
      if (check.outcome == Outcome::failed) {
        EXPECT_EQ(check.name, name) << check.detail << " / " << check.said;
        found = &check;
      }
    }
    EXPECT_TRUE(found) << "nothing failed";
    return found ? *found : kNone;
  }
};

TEST_F(Examination, FindsNothingWhereNothingIsWrongAndLeavesNothingBehind) {
  examine_now();
  for (const Check& check : checks) {
    EXPECT_NE(check.outcome, Outcome::failed) << check.name << ": " << check.detail;
  }
  for (const char* name : {"identity", "role account", "bucket", "write", "read", "list", "delete",
                           "multipart", "list uploads", "list jobs", "pass role", "create jobs",
                           "model", "watch jobs", "batch role", "stop jobs", "quotas"}) {
    EXPECT_EQ(outcome(name), Outcome::fine) << name;
  }
  EXPECT_THAT(find("identity")->detail, HasSubstr(kUser));
  EXPECT_TRUE(s3->objects().empty());
  EXPECT_EQ(s3->open_uploads(), 0u);
  EXPECT_EQ(bedrock->stopped, std::vector{kJob});
  EXPECT_TRUE(traces.objects.empty() && traces.uploads.empty() && traces.job_name.empty());
}

TEST_F(Examination, AsksForAJobAsTheDeploymentsOwnAreButWithoutInput) {
  settings.output_bucket = "out";
  settings.output_prefix = "answers/";
  settings.kms_key_id = "alias/batch";
  settings.bucket_owner = "123456789012";
  settings.job_tags = {{"team", "ml"}};
  settings.vpc = config::VpcConfig{{"subnet-1"}, {"sg-1"}};
  examine_now();
  ASSERT_EQ(bedrock->created.size(), 1u);
  const bedrock::CreateJob& job = bedrock->created.front();
  EXPECT_THAT(job.job_name, ::testing::MatchesRegex("quarry-doctor-[0-9a-f]{12}"));
  EXPECT_THAT(job.input_s3_uri,
              ::testing::MatchesRegex("s3://bucket/quarry/doctor/[0-9a-f]{32}/none/input.jsonl"));
  EXPECT_THAT(job.output_s3_uri,
              ::testing::MatchesRegex("s3://out/answers/doctor/[0-9a-f]{32}/output/"));
  EXPECT_EQ(job.role_arn, kRole);
  EXPECT_EQ(job.model_id, settings.model_id);
  EXPECT_EQ(job.output_kms_key_id, "alias/batch");
  EXPECT_EQ(job.bucket_owner, "123456789012");
  EXPECT_EQ(job.timeout_hours, 24);
  EXPECT_EQ(job.tags.size(), 1u);
  EXPECT_EQ(job.subnet_ids, std::vector<std::string>{"subnet-1"});
  EXPECT_EQ(job.security_group_ids, std::vector<std::string>{"sg-1"});
}

TEST_F(Examination, NeverSaysASecret) {
  examine_now();
  EXPECT_THAT(diagnoses_json({{.checks = checks}}), ::testing::Not(HasSubstr("very-secret")));
}

// --- Who

TEST_F(Examination, WithoutCredentialsSaysWhatToSetAndAsksNobodyAnything) {
  credentials = std::make_shared<NoCredentials>();
  examine_now();
  EXPECT_THAT(the_fault("identity").remedy.text, HasSubstr("aws_access_key_id"));
  EXPECT_TRUE(s3->calls().empty());
  EXPECT_TRUE(bedrock->created.empty() && bedrock->listed.empty());
}

TEST_F(Examination, TellsAnUnknownKeyAWrongSecretAndAnEndedSessionApart) {
  const std::map<std::string, std::string> remedies{
      {"InvalidClientTokenId", "does not know this key"},
      {"SignatureDoesNotMatch", "does not belong to the key"},
      {"ExpiredToken", "the session has ended"}};
  for (const auto& [code, words] : remedies) {
    sts->error = Error(Errc::forbidden, "GetCallerIdentity: " + code + ": no").reason(code);
    examine_now();
    EXPECT_THAT(the_fault("identity").remedy.text, HasSubstr(words));
    EXPECT_THAT(find("identity")->said, HasSubstr(code));
  }
}

TEST_F(Examination, GoesOnWhereStsCannotBeReached) {
  sts->error = Error(Errc::unavailable, "connection refused");
  examine_now();
  EXPECT_EQ(outcome("identity"), Outcome::not_checked);
  EXPECT_EQ(outcome("role account"), Outcome::not_checked);
  EXPECT_EQ(outcome("write"), Outcome::fine);
  EXPECT_EQ(outcome("model"), Outcome::fine);
}

TEST_F(Examination, BadKeysOfS3AloneLeaveBedrocksRowsAsTheyAre) {
  s3_sts = std::make_shared<FakeSts>();
  s3_sts->error = Error(Errc::forbidden, "InvalidClientTokenId").reason("InvalidClientTokenId");
  examine_now();
  EXPECT_THAT(the_fault("S3 identity").remedy.text, HasSubstr("s3_access_key_id"));
  EXPECT_TRUE(s3->calls().empty());
  EXPECT_EQ(outcome("create jobs"), Outcome::fine);
  EXPECT_EQ(outcome("batch role"), Outcome::not_checked);
}

TEST_F(Examination, AModelWithoutBatchesIsAskedForNoJob) {
  patient.on_demand_only = true;
  examine_now();
  EXPECT_TRUE(bedrock->created.empty());
  EXPECT_EQ(outcome("model"), Outcome::not_checked);
  EXPECT_THAT(find("model")->detail, HasSubstr("on demand"));
  EXPECT_EQ(outcome("write"), Outcome::fine);
}

TEST_F(Examination, ARoleOfAnotherAccountIsNamedAndNoJobIsAskedFor) {
  settings.role_arn = "arn:aws:iam::999999999999:role/team/batch";
  examine_now();
  const Check& fault = the_fault("role account");
  EXPECT_EQ(fault.remedy.setting, "aws_batch_role_arn");
  EXPECT_EQ(fault.remedy.value, "arn:aws:iam::123456789012:role/team/batch");
  EXPECT_TRUE(bedrock->created.empty());
  EXPECT_EQ(outcome("pass role"), Outcome::not_checked);
  EXPECT_EQ(outcome("write"), Outcome::fine);
}

// --- S3

TEST_F(Examination, ABucketElsewhereIsNamedWithBothRegions) {
  s3->region = "eu-west-1";
  examine_now();
  const Check& fault = the_fault("bucket");
  EXPECT_THAT(fault.detail, HasSubstr("bucket is in eu-west-1, the jobs run in us-east-1"));
  EXPECT_EQ(fault.remedy.setting, "s3_bucket_name");
  EXPECT_EQ(outcome("model"), Outcome::fine);
  EXPECT_EQ(outcome("batch role"), Outcome::not_checked);
}

TEST_F(Examination, AWrongS3RegionNameIsToBeSetToTheBuckets) {
  settings.s3_region = "us-west-2";
  examine_now();
  EXPECT_EQ(the_fault("bucket").remedy.setting, "s3_region_name");
  EXPECT_EQ(find("bucket")->remedy.value, "us-east-1");
}

TEST_F(Examination, AMissingBucketComesWithTheCommandThatMakesIt) {
  s3->fail_next("bucket_region",
                Error(Errc::upstream, "HeadBucket bucket: NoSuchBucket").reason("NoSuchBucket"));
  examine_now();
  EXPECT_THAT(the_fault("bucket").remedy.text, HasSubstr("create-bucket --bucket bucket"));
  EXPECT_EQ(s3->call_count("put"), 0u);
}

TEST_F(Examination, AWrongOwnerIsToldFromADeniedList) {
  settings.bucket_owner = "111111111111";
  s3_any_owner = std::make_shared<FakeS3>();
  s3->fail_next("list", Error(Errc::forbidden, "AccessDenied").reason("AccessDenied"));
  examine_now();
  EXPECT_EQ(the_fault("owner").remedy.setting, "s3_bucket_owner");
  EXPECT_EQ(bedrock->created.front().bucket_owner, "");

  s3_any_owner->fail_next("list", Error(Errc::forbidden, "AccessDenied").reason("AccessDenied"));
  s3->fail_next("list", denied("s3:ListBucket"));
  s3->fail_next("list", denied("s3:ListBucket"));
  examine_now();
  EXPECT_EQ(outcome("owner"), Outcome::not_checked);
  EXPECT_EQ(the_fault("list").name, "list");
}

struct S3Row {
  const char* operation;
  const char* row;
  const char* action;
};
class S3Rights : public Examination, public ::testing::WithParamInterface<S3Row> {};

TEST_P(S3Rights, AMissingOneIsNamedWithItsStatementAndTheOthersStayFine) {
  s3->fail_next(GetParam().operation, denied(GetParam().action));
  examine_now();
  const Check& fault = the_fault(GetParam().row);
  EXPECT_THAT(fault.said, HasSubstr(GetParam().action));
  EXPECT_THAT(fault.remedy.statement,
              HasSubstr(std::string("\"Action\":\"") + GetParam().action + "\""));
  EXPECT_THAT(fault.remedy.statement, HasSubstr("arn:aws:s3:::bucket"));
  EXPECT_EQ(fault.remedy.place, "the policy of user quarry");
  for (const char* row : {"read", "list", "delete", "list uploads", "model", "batch role"}) {
    if (row != std::string(GetParam().row)) EXPECT_EQ(outcome(row), Outcome::fine) << row;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    S3Rights,
    ::testing::Values(S3Row{"get_range", "read", "s3:GetObject"},
                      S3Row{"list", "list", "s3:ListBucket"},
                      S3Row{"remove", "delete", "s3:DeleteObject"},
                      S3Row{"abort_multipart", "multipart", "s3:AbortMultipartUpload"},
                      S3Row{"list_multiparts", "list uploads", "s3:ListBucketMultipartUploads"}),
    [](const auto& row) { return std::string(row.param.operation); });

TEST_F(Examination, ADeniedWriteNamesItsPlace) {
  s3->fail_next("put", denied("s3:PutObject"));
  examine_now();
  const Check* fault = find("write");
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->outcome, Outcome::failed);
  EXPECT_THAT(fault->remedy.statement, HasSubstr("arn:aws:s3:::bucket/quarry/*"));
  EXPECT_EQ(outcome("read"), Outcome::fine);  // asked for, and not there
  EXPECT_EQ(outcome("delete"), Outcome::fine);
}

TEST_F(Examination, ABucketThatInsistsOnAKeyIsToBeGivenIt) {
  s3->fail_next("put", denied("s3:PutObject", "with an explicit deny in a resource-based policy"));
  examine_now();
  EXPECT_EQ(find("write")->remedy.setting, "s3_encryption_key_id");
  EXPECT_THAT(find("write")->remedy.text, HasSubstr("get-bucket-policy"));
}

TEST_F(Examination, WhatIsWrongWithAKeyIsARowOfItsOwn) {
  settings.kms_key_id = "arn:aws:kms:us-east-1:123456789012:key/k-1";
  s3->fail_next("put", denied("kms:GenerateDataKey"));
  examine_now();
  EXPECT_THAT(the_fault("encryption").remedy.statement, HasSubstr("key/k-1"));
  EXPECT_EQ(outcome("write"), Outcome::not_checked);

  s3->fail_next("get_range", denied("kms:Decrypt"));
  examine_now();
  EXPECT_THAT(the_fault("encryption").remedy.text, HasSubstr("kms:Decrypt"));
  EXPECT_EQ(outcome("write"), Outcome::fine);

  s3->fail_next("put", Error(Errc::upstream, "KMS.DisabledException: k is disabled")
                           .reason("KMS.DisabledException"));
  examine_now();
  EXPECT_THAT(the_fault("encryption").remedy.text, HasSubstr("enable-key"));

  examine_now();
  EXPECT_EQ(outcome("encryption"), Outcome::fine);
}

TEST_F(Examination, AnOutputBucketNeedsNoRightToWrite) {
  settings.output_bucket = "out";
  s3->fail_next("put", denied("s3:PutObject"));
  examine_now();
  EXPECT_EQ(outcome("write"), Outcome::failed);  // the first is the input's
  EXPECT_EQ(outcome("output write"), Outcome::fine);
  EXPECT_EQ(outcome("output read"), Outcome::fine);
  EXPECT_EQ(outcome("output delete"), Outcome::fine);
}

// --- Bedrock

struct RefusalRow {
  const char* name;
  Error error;
  const char* row;
  const char* remedy;  // part of its text or statement
};
class Refusals : public Examination, public ::testing::WithParamInterface<RefusalRow> {};

TEST_P(Refusals, AreNamedWithWhatMendsThem) {
  bedrock->create_error = GetParam().error;
  examine_now();
  const Check& fault = the_fault(GetParam().row);
  EXPECT_THAT(fault.remedy.text + fault.remedy.statement, HasSubstr(GetParam().remedy));
  EXPECT_EQ(fault.said, GetParam().error.message());
  EXPECT_EQ(outcome("write"), Outcome::fine);
  EXPECT_EQ(outcome("stop jobs"), Outcome::not_checked);
  EXPECT_TRUE(traces.job_name.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    Refusals,
    ::testing::Values(
        RefusalRow{
            "PassRole", denied("iam:PassRole"), "pass role",
            R"("Condition":{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}})"},
        RefusalRow{"CrossAccount",
                   Error(Errc::forbidden, "Cross-account pass role is not allowed."), "pass role",
                   "iam:PassRole"},
        RefusalRow{"Create", denied("bedrock:CreateModelInvocationJob"), "create jobs",
                   R"("Action":"bedrock:CreateModelInvocationJob")"},
        RefusalRow{"Tag", denied("bedrock:TagResource"), "create jobs",
                   R"("Action":"bedrock:TagResource")"},
        RefusalRow{"Model",
                   Error(Errc::invalid_request,
                         "Batch inference is not supported for the requested model."),
                   "model", "quarry models --batch-only"},
        RefusalRow{"Owner",
                   Error(Errc::invalid_request,
                         "The S3 bucket bucket is not owned by the account 123456789012."),
                   "owner", "in another account than 123456789012"},
        RefusalRow{"Entitlement",
                   Error(Errc::forbidden,
                         "Your account is not authorized to perform this action. Please create a "
                         "support case"),
                   "model", "open a support case"},
        RefusalRow{"Access",
                   Error(Errc::forbidden,
                         "You don't have access to the model with the specified model ID."),
                   "model", "Model access"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(Examination, NoFreeSlotIsNoFault) {
  bedrock->create_error =
      Error(Errc::throttled, "too many").reason("ServiceQuotaExceededException");
  examine_now();
  EXPECT_EQ(outcome("pass role"), Outcome::fine);
  EXPECT_EQ(outcome("model"), Outcome::not_checked);
}

TEST_F(Examination, AnEndForWhatTheRoleMayNotIsTheRolesFault) {
  bedrock->message = "Unable to assume role arn:aws:iam::123456789012:role/batch";
  examine_now();
  EXPECT_THAT(the_fault("batch role").remedy.statement,
              HasSubstr("arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/*"));
  EXPECT_EQ(find("batch role")->remedy.place, "the trust policy of role batch");

  bedrock->message = "Access denied when reading s3://bucket/quarry/";
  examine_now();
  EXPECT_THAT(the_fault("batch role").remedy.statement, HasSubstr("s3:ListBucket"));

  bedrock->message = "something new";
  examine_now();
  EXPECT_EQ(outcome("batch role"), Outcome::not_checked);
}

TEST_F(Examination, AJobThatAwsHasNotLookedAtYetIsStopped) {
  bedrock->looks_until_end = 1'000'000;
  examine_now();
  EXPECT_EQ(outcome("batch role"), Outcome::not_checked);
  EXPECT_THAT(find("batch role")->detail, HasSubstr("--wait"));
  EXPECT_EQ(bedrock->stopped, std::vector{kJob});
}

TEST_F(Examination, EachRightOnJobsHasARow) {
  bedrock->list_error = denied("bedrock:ListModelInvocationJobs");
  examine_now();
  EXPECT_THAT(the_fault("list jobs").remedy.statement, HasSubstr("ListModelInvocationJobs"));
  bedrock->list_error.reset();
  bedrock->get_error = denied("bedrock:GetModelInvocationJob");
  examine_now();
  EXPECT_THAT(the_fault("watch jobs").remedy.statement, HasSubstr("GetModelInvocationJob"));
  EXPECT_EQ(outcome("stop jobs"), Outcome::fine);
  bedrock->get_error.reset();
  bedrock->stop_error = denied("bedrock:StopModelInvocationJob");
  examine_now();
  EXPECT_THAT(the_fault("stop jobs").remedy.statement, HasSubstr("StopModelInvocationJob"));
}

TEST_F(Examination, AWildcardsModelIsNotChecked) {
  settings.model_id = "us.*";
  examine_now();
  EXPECT_TRUE(bedrock->created.empty());
  EXPECT_THAT(find("model")->detail, HasSubstr("--model"));
  EXPECT_EQ(outcome("write"), Outcome::fine);
}

TEST_F(Examination, QuotasThatMayNotBeReadAreNoFault) {
  quotas->error = Error(Errc::forbidden, "no").reason("AccessDeniedException");
  examine_now();
  EXPECT_EQ(outcome("quotas"), Outcome::not_checked);
  EXPECT_THAT(find("quotas")->detail, HasSubstr("servicequotas:ListServiceQuotas"));
}

// --- What is left

TEST_F(Examination, CleaningUpTakesAwayWhatALostAnswerLeft) {
  bedrock->create_error = Error(Errc::deadline_exceeded, "no answer in time");
  examine_now();
  EXPECT_FALSE(traces.job_name.empty());
  traces.objects.push_back({"bucket", "quarry/doctor/x/object"});
  s3->set_object(traces.objects.front(), "x");
  run([](const Patient& one, Traces& left) -> Awaitable<bool> {
    co_await clean_up(one, left, Deadline::after(std::chrono::seconds(5)));
    co_return true;
  }(patient, traces));
  EXPECT_TRUE(s3->objects().empty());
  EXPECT_EQ(bedrock->stopped, std::vector{kJob});
}

}  // namespace
}  // namespace quarry::cli
