// What loading config.yaml promises: LiteLLM's files work, and everything wrong is said at once,
// with its place.
#include "config/settings.h"
#include "config/testing/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace quarry::config {
namespace {

using quarry::testing::config_file;
using quarry::testing::loaded;
using quarry::testing::only;
using quarry::testing::Variables;
using quarry::testing::with;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kRegion = "s3_region_name: us-west-2\n";

std::vector<std::string> complaints(const std::string& yaml, Variables variables = {}) {
  auto settings = load(yaml, with(std::move(variables)));
  std::vector<std::string> out;
  if (settings) return {"it loaded"};
  for (const ConfigError& error : settings.error()) out.push_back(describe(error, "c"));
  return out;
}

TEST(Load, TheExampleConfigWorksUnchanged) {
  std::ifstream in(std::string(QUARRY_SOURCE_DIR) + "/examples/config.yaml");
  std::stringstream text;
  text << in.rdbuf();

  Settings settings =
      loaded(text.str(), {{"AWS_ACCESS_KEY_ID", "AKIA1"}, {"AWS_SECRET_ACCESS_KEY", "s1"}});

  ASSERT_EQ(settings.deployments.size(), 1u);
  const DeploymentSettings& got = settings.deployments[0];
  EXPECT_EQ(got.model_name, "bedrock/batch-anthropic.claude-3-5-sonnet-20240620-v1:0");
  EXPECT_EQ(got.model_id, "us.anthropic.claude-3-5-sonnet-20240620-v1:0");
  EXPECT_TRUE(got.batch);
  EXPECT_EQ(got.line, 2);
  EXPECT_EQ(got.bucket, "litellm-proxy");
  EXPECT_EQ(got.prefix, "quarry/");
  EXPECT_EQ(got.s3_region, "us-west-2");
  EXPECT_EQ(got.bedrock_region, "us-west-2");
  EXPECT_EQ(got.role_arn,
            "arn:aws:iam::888602223428:role/service-role/"
            "AmazonBedrockExecutionRoleForAgents_BB9HNW6V4CV");
  // The file has one pair of keys, the account's: it serves Bedrock too.
  ASSERT_TRUE(got.identity.keys);
  EXPECT_EQ(got.identity.keys->access_key_id, "AKIA1");
  EXPECT_EQ(got.identity.keys->secret_access_key.reveal(), "s1");
  EXPECT_EQ(got.identity.keys->session_token.reveal(), "");
  EXPECT_FALSE(got.s3_credentials) << "no identity of its own";
  EXPECT_THAT(settings.warnings, IsEmpty());
  EXPECT_FALSE(settings.master_key);
}

TEST(Load, TheSandboxIsTheExampleConfigsDeployment) {
  std::ifstream in(std::string(QUARRY_SOURCE_DIR) + "/examples/config.yaml");
  std::stringstream text;
  text << in.rdbuf();
  DeploymentSettings example =
      only(text.str(), {{"AWS_ACCESS_KEY_ID", "a"}, {"AWS_SECRET_ACCESS_KEY", "b"}});

  Settings sandbox = sandbox_settings();

  ASSERT_EQ(sandbox.deployments.size(), 1u);
  EXPECT_EQ(sandbox.deployments[0].id, example.id);
  EXPECT_EQ(sandbox.deployments[0].model_name, example.model_name);
  EXPECT_TRUE(sandbox.deployments[0].batch);
  EXPECT_EQ(sandbox.master_key->reveal(), "sk-1234");
}

TEST(Load, ReadsEveryKeyOfADeployment) {
  DeploymentSettings got = only(config_file(
      "aws_access_key_id: AKIA2\naws_secret_access_key: s2\naws_session_token: "
      "t2\naws_region_name: eu-central-1\n"
      "s3_access_key_id: AKIA3\ns3_secret_access_key: s3\ns3_region_name: eu-west-1\ns3_prefix: "
      "/a/b/\n"
      "s3_endpoint_url: http://127.0.0.1:4566/\naws_bedrock_endpoint: https://bedrock.internal\n"
      "aws_bedrock_runtime_endpoint: https://runtime.internal:8443/x\nweight: "
      "3\nmax_concurrent_jobs: 7\n"
      "min_records_per_job: 200\nmax_records_per_job: 1_000\nmax_job_bytes: 200MB\nsmall_batch: "
      "reject\n"
      "direct_concurrency: 2\n",
      "    model_info: {mode: batch, id: dep-eu, base_model: x}\n"));
  EXPECT_EQ(got.id, "dep-eu");
  EXPECT_EQ(got.identity.keys->access_key_id, "AKIA2");
  EXPECT_EQ(got.identity.keys->session_token.reveal(), "t2");
  EXPECT_EQ(got.s3_credentials->access_key_id, "AKIA3");
  EXPECT_EQ(got.s3_credentials->session_token.reveal(), "") << "a token belongs to one access key";
  EXPECT_EQ(got.bedrock_region, "eu-central-1");
  EXPECT_EQ(got.s3_region, "eu-west-1");
  EXPECT_EQ(got.prefix, "a/b/");
  EXPECT_EQ(got.s3_endpoint, "http://127.0.0.1:4566");
  EXPECT_EQ(got.bedrock_endpoint, "https://bedrock.internal");
  EXPECT_EQ(got.runtime_endpoint, "https://runtime.internal:8443/x");
  EXPECT_EQ(got.weight, 3);
  EXPECT_EQ(got.max_concurrent_jobs, 7);
  EXPECT_EQ(got.min_records_per_job, 200u);
  EXPECT_EQ(got.max_records_per_job, 1000u);
  EXPECT_EQ(got.max_job_bytes, 200'000'000u);
  EXPECT_EQ(got.small_batch, SmallBatch::reject);
  EXPECT_EQ(got.direct_concurrency, 2);
}

TEST(Load, ReadsTheSectionsBesideTheModels) {
  Settings got = loaded(config_file(
      kRegion,
      "general_settings:\n  master_key: sk-9\n  proxy_batch_polling_interval: 0.25\n"
      "  max_transfer_memory: 512MiB\n  max_upload_bytes: 5GB\n  max_line_bytes: 1048576\n"
      "litellm_settings:\n  drop_params: yes\n"));
  EXPECT_EQ(got.master_key->reveal(), "sk-9");
  EXPECT_EQ(got.batch_polling_interval, milliseconds(250));
  EXPECT_EQ(got.max_transfer_memory_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(got.max_upload_bytes, 5'000'000'000u);
  EXPECT_EQ(got.max_line_bytes, 1'048'576u);
  EXPECT_TRUE(got.drop_params);
  EXPECT_EQ(loaded(config_file(kRegion, "general_settings: {max_batch_file_size_mb: 100}\n"))
                .max_upload_bytes,
            100u << 20);
}

TEST(Load, ReadsTheTimesOfTheEngine) {
  const Settings usual = loaded(config_file(kRegion));
  EXPECT_EQ(usual.max_completion_window, hours(24));
  EXPECT_EQ(usual.job_files_retention, hours(24));
  EXPECT_EQ(usual.janitor_interval, seconds(3600));

  const Settings got =
      loaded(config_file(kRegion,
                         "general_settings:\n  max_completion_window: 168h\n"
                         "  job_files_retention_hours: 0\n  janitor_interval: 5\n"));
  EXPECT_EQ(got.max_completion_window, hours(168));
  EXPECT_EQ(got.job_files_retention, hours(0));
  EXPECT_EQ(got.janitor_interval, seconds(5));

  EXPECT_THAT(
      complaints(config_file(kRegion,
                             "general_settings:\n  max_completion_window: 7d\n"
                             "  job_files_retention_hours: 8761\n  janitor_interval: 0\n")),
      ElementsAre("c:9: general_settings.max_completion_window: must be whole hours from '24h' to "
                  "'168h', not '7d'",
                  HasSubstr("c:10: general_settings.job_files_retention_hours: must be"),
                  HasSubstr("c:11: general_settings.janitor_interval: must be")));
  for (const char* window : {"23h", "169h", "48", "h", "-24h", "24.5h", "24 h"}) {
    const std::string rest = std::string("general_settings: {max_completion_window: ") + window;
    EXPECT_THAT(complaints(config_file(kRegion, rest + "}\n")),
                ElementsAre(HasSubstr("whole hours")))
        << window;
  }
}

TEST(Load, WhatIsNotFinishedIsTriedAgainAsTheEntrySaysElseAsGeneralSettingsSay) {
  const DeploymentSettings usual = only(config_file(kRegion));
  EXPECT_EQ(usual.retry_failed_records, 1);
  EXPECT_FALSE(usual.deadline_fallback);

  const DeploymentSettings own =
      only(config_file(kRegion + "retry_failed_records: 5\ndeadline_fallback: direct\n"
                                 "deadline_fallback_minutes: 1440\n"));
  EXPECT_EQ(own.retry_failed_records, 5);
  EXPECT_EQ(own.deadline_fallback, minutes(1440));
  EXPECT_EQ(only(config_file(kRegion + "deadline_fallback: direct\n")).deadline_fallback,
            minutes(60));

  const std::string general =
      "general_settings: {retry_failed_records: 0, deadline_fallback: direct, "
      "deadline_fallback_minutes: 5}\n";
  const DeploymentSettings inherited = only(config_file(kRegion, general));
  EXPECT_EQ(inherited.retry_failed_records, 0);
  EXPECT_EQ(inherited.deadline_fallback, minutes(5));
  const DeploymentSettings mixed = only(
      config_file(kRegion + "retry_failed_records: 2\ndeadline_fallback_minutes: 30\n", general));
  EXPECT_EQ(mixed.retry_failed_records, 2);
  EXPECT_EQ(mixed.deadline_fallback, minutes(30));
  EXPECT_FALSE(only(config_file(kRegion + "deadline_fallback: none\n", general)).deadline_fallback);

  EXPECT_THAT(
      complaints(config_file(kRegion + "retry_failed_records: 6\ndeadline_fallback: later\n"
                                       "deadline_fallback_minutes: 4\n",
                             "general_settings: {deadline_fallback: on_demand}\n")),
      ElementsAre(HasSubstr("c:8: model_list[0].litellm_params.retry_failed_records: must be"),
                  "c:9: model_list[0].litellm_params.deadline_fallback: must be direct or none, "
                  "not 'later'",
                  HasSubstr("c:10: model_list[0].litellm_params.deadline_fallback_minutes: must"),
                  "c:11: general_settings.deadline_fallback: must be direct or none, not "
                  "'on_demand'"));
}

TEST(Load, AStarInNameAndModelMakesAWildcard) {
  const auto entry = [](const std::string& name, const std::string& model) {
    return "model_list:\n  - model_name: \"" + name + "\"\n    litellm_params:\n      model: \"" +
           model +
           "\"\n      s3_bucket_name: my-bucket\n      s3_region_name: us-west-2\n"
           "      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch\n";
  };
  EXPECT_FALSE(only(config_file(kRegion)).wildcard);
  const DeploymentSettings any = only(entry("bedrock/*", "bedrock/*"));
  EXPECT_TRUE(any.wildcard);
  EXPECT_EQ(any.model_name, "bedrock/*");
  EXPECT_EQ(any.model_id, "*");
  EXPECT_EQ(only(entry("claude-*", "bedrock/eu-west-1/eu.anthropic.claude-*-v1:0")).model_id,
            "eu.anthropic.claude-*-v1:0");
  const DeploymentSettings one = only(entry("*", "bedrock/amazon.nova-lite-v1:0"));
  EXPECT_TRUE(one.wildcard);
  EXPECT_EQ(one.model_id, "amazon.nova-lite-v1:0");

  EXPECT_THAT(complaints(entry("a*b*", "bedrock/*")),
              ElementsAre("c:2: model_list[0].model_name: holds more than one '*'"));
  EXPECT_THAT(complaints(entry("*", "bedrock/*.*")),
              ElementsAre("c:4: model_list[0].litellm_params.model: holds more than one '*'"));
  EXPECT_THAT(complaints(entry("claude", "bedrock/anthropic.*")),
              ElementsAre(HasSubstr("c:4: model_list[0].litellm_params.model: holds a '*', and "
                                    "model_name none")));
  EXPECT_THAT(complaints(entry("*", "bedrock/a b*")),
              ElementsAre(HasSubstr("holds characters that no Bedrock model id has")));
}

TEST(Load, TakesNullForAKeyThatIsNotThere) {
  Settings got =
      loaded(config_file(kRegion + "aws_access_key_id:\naws_secret_access_key: ~\nweight: null\n",
                         "general_settings:\nlitellm_settings: {}\n"));
  EXPECT_FALSE(got.deployments[0].identity.keys);
  EXPECT_EQ(got.deployments[0].weight, 1);
}

TEST(Load, FallsBackToLiteLlmsVariables) {
  const std::string bare =
      "model_list:\n  - model_name: m\n    litellm_params: {model: bedrock/a.b-v1:0}\n    "
      "model_info: {mode: batch}\n";
  Variables variables{{"AWS_S3_BUCKET_NAME", "env-bucket/team"},
                      {"AWS_BATCH_ROLE_ARN", "arn:aws-us-gov:iam::123456789012:role/x/y"},
                      {"AWS_REGION", "us-gov-west-1"},
                      {"AWS_DEFAULT_REGION", "us-east-1"},
                      {"LITELLM_MASTER_KEY", "sk-env"}};
  Settings got = loaded(bare, variables);
  EXPECT_EQ(got.deployments[0].bucket, "env-bucket");
  EXPECT_EQ(got.deployments[0].prefix, "team/");
  EXPECT_EQ(got.deployments[0].role_arn, "arn:aws-us-gov:iam::123456789012:role/x/y");
  EXPECT_EQ(got.deployments[0].bedrock_region, "us-gov-west-1");
  EXPECT_EQ(got.master_key->reveal(), "sk-env");

  EXPECT_THAT(
      complaints(bare),
      ElementsAre(HasSubstr("c:3: model_list[0].litellm_params.aws_batch_role_arn: is required"),
                  HasSubstr("c:3: model_list[0].litellm_params.aws_region_name: is required"),
                  HasSubstr("c:3: model_list[0].litellm_params.s3_bucket_name: is required")));
  variables["AWS_REGION_NAME"] = "Oregon";
  EXPECT_THAT(complaints(bare, variables),
              ElementsAre(HasSubstr("AWS_REGION_NAME in the environment is no AWS region")));
}

TEST(Load, FindsTheRegionInTheModelBeforeTheBuckets) {
  const std::string rest =
      "      s3_bucket_name: my-bucket\n      s3_region_name: us-west-2\n"
      "      aws_batch_role_arn: arn:aws:iam::123456789012:role/r\n";
  auto model = [&](const std::string& name) {
    return only("model_list:\n  - model_name: m\n    litellm_params:\n      model: " + name + "\n" +
                rest);
  };
  EXPECT_EQ(model("bedrock/eu-west-3/anthropic.claude-v1").bedrock_region, "eu-west-3");
  EXPECT_EQ(model("bedrock/eu-west-3/anthropic.claude-v1").model_id, "anthropic.claude-v1");
  std::string arn = "arn:aws:bedrock:ap-south-1:123456789012:application-inference-profile/abc123";
  EXPECT_EQ(model("bedrock/" + arn).bedrock_region, "ap-south-1");
  EXPECT_EQ(model("bedrock/" + arn).model_id, arn);
  EXPECT_EQ(model("bedrock/invoke/anthropic.claude-v1").model_id, "anthropic.claude-v1");
  EXPECT_EQ(model("bedrock/arn:aws").bedrock_region, "us-west-2");
}

TEST(Load, ResolvesVariablesAnywhereInAValue) {
  DeploymentSettings got =
      only(config_file(
               "s3_region_name: os.environ/REGION\ns3_endpoint_url: http://os.environ/HOST:9000\n"
               "weight: os.environ/WEIGHT\n"),
           {{"REGION", "us-east-1"}, {"HOST", "minio"}, {"WEIGHT", "4"}});
  EXPECT_EQ(got.s3_region, "us-east-1");
  EXPECT_EQ(got.s3_endpoint, "http://minio:9000");
  EXPECT_EQ(got.weight, 4);
}

TEST(Load, AnUnsetVariableNamesTheKeyThatWantedIt) {
  EXPECT_THAT(
      complaints(
          config_file(
              kRegion +
              "s3_access_key_id: os.environ/NOT_SET\ns3_secret_access_key: os.environ/EMPTY\n"),
          {{"EMPTY", ""}}),
      ElementsAre(
          "c:8: model_list[0].litellm_params.s3_access_key_id: wants the environment variable "
          "NOT_SET, "
          "which is not set; hint: set NOT_SET, or remove the key",
          "c:9: model_list[0].litellm_params.s3_secret_access_key: is empty: os.environ/EMPTY is"));
}

TEST(Load, NeverPutsAVariablesValueIntoAMessage) {
  for (const char* key : {"weight", "max_job_bytes", "s3_region_name", "s3_prefix", "small_batch",
                          "s3_endpoint_url"}) {
    auto said = complaints(config_file((key == std::string("s3_region_name") ? "" : kRegion) + key +
                                       ": os.environ/VALUE\n"),
                           {{"VALUE", "hunter2 \x01"}});
    ASSERT_EQ(said.size(), 1u) << key;
    EXPECT_THAT(said[0], HasSubstr("os.environ/VALUE"));
    EXPECT_EQ(said[0].find("hunter2"), std::string::npos) << said[0];
  }
}

TEST(Load, TellsEveryErrorAtOnceInTheOrderOfLines) {
  EXPECT_THAT(
      complaints("model_list:\n"
                 "  - litellm_params:\n"
                 "      model: bedrock/us.a.b\n"
                 "      s3_bucket_name: My_Bucket\n"
                 "      weight: many\n"
                 "  - model_name: two\n"
                 "    litellm_params:\n"
                 "      s3_bucket_name: ok-bucket\n"
                 "      aws_batch_role_arn: batch-role\n"
                 "      aws_region_name: us-west-2\n"
                 "general_settings:\n"
                 "  proxy_batch_polling_interval: often\n"
                 "litellm_settings:\n"
                 "  drop_params: perhaps\n"),
      ElementsAre(
          HasSubstr("c:2: model_list[0].litellm_params.aws_batch_role_arn: is required"),
          HasSubstr("c:2: model_list[0].litellm_params.aws_region_name: is required"),
          "c:2: model_list[0].model_name: is required",
          HasSubstr(
              "c:4: model_list[0].litellm_params.s3_bucket_name: 'My_Bucket' is no bucket name"),
          "c:5: model_list[0].litellm_params.weight: must be a whole number from 1 to 1000000, not "
          "'many'",
          "c:7: model_list[1].litellm_params.model: is required",
          HasSubstr("c:9: model_list[1].litellm_params.aws_batch_role_arn: 'batch-role' is no "
                    "role's ARN"),
          "c:12: general_settings.proxy_batch_polling_interval: must be a number of seconds from "
          "0.01 to "
          "86400, not 'often'",
          "c:14: litellm_settings.drop_params: must be true or false, not 'perhaps'"));
}

TEST(Load, AMistypedKeyIsAnErrorThatNamesTheRightOne) {
  EXPECT_THAT(complaints(config_file(kRegion + "s3_bucket_nmae: x\n")),
              ElementsAre("c:8: model_list[0].litellm_params.s3_bucket_nmae: unknown key "
                          "'s3_bucket_nmae', did you mean "
                          "'s3_bucket_name'?"));
  EXPECT_THAT(complaints(config_file(kRegion, "general_setting: {}\n")),
              ElementsAre(HasSubstr("did you mean 'general_settings'?")));
  EXPECT_THAT(
      complaints(config_file(kRegion, "general_settings:\n  masterkey: x\n")),
      ElementsAre(HasSubstr(
          "c:9: general_settings.masterkey: unknown key 'masterkey', did you mean 'master_key'?")));
  EXPECT_THAT(complaints(config_file(kRegion, "    model_infos: {mode: batch}\n")),
              ElementsAre(HasSubstr("c:8: model_list[0].model_infos: unknown key")));
}

TEST(Load, AKeyOfOursInTheWrongPlaceIsAnError) {
  EXPECT_THAT(complaints(config_file(kRegion, "    model_info:\n      max_concurrent_jobs: 3\n")),
              ElementsAre("c:9: model_list[0].model_info.max_concurrent_jobs: "
                          "'max_concurrent_jobs' does nothing here; it "
                          "belongs to litellm_params"));
}

TEST(Load, LiteLlmsOtherKeysAreOneWarningThatNamesThemAll) {
  Settings got = loaded(
      config_file(kRegion + "rpm: 5\ntpm: 7\nsomething_new: 1\n",
                  "    model_info: {team_id: t}\ngeneral_settings:\n  alerting: os.environ/UNSET\n"
                  "router_settings:\n  routing_strategy: simple-shuffle\n"));
  EXPECT_THAT(
      got.warnings,
      ElementsAre("keys that do nothing in Quarry: model_list[0].litellm_params.rpm (line 8), "
                  "model_list[0].litellm_params.tpm (line 9), "
                  "model_list[0].litellm_params.something_new (line 10), "
                  "model_list[0].model_info.team_id (line 11), "
                  "general_settings.alerting (line 13), router_settings (line 14)"));
}

TEST(Load, SkipsWhatIsNotBedrockBatchAndSaysSo) {
  Settings got = loaded(config_file(
      kRegion,
      "  - model_name: gpt-4o\n    litellm_params:\n      model: openai/gpt-4o\n"
      "      api_key: os.environ/OPENAI_API_KEY\n      s3_bucket_nmae: x\n"
      "  - model_name: live\n    litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0}\n"));
  EXPECT_EQ(got.deployments.size(), 1u);
  EXPECT_THAT(
      got.warnings,
      ElementsAre(
          "skipped entries of model_list, of other providers than Bedrock: 'gpt-4o' "
          "(openai/gpt-4o, line 8)",
          "skipped entries of model_list, without s3_bucket_name, so not for batches: 'live' "
          "(bedrock/us.amazon.nova-pro-v1:0, line 13)"));
}

TEST(Load, WithoutABatchDeploymentThereIsNothingToServe) {
  EXPECT_THAT(
      complaints(
          "\nmodel_list:\n  - model_name: gpt-4o\n    litellm_params: {model: openai/gpt-4o}\n"),
      ElementsAre("c:2: model_list: holds no Bedrock batch deployment: no entry with 'model: "
                  "bedrock/…' and "
                  "s3_bucket_name; skipped: 'gpt-4o' (openai/gpt-4o, line 3)"));
  EXPECT_THAT(complaints("model_list: []\n"),
              ElementsAre(HasSubstr("c:1: model_list: holds no Bedrock batch deployment")));
  EXPECT_THAT(complaints("general_settings: {}\n"), ElementsAre("c:1: model_list: is required"));
}

TEST(Load, AKeyGivenTwiceIsAnError) {
  EXPECT_THAT(
      complaints(config_file(kRegion + "weight: 1\nweight: 2\n",
                             "general_settings: {}\ngeneral_settings: {}\n")),
      ElementsAre("c:9: model_list[0].litellm_params.weight: is given twice, first on line 8",
                  "c:11: general_settings: is given twice, first on line 10"));
}

TEST(Load, MergesAnchorsUnderWhatIsWrittenOut) {
  Settings got = loaded(
      "defaults: &d\n  s3_bucket_name: shared-bucket\n  s3_region_name: us-west-2\n  weight: 9\n"
      "  aws_batch_role_arn: arn:aws:iam::123456789012:role/r\nmodel_list:\n"
      "  - model_name: m\n    litellm_params: {<<: *d, model: bedrock/a.b, weight: 2}\n"
      "  - model_name: n\n    litellm_params: {<<: [*d], model: bedrock/a.b}\n");
  ASSERT_EQ(got.deployments.size(), 2u);
  EXPECT_EQ(got.deployments[0].bucket, "shared-bucket");
  EXPECT_EQ(got.deployments[0].weight, 2);
  EXPECT_EQ(got.deployments[1].weight, 9);
  // An anchor that merges itself ends, too.
  std::string self = config_file(kRegion, "general_settings: &g\n  <<: *g\n  master_key: sk-1\n");
  EXPECT_EQ(loaded(self).master_key->reveal(), "sk-1");
}

TEST(Load, SaysWhatKindOfValueItWanted) {
  EXPECT_THAT(complaints("model_list:\n  a: b\n"),
              ElementsAre(HasSubstr("c:1: model_list: must be a list")));
  EXPECT_THAT(complaints("model_list: [x]\n"),
              ElementsAre(HasSubstr("c:1: model_list[0]: must be a map of keys, not a value")));
  EXPECT_THAT(complaints("model_list:\n  - model_name: m\n"),
              ElementsAre("c:2: model_list[0].litellm_params: is required"));
  EXPECT_THAT(
      complaints(config_file("s3_region_name: [us-west-2]\n")),
      ElementsAre(HasSubstr(
          "c:7: model_list[0].litellm_params.s3_region_name: must be one value, not a list")));
  EXPECT_THAT(complaints(config_file(kRegion, "general_settings: on\n")),
              ElementsAre(HasSubstr("c:8: general_settings: must be a map of keys, not a value")));
  EXPECT_THAT(complaints("- a\n"), ElementsAre(HasSubstr("must be a map of keys, not a list")));
}

TEST(Load, WhatIsNotYamlHasItsLine) {
  EXPECT_THAT(complaints("model_list:\n  - model_name: [a\n"),
              ElementsAre(::testing::StartsWith("c:3: not YAML: ")));
  EXPECT_THAT(complaints("a: b\n\tc: d\n"), ElementsAre(::testing::StartsWith("c:2: not YAML: ")));
  EXPECT_THAT(complaints(""), ElementsAre("c: the file is empty"));
  EXPECT_THAT(complaints("# nothing\n"), ElementsAre("c: the file is empty"));
  EXPECT_NE(complaints(",m"), std::vector<std::string>{"it loaded"});
  EXPECT_EQ(loaded("# mine\n---\n" + config_file(kRegion)).deployments.size(), 1u);
  EXPECT_THAT(complaints(config_file(kRegion) + "---\na: b\n"),
              ElementsAre(HasSubstr("a second document begins here")));
}

TEST(Load, HalfAPairOfKeysIsAnError) {
  EXPECT_THAT(
      complaints(config_file(
          kRegion + "aws_access_key_id: A\ns3_secret_access_key: B\naws_session_token: t\n")),
      ElementsAre("c:8: model_list[0].litellm_params.aws_access_key_id: is half a pair: "
                  "aws_secret_access_key is missing",
                  "c:9: model_list[0].litellm_params.s3_secret_access_key: is half a pair: "
                  "s3_access_key_id is missing"));
  EXPECT_THAT(complaints(config_file(kRegion + "aws_session_token: t\n")),
              ElementsAre(HasSubstr(
                  "aws_session_token: needs aws_access_key_id and aws_secret_access_key")));
}

TEST(Load, TheBucketMayCarryThePrefixButNotTwice) {
  auto bucket = [](const std::string& value, const std::string& more = "") {
    return "model_list:\n  - model_name: m\n    litellm_params:\n      model: bedrock/a.b\n      "
           "s3_bucket_name: " +
           value +
           "\n      aws_batch_role_arn: arn:aws:iam::123456789012:role/r\n      aws_region_name: "
           "us-east-1\n" +
           more;
  };
  EXPECT_EQ(only(bucket("my-bucket/some/prefix")).prefix, "some/prefix/");
  EXPECT_EQ(only(bucket("my-bucket/some/prefix/")).bucket, "my-bucket");
  EXPECT_EQ(only(bucket("my-bucket/")).prefix, "quarry/");
  EXPECT_EQ(only(bucket("my-bucket", "      s3_prefix: ''\n")).prefix, "");
  EXPECT_THAT(complaints(bucket("my-bucket/LLM AI")),
              ElementsAre(HasSubstr("what follows the '/' may hold letters")));
  EXPECT_THAT(complaints(bucket("my-bucket/a", "      s3_prefix: b\n")),
              ElementsAre(HasSubstr("s3_prefix: is given twice")));
  EXPECT_THAT(complaints(bucket("s3://my-bucket")), ElementsAre(HasSubstr("no 's3://'")));
}

TEST(Load, LimitsMustFitEachOther) {
  EXPECT_THAT(
      complaints(config_file(kRegion + "min_records_per_job: 500\nmax_records_per_job: 400\n")),
      ElementsAre("c:8: model_list[0].litellm_params.min_records_per_job: "
                  "min_records_per_job (500) is more than "
                  "max_records_per_job (400)"));
  EXPECT_THAT(
      complaints(config_file(kRegion + "max_records_per_job: 50\n")),
      ElementsAre(HasSubstr(
          "c:8: model_list[0].litellm_params.max_records_per_job: min_records_per_job (100)")));
  EXPECT_THAT(complaints(config_file(
                  kRegion, "general_settings: {max_upload_bytes: 1, max_batch_file_size_mb: 1}\n")),
              ElementsAre(HasSubstr("says the same as max_upload_bytes")));
  EXPECT_THAT(complaints(config_file(kRegion, "general_settings: {max_transfer_memory: 255MiB}\n")),
              ElementsAre(HasSubstr("must be from 256 MiB to 1024 GiB, not '255MiB'")));
}

TEST(Load, DeploymentsKeepTheirIdWhenKeysRotate) {
  auto id = [](const std::string& params) { return only(config_file(params)).id; };
  std::string first = id(kRegion + "aws_access_key_id: A\naws_secret_access_key: B\n");
  EXPECT_THAT(first, ::testing::MatchesRegex("dep-[0-9a-f]+"));
  EXPECT_EQ(first.size(), 20u);
  EXPECT_EQ(id(kRegion + "aws_access_key_id: C\naws_secret_access_key: D\nweight: 3\n"), first);
  EXPECT_NE(id("s3_region_name: us-east-1\n"), first);
  EXPECT_NE(id(kRegion + "s3_prefix: other\n"), first);
}

TEST(Load, TwoDeploymentsCannotBeOne) {
  std::string twice =
      config_file(kRegion) + config_file(kRegion).substr(std::string("model_list:\n").size());
  EXPECT_THAT(
      complaints(twice),
      ElementsAre(HasSubstr("c:8: model_list: 'claude' is the deployment of line 2 once more")));
  EXPECT_EQ(loaded(config_file(kRegion, "    model_info: {id: one}\n") +
                   twice.substr(twice.rfind("  - ")))
                .deployments.size(),
            2u);
}

TEST(Load, AMasterKeyThatIsNotOneOfLiteLlmsIsOnlyWarnedOf) {
  Settings got = loaded(config_file(kRegion, "general_settings: {master_key: 1234}\n"));
  EXPECT_EQ(got.master_key->reveal(), "1234");
  EXPECT_THAT(got.warnings, ElementsAre(HasSubstr("does not begin with 'sk-'")));
  EXPECT_THAT(complaints(config_file(kRegion, "general_settings: {master_key: ''}\n")),
              ElementsAre(HasSubstr("general_settings.master_key: is empty")));
}

TEST(WithDefaults, FillsOnlyWhatIsNotSet) {
  Environment environment =
      with_defaults(with({{"A", "own"}, {"E", ""}}), {{"A", "x"}, {"B", "default"}, {"E", "x"}});
  EXPECT_EQ(environment("A"), "own");
  EXPECT_EQ(environment("B"), "default");
  EXPECT_EQ(environment("E"), "");
  EXPECT_EQ(environment("C"), std::nullopt);
}

TEST(Describe, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(describe({7, "a.b", "is required"}, "config.yaml"), "config.yaml:7: a.b: is required");
  EXPECT_EQ(describe({0, "", "the file is empty"}, "config.yaml"),
            "config.yaml: the file is empty");
}

// What an entry says of its model.

TEST(Model, OverridesAreLiteLlmsModelInfo) {
  const DeploymentSettings deployment =
      only(config_file(kRegion + "bedrock_model_family: llama\nbedrock_invocation: converse\n",
                       "    model_info:\n"
                       "      mode: chat\n"
                       "      base_model: bedrock/us.meta.llama3-1-8b-instruct-v1:0\n"
                       "      max_tokens: 100\n"
                       "      max_input_tokens: 2_000\n"
                       "      input_cost_per_token: 3e-06\n"
                       "      output_cost_per_token: 0.000015\n"
                       "      input_cost_per_token_batches: 1.75e-08\n"
                       "      output_cost_per_token_batches: 7.5E-6\n"
                       "      cache_read_input_token_cost: 3.0e-07\n"
                       "      cache_creation_input_token_cost: 0\n"
                       "      supports_function_calling: true\n"
                       "      supports_vision: false\n"
                       "      supports_response_schema: true\n"
                       "      supports_pdf_input: false\n"
                       "      supports_reasoning: true\n"));
  const ModelOverrides& model = deployment.model;
  EXPECT_EQ(deployment.path, "model_list[0]");
  EXPECT_EQ(deployment.invocation, BedrockInvocation::converse);
  EXPECT_EQ(model.family, "llama");
  EXPECT_EQ(model.base_model, "us.meta.llama3-1-8b-instruct-v1:0");
  EXPECT_EQ(model.mode, "chat");
  EXPECT_EQ(model.max_output_tokens, 100);
  EXPECT_EQ(model.max_input_tokens, 2000);
  EXPECT_EQ(model.input_pico_usd, 3'000'000);
  EXPECT_EQ(model.output_pico_usd, 15'000'000);
  EXPECT_EQ(model.batch_input_pico_usd, 17'500);
  EXPECT_EQ(model.batch_output_pico_usd, 7'500'000);
  EXPECT_EQ(model.cache_read_pico_usd, 300'000);
  EXPECT_EQ(model.cache_write_pico_usd, 0);
  EXPECT_EQ(model.tools, true);
  EXPECT_EQ(model.image, false);
  EXPECT_EQ(model.json_schema, true);
  EXPECT_EQ(model.document, false);
  EXPECT_EQ(model.reasoning, true);
}

TEST(Model, NothingGivenIsTheCatalogs) {
  const DeploymentSettings deployment = only(
      config_file(kRegion, "    model_info: {mode: batch, max_output_tokens: 7, max_tokens: 8}\n"));
  EXPECT_EQ(deployment.invocation, BedrockInvocation::automatic);
  EXPECT_EQ(deployment.model.mode, "");
  EXPECT_EQ(deployment.model.max_output_tokens, 7);
  EXPECT_FALSE(deployment.model.input_pico_usd || deployment.model.tools);
}

TEST(Model, PricesMayStandInLitellmParamsAsLiteLlmTakesThem) {
  EXPECT_EQ(only(config_file(kRegion + "input_cost_per_token: 1e-06\n")).model.input_pico_usd,
            1'000'000);
  EXPECT_EQ(only(config_file(kRegion + "input_cost_per_token: 1e-06\n",
                             "    model_info: {input_cost_per_token: 1e-06}\n"))
                .model.input_pico_usd,
            1'000'000);
  EXPECT_THAT(complaints(config_file(kRegion + "input_cost_per_token: 1e-06\n",
                                     "    model_info: {input_cost_per_token: 2e-06}\n")),
              ElementsAre(HasSubstr("is '2e-06' here and '1e-06' in litellm_params")));
}

TEST(Model, ADollarPriceAMillionIsNotTakenForOneAToken) {
  EXPECT_THAT(complaints(config_file(kRegion + "input_cost_per_token: 3\n")),
              ElementsAre(HasSubstr("3 dollars per million tokens are 3e-06, not '3'")));
}

TEST(Model, AnUnknownInvocationIsAnError) {
  EXPECT_THAT(complaints(config_file(kRegion + "bedrock_invocation: convers\n")),
              ElementsAre(HasSubstr("must be auto, native or converse, not 'convers'")));
}

TEST(Models, AreKeptAsTheyAreWrittenWithTheirLine) {
  const Settings settings = loaded(config_file(kRegion,
                                               "models:\n"
                                               "  # mine\n"
                                               "  - id: my.model  # here\n"
                                               "    family: llama\n"
                                               "general_settings:\n"
                                               "  master_key: sk-1\n"));
  EXPECT_EQ(settings.models_yaml,
            "models:\n  # mine\n  - id: my.model  # here\n    family: llama\n");
  EXPECT_EQ(settings.models_line, 8);
}

TEST(Models, AtTheEndOfTheFileNeedNoLineEnd) {
  const Settings settings = loaded(config_file(kRegion, "models: [{id: my.model}]"));
  EXPECT_EQ(settings.models_yaml, "models: [{id: my.model}]");
  EXPECT_EQ(settings.models_line, 8);
}

TEST(Models, ThatUseAnAnchorOfAnotherSectionAreWrittenOut) {
  const Settings settings =
      loaded(config_file(kRegion, "litellm_settings: &x {drop_params: false}\nmodels: [*x]\n"));
  EXPECT_THAT(settings.models_yaml, HasSubstr("drop_params: false"));
  EXPECT_EQ(settings.models_line, 0);
}

TEST(Models, NoneAreNothing) {
  EXPECT_EQ(loaded(config_file(kRegion)).models_yaml, "");
  EXPECT_EQ(loaded(config_file(kRegion, "models:\n")).models_yaml, "");
}

TEST(Load, TheDatabaseIsTheFilesElseTheEnvironments) {
  EXPECT_EQ(loaded(config_file(kRegion)).database_url.reveal(), "");
  EXPECT_EQ(
      loaded(config_file(kRegion), {{"DATABASE_URL", "postgres://h/d"}}).database_url.reveal(),
      "postgres://h/d");
  const Settings both =
      loaded(config_file(kRegion,
                         "general_settings:\n  database_url: postgresql://u:p@h/d\n"
                         "  database_connection_pool_limit: 3\n  lease_seconds: 5\n"),
             {{"DATABASE_URL", "postgres://other/d"}});
  EXPECT_EQ(both.database_url.reveal(), "postgresql://u:p@h/d");
  EXPECT_EQ(both.database_connections, 3);
  EXPECT_EQ(both.lease, seconds(5));
}

TEST(Load, AnotherDatabaseThanPostgresIsAnErrorThatDoesNotRepeatItsPassword) {
  const auto wrong = complaints(
      config_file(kRegion, "general_settings:\n  database_url: mysql://root:hunter2@h/d\n"));
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_THAT(wrong[0],
              HasSubstr("c:9: general_settings.database_url: must begin with postgresql://"));
  EXPECT_THAT(wrong[0], ::testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(complaints(config_file(kRegion), {{"DATABASE_URL", "mysql://root:hunter2@h/d"}})[0],
              HasSubstr("DATABASE_URL in the environment"));
}

}  // namespace
}  // namespace quarry::config
