#include "cli/doctor_remedies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using ::testing::HasSubstr;

config::DeploymentSettings deployment() {
  config::DeploymentSettings settings;
  settings.model_id = "m";
  settings.bedrock_region = settings.s3_region = "us-gov-west-1";
  settings.bucket = "in";
  settings.prefix = "p/";
  settings.output_bucket = "out";
  settings.output_prefix = "q/";
  settings.role_arn = "arn:aws-us-gov:iam::123456789012:role/batch";
  return settings;
}

Error denied(const std::string& what) {
  return Error(Errc::forbidden, "not authorized to perform: " + what).reason("AccessDenied");
}

TEST(Remedies, FillsInThePartitionTheBucketAndThePrefix) {
  const auto settings = deployment();
  const Remedies remedies(settings, {},
                          {"123456789012", "arn:aws-us-gov:iam::123456789012:user/a/b"});
  const Remedy write = remedies.s3(S3Right::write, {"in", "p/"}, denied("s3:PutObject"));
  EXPECT_EQ(
      write.statement,
      R"({"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws-us-gov:s3:::in/p/*"})");
  EXPECT_EQ(write.place, "the policy of user b");
  const Remedy list = remedies.s3(S3Right::list, {"in", "p/"}, denied("s3:ListBucket"));
  EXPECT_EQ(list.statement,
            R"({"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws-us-gov:s3:::in",)"
            R"("Condition":{"StringLike":{"s3:prefix":"p/*"}}})");
}

TEST(Remedies, PassRoleNamesTheRoleAndTheService) {
  const auto settings = deployment();
  EXPECT_EQ(Remedies(settings, {}, {}).pass_role().statement,
            R"({"Effect":"Allow","Action":"iam:PassRole",)"
            R"("Resource":"arn:aws-us-gov:iam::123456789012:role/batch",)"
            R"("Condition":{"StringEquals":{"iam:PassedToService":"bedrock.amazonaws.com"}}})");
}

TEST(Remedies, TheBatchRolesPoliciesNameBothBucketsTheAccountAndTheRegion) {
  const auto settings = deployment();
  const Remedies remedies(settings, {"123456789012", "arn:x"}, {});
  EXPECT_EQ(remedies.batch_role("cannot assume role").statement,
            R"({"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},)"
            R"("Action":"sts:AssumeRole","Condition":{"StringEquals":)"
            R"({"aws:SourceAccount":"123456789012"},"ArnEquals":{"aws:SourceArn":)"
            R"("arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:model-invocation-job/*"}}})");
  EXPECT_EQ(remedies.batch_role("Access Denied").statement,
            R"({"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:ListBucket"],)"
            R"("Resource":["arn:aws-us-gov:s3:::in","arn:aws-us-gov:s3:::in/p/*",)"
            R"("arn:aws-us-gov:s3:::out","arn:aws-us-gov:s3:::out/q/*"]})");
}

TEST(Remedies, AKeyIsTheOneThatAwsNames) {
  auto settings = deployment();
  settings.kms_key_id = "alias/batch";
  const Remedies remedies(settings, {"123456789012", ""}, {});
  const std::string key = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0a-1";
  const Remedy named = remedies.kms(
      denied("kms:GenerateDataKey on resource: " + key + " because no identity-based policy"),
      true);
  EXPECT_THAT(named.statement, HasSubstr("\"Resource\":\"" + key + "\""));
  EXPECT_THAT(remedies.kms(denied("kms:Decrypt"), false).statement,
              HasSubstr("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/KEY_ID"));
}

TEST(Remedies, WhatIsDeniedExplicitlyIsNotMendedByAllowingAlone) {
  const auto settings = deployment();
  const Remedies remedies(settings, {}, {});
  const Error error = Error(Errc::forbidden, "x with an explicit deny in a service control policy");
  EXPECT_THAT(remedies.bedrock("bedrock:CreateModelInvocationJob", error).text,
              HasSubstr("service control policy of the organization"));
}

TEST(Remedies, AServiceThatDoesNotAnswerIsNoMatterOfRights) {
  const auto settings = deployment();
  const Remedies remedies(settings, {}, {});
  const Error error(Errc::unavailable, "connection refused");
  const Remedy remedy = remedies.s3(S3Right::write, {"in", "p/"}, error);
  EXPECT_EQ(remedy.statement, "");
  EXPECT_THAT(remedy.text, HasSubstr("HTTPS_PROXY"));
}

TEST(Remedies, WhatAwsSaidIsSaidWithoutOurHint) {
  EXPECT_EQ(words_of_aws(Error(Errc::upstream, "A b: C: no; hint: set x (HTTP 301, request id R)")),
            "A b: C: no (HTTP 301, request id R)");
  EXPECT_EQ(words_of_aws(Error(Errc::upstream, "no; hint: set x")), "no");
  EXPECT_EQ(words_of_aws(Error(Errc::upstream, "no")), "no");
}

TEST(Remedies, PrincipalsAreCalledByTheirNames) {
  EXPECT_EQ(principal_name("arn:aws:sts::123456789012:assumed-role/quarry/i-0abc"), "role quarry");
  EXPECT_EQ(principal_name("arn:aws:iam::123456789012:user/team/quarry"), "user quarry");
  EXPECT_EQ(principal_name(""), "Quarry's identity");
  EXPECT_EQ(account_of("arn:aws:iam::123456789012:role/x"), "123456789012");
  EXPECT_EQ(account_of("nothing"), "");
}

}  // namespace
}  // namespace quarry::cli
