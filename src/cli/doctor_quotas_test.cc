#include "cli/doctor_quotas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using ::testing::HasSubstr;

// Names as Service Quotas has them.
TEST(SameModel, KnowsAModelByTheNameThatQuotasGiveIt) {
  const std::pair<const char*, const char*> same[] = {
      {"Claude 3 Haiku", "anthropic.claude-3-haiku-20240307-v1:0"},
      {"Claude 3.5 Sonnet", "us.anthropic.claude-3-5-sonnet-20240620-v1:0"},
      {"Claude 3.5 Sonnet v2", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"},
      {"Claude Haiku 4.5", "global.anthropic.claude-haiku-4-5-20251001-v1:0"},
      {"Claude Sonnet 4.5 V1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"},
      {"Anthropic Claude Opus 4.5", "us.anthropic.claude-opus-4-5-20251101-v1:0"},
      {"Amazon Nova Lite", "us.amazon.nova-lite-v1:0"},
      {"Nova Lite V1.0", "us.amazon.nova-lite-v1:0"},
      {"Nova Pro V1", "amazon.nova-pro-v1:0"},
      {"Llama 3.1 8B Instruct", "meta.llama3-1-8b-instruct-v1:0"},
      {"Titan Text Embeddings V2", "amazon.titan-embed-text-v2:0"},
      {"OpenAI GPT OSS 20B", "openai.gpt-oss-20b-1:0"},
      {"Claude 3 Haiku",
       "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
       "us.anthropic.claude-3-haiku-20240307-v1:0"}};
  for (const auto& [name, id] : same) EXPECT_TRUE(same_model(name, id)) << name << " / " << id;
}

TEST(SameModel, TakesNoSiblingForIt) {
  EXPECT_FALSE(same_model("Claude 3 Haiku", "anthropic.claude-3-5-haiku-20241022-v1:0"));
  EXPECT_FALSE(same_model("Claude 3.5 Sonnet", "us.anthropic.claude-3-5-sonnet-20241022-v2:0"));
  EXPECT_FALSE(same_model("Llama 3.1 8B Instruct", "meta.llama3-1-70b-instruct-v1:0"));
  EXPECT_FALSE(same_model("Nova Lite", "us.amazon.nova-2-lite-v1:0"));
  EXPECT_FALSE(same_model("", "us.amazon.nova-2-lite-v1:0"));
}

struct Quotas : ::testing::Test {
  config::DeploymentSettings settings;
  Quotas() { settings.model_id = "amazon.nova-lite-v1:0"; }
  std::vector<Check> check(std::vector<aws::Quota> quotas) {
    return check_quotas(settings, quotas, Remedies(settings, {}, {}));
  }
};

TEST_F(Quotas, LimitsWithinThemAreFine) {
  const auto checks = check(
      {{"a", "Minimum number of records per batch inference job for Amazon Nova Lite", 100, false},
       {"b", "Records per batch inference job for Amazon Nova Lite", 50'000, true}});
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].outcome, Outcome::fine);
}

TEST_F(Quotas, EachLimitOverThemIsNamedWithTheValueToSet) {
  settings.max_concurrent_jobs = 50;
  settings.min_records_per_job = 10;
  const std::string jobs =
      "Sum of in-progress and submitted batch inference jobs using a base model for ";
  const auto checks = check(
      {{"a", "Minimum number of records per batch inference job for Nova Lite", 100, false},
       {"b", "Records per batch inference job for Nova Lite", 100'000, true},
       {"c", "Records per input file per batch inference job for Nova Lite", 20'000, true},
       {"d", jobs + "Nova Lite", 20, true},
       {"e", jobs + "Nova Pro", 1, true},
       {"f", "Batch inference job size (in GB) for Nova Lite", 5, false},
       {"g",
        "Sum of in-progress and submitted batch inference jobs using a custom model for Nova Lite",
        3, false}});
  ASSERT_EQ(checks.size(), 3u);
  EXPECT_EQ(checks[0].remedy.setting, "min_records_per_job");
  EXPECT_EQ(checks[0].remedy.value, "100");
  EXPECT_EQ(checks[1].remedy.setting, "max_records_per_job");
  EXPECT_EQ(checks[1].remedy.value, "20000");
  EXPECT_EQ(checks[2].remedy.setting, "max_concurrent_jobs");
  EXPECT_EQ(checks[2].remedy.value, "20");
}

TEST_F(Quotas, OfNoModelTheyAreNotChecked) {
  const auto checks = check({{"a", "Records per batch inference job for Other", 1, true}});
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].outcome, Outcome::not_checked);
}

}  // namespace
}  // namespace quarry::cli
