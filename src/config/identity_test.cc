#include "config/settings.h"
#include "config/testing/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace quarry::config {
namespace {

using quarry::testing::Variables;
using quarry::testing::with;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kRole = "arn:aws:iam::123456789012:role/gateway";

const std::string kRegion = "aws_region_name: us-west-2\n";

// `params` begin on line 7; the region follows them.
std::string file(const std::string& params, const std::string& region = kRegion) {
  return testing::config_file(params + region);
}

Settings loaded(const std::string& params, Variables variables = {}) {
  return testing::loaded(file(params), std::move(variables));
}

DeploymentSettings only(const std::string& params, Variables variables = {}) {
  return testing::only(file(params), std::move(variables));
}

std::vector<std::string> complaints(const std::string& params, Variables variables = {}) {
  auto settings = load(file(params), with(std::move(variables)));
  std::vector<std::string> out;
  if (settings) return out;
  for (const ConfigError& error : settings.error()) {
    out.push_back(std::to_string(error.line) + ": " + error.key + ": " + error.message);
  }
  return out;
}

TEST(Identity, OnePairOfKeysServesBoth) {
  const auto aws = only("aws_access_key_id: A\naws_secret_access_key: B\naws_session_token: T\n");
  EXPECT_EQ(aws.identity.keys->session_token.reveal(), "T");
  EXPECT_FALSE(aws.s3_credentials);
  const auto s3 = only("s3_access_key_id: A\ns3_secret_access_key: B\naws_session_token: T\n");
  EXPECT_EQ(s3.identity.keys->access_key_id, "A");
  EXPECT_EQ(s3.identity.keys->session_token.reveal(), "T");
  EXPECT_FALSE(s3.s3_credentials);
  const auto same = only(
      "aws_access_key_id: A\naws_secret_access_key: B\naws_session_token: T\n"
      "s3_access_key_id: A\ns3_secret_access_key: B\n");
  EXPECT_EQ(same.identity.keys->session_token.reveal(), "T");
  EXPECT_FALSE(same.s3_credentials) << "the same keys twice are one identity";
}

TEST(Identity, TheTokenOfTheEnvironmentBelongsToTheKeyOfTheEnvironment) {
  const Variables variables = {
      {"AWS_ACCESS_KEY_ID", "ASIA1"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_SESSION_TOKEN", "T"}};
  const std::string named =
      "s3_access_key_id: os.environ/AWS_ACCESS_KEY_ID\n"
      "s3_secret_access_key: os.environ/AWS_SECRET_ACCESS_KEY\n";
  EXPECT_EQ(only(named, variables).identity.keys->session_token.reveal(), "T");
  EXPECT_EQ(only("aws_access_key_id: AKIAOWN\naws_secret_access_key: B\n", variables)
                .identity.keys->session_token.reveal(),
            "");
}

TEST(Identity, ARoleIsReadWithAllThatGoesWithIt) {
  const auto got = only("aws_role_name: " + kRole +
                        "\naws_session_name: nightly\naws_external_id: ext:1\naws_sts_endpoint: "
                        "https://sts.internal\n"
                        "aws_session_tags:\n  - {key: team, value: ml}\n  - {Key: env, Value: ''}\n"
                        "aws_web_identity_token: oidc/file/var/run/token\n");
  EXPECT_EQ(got.identity.role_arn, kRole);
  EXPECT_EQ(got.identity.session_name, "nightly");
  EXPECT_EQ(got.identity.external_id, "ext:1");
  EXPECT_EQ(got.identity.sts_endpoint, "https://sts.internal");
  EXPECT_THAT(got.identity.session_tags, ElementsAre(Tag{"team", "ml"}, Tag{"env", ""}));
  EXPECT_EQ(got.identity.web_identity_token.reveal(), "oidc/file/var/run/token");
}

TEST(Identity, ARoleTakenByThatMayHaveKeysOfS3sOwn) {
  const auto got =
      only("aws_role_name: " + kRole + "\ns3_access_key_id: A\ns3_secret_access_key: B\n");
  EXPECT_FALSE(got.identity.keys) << "they are S3's alone, for the entry says who it is";
  EXPECT_EQ(got.s3_credentials->access_key_id, "A");
}

TEST(Identity, ComesFromTheVariablesOfTheKeysNamesWhereTheEntrySaysNothing) {
  const Variables variables = {{"AWS_ROLE_NAME", kRole},
                               {"AWS_EXTERNAL_ID", "ext-9"},
                               {"AWS_SESSION_NAME", "from-env"},
                               {"AWS_PROFILE_NAME", "work"}};
  const auto got = only("", variables);
  EXPECT_EQ(got.identity.role_arn, kRole);
  EXPECT_EQ(got.identity.external_id, "ext-9");
  EXPECT_EQ(got.identity.session_name, "from-env");
  EXPECT_EQ(got.identity.profile, "work");
}

TEST(Identity, WhoSaysWhoItIsBecomesNobodyElse) {
  const Variables variables = {{"AWS_ROLE_NAME", kRole}, {"AWS_PROFILE_NAME", "work"}};
  const auto keys = only("aws_access_key_id: A\naws_secret_access_key: B\n", variables);
  EXPECT_EQ(keys.identity.role_arn, "");
  EXPECT_EQ(keys.identity.profile, "");
  const auto profile = only("aws_profile_name: mine\n", variables);
  EXPECT_EQ(profile.identity.profile, "mine");
  EXPECT_EQ(profile.identity.role_arn, "");
}

TEST(Identity, KeysThatMeanNothingAloneAreErrors) {
  EXPECT_THAT(
      complaints("aws_external_id: ext\naws_session_tags: [{key: a, value: b}]\n"
                 "aws_web_identity_token: t\n"),
      ElementsAre(HasSubstr("7: model_list[0].litellm_params.aws_external_id: does nothing without "
                            "aws_role_name"),
                  HasSubstr("8: model_list[0].litellm_params.aws_session_tags: does nothing"),
                  HasSubstr("9: model_list[0].litellm_params.aws_web_identity_token: does")));
  EXPECT_THAT(loaded("aws_session_name: nightly\n").warnings,
              ElementsAre(HasSubstr("aws_session_name (line 7; there is no aws_role_name)")))
      << "LiteLLM's own examples have it without a role";
}

TEST(Identity, EachValueIsHeldToWhatAwsTakes) {
  EXPECT_THAT(complaints("aws_role_name: gateway\n"), ElementsAre(HasSubstr("is no role's ARN")));
  EXPECT_THAT(complaints("aws_role_name: " + kRole + "\naws_session_name: a b\n"),
              ElementsAre(HasSubstr("8: model_list[0].litellm_params.aws_session_name: 'a b' is no "
                                    "session name")));
  EXPECT_THAT(complaints("aws_role_name: " + kRole + "\naws_web_identity_token: oidc/google/x\n"),
              ElementsAre(HasSubstr("is none of oidc/file/PATH")));
  EXPECT_THAT(
      complaints("aws_role_name: " + kRole +
                 "\naws_session_tags:\n  - {key: team, value: ml}\n  - {key: team, value: x}\n"
                 "  - {key: 'a;b', value: x}\n  - {value: x}\n  - {key: k, valeu: x}\n"),
      ElementsAre(HasSubstr("10: model_list[0].litellm_params.aws_session_tags[1].key: 'team' is "
                            "given twice"),
                  HasSubstr("[2].key: is no tag's key"), HasSubstr("[3].key: is required"),
                  HasSubstr("[4].valeu: unknown key 'valeu', did you mean 'value'?")));
}

TEST(Identity, TheRegionOfTheProfileIsTheLastResort) {
  std::vector<std::string> asked;
  const ProfileRegion of_profile = [&asked](const std::string& profile) {
    asked.push_back(profile);
    return profile == "work" ? std::optional<std::string>("eu-west-3") : std::nullopt;
  };
  const std::string profile = file("aws_profile_name: work\n", "");
  EXPECT_EQ(load(profile, with({}), of_profile)->deployments[0].bedrock_region, "eu-west-3");
  EXPECT_EQ(
      load(profile, with({{"AWS_REGION", "us-east-2"}}), of_profile)->deployments[0].bedrock_region,
      "us-east-2");
  EXPECT_FALSE(load(file("", ""), with({}), of_profile)) << "no region is guessed";
  EXPECT_THAT(asked, ElementsAre("work", ""));
}

TEST(Identity, AnApiKeyIsForBedrockAlone) {
  const auto got = only("api_key: os.environ/KEY\n", {{"KEY", "bedrock-api-key-1"}});
  EXPECT_EQ(got.bearer_token.reveal(), "bedrock-api-key-1");
  EXPECT_EQ(got.identity, AwsIdentity{});
}

TEST(Identity, IsNotInTheDeploymentsId) {
  const std::string id = only("").id;
  EXPECT_EQ(id, only("aws_access_key_id: A\naws_secret_access_key: B\n").id);
  EXPECT_EQ(id, only("aws_role_name: " + kRole + "\n").id);
  EXPECT_EQ(id, only("aws_profile_name: work\n").id);
}

TEST(JobSettings, WhereResultsLieIsInTheDeploymentsIdIfElsewhere) {
  EXPECT_EQ(only("").id, only("s3_output_bucket_name: my-bucket\n").id);
  const std::string other = only("s3_output_bucket_name: other/a\n").id;
  EXPECT_NE(only("").id, other);
  EXPECT_NE(only("s3_output_bucket_name: other/b\n").id, other);
}

TEST(JobSettings, AreReadAndHeldToWhatAwsTakes) {
  const auto got = only(
      "s3_encryption_key_id: arn:aws:kms:us-west-2:123456789012:key/"
      "11111111-2222-3333-4444-555555555555\n"
      "s3_bucket_key_enabled: true\ns3_bucket_owner: '012345678901'\n"
      "s3_addressing_style: virtual\nbedrock_timeout_hours: 72\n"
      "bedrock_tags: [{key: cost centre, value: '42'}]\n"
      "bedrock_vpc_config: {subnet_ids: [subnet-1a, subnet-2b], security_group_ids: [sg-0]}\n"
      "s3_output_bucket_name: results/of/batches\n");
  EXPECT_THAT(got.kms_key_id, HasSubstr(":key/1111"));
  EXPECT_TRUE(got.s3_bucket_key);
  EXPECT_EQ(got.bucket_owner, "012345678901");
  EXPECT_EQ(got.s3_addressing, S3Addressing::virtual_host);
  EXPECT_EQ(got.job_timeout_hours, 72);
  EXPECT_THAT(got.job_tags, ElementsAre(Tag{"cost centre", "42"}));
  EXPECT_THAT(got.vpc->subnet_ids, ElementsAre("subnet-1a", "subnet-2b"));
  EXPECT_THAT(got.vpc->security_group_ids, ElementsAre("sg-0"));
  EXPECT_EQ(got.output_bucket, "results");
  EXPECT_EQ(got.output_prefix, "of/batches/");
  EXPECT_EQ(got.bucket, "my-bucket");

  EXPECT_THAT(
      complaints("s3_encryption_key_id: my-key\ns3_bucket_owner: 123\ns3_addressing_style: dns\n"
                 "bedrock_timeout_hours: 12\nbedrock_vpc_config: {subnet_ids: [vpc-1]}\n"
                 "s3_output_bucket_name: Results\n"),
      ElementsAre(HasSubstr("s3_encryption_key_id: 'my-key' is no KMS key"),
                  HasSubstr("s3_bucket_owner: '123' is no account id; it has 12 digits"),
                  HasSubstr("s3_addressing_style: must be auto, path or virtual, not 'dns'"),
                  HasSubstr("bedrock_timeout_hours: "),
                  HasSubstr("bedrock_vpc_config.security_group_ids: is required"),
                  HasSubstr("bedrock_vpc_config.subnet_ids: 'vpc-1' is none; it begins with "),
                  HasSubstr("s3_output_bucket_name: 'Results'")));
  EXPECT_THAT(complaints("s3_bucket_key_enabled: true\n"),
              ElementsAre(HasSubstr("does nothing without s3_encryption_key_id")));
}

TEST(JobSettings, ComeFromTheVariablesLiteLlmReads) {
  const auto got = only("", {{"AWS_S3_OUTPUT_BUCKET_NAME", "out-bucket"},
                             {"AWS_S3_ENCRYPTION_KEY_ID", "alias/batch"},
                             {"AWS_S3_BUCKET_OWNER", "210987654321"}});
  EXPECT_EQ(got.output_bucket, "out-bucket");
  EXPECT_EQ(got.output_prefix, "quarry/") << "the same prefix as of what is written there by us";
  EXPECT_EQ(got.kms_key_id, "alias/batch");
  EXPECT_EQ(got.bucket_owner, "210987654321");
  const auto plain = only("");
  EXPECT_EQ(plain.output_bucket, "my-bucket");
  EXPECT_THAT(plain.job_tags, IsEmpty());
}

}  // namespace
}  // namespace quarry::config
