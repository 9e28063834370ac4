#include "config/batch_limits.h"

#include "config/testing/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::config {
namespace {

using quarry::testing::config_file;
using quarry::testing::loaded;
using quarry::testing::with;
using ::testing::HasSubstr;

const std::string kRegion = "s3_region_name: us-west-2\n";

TEST(BatchLimits, AreUnlimitedWhereNothingIsSaid) {
  const Settings settings = loaded(config_file(kRegion));
  EXPECT_EQ(settings.key_limits, BatchLimits());
  EXPECT_TRUE(settings.model_limits.empty());
}

TEST(BatchLimits, OfEachKeyAreGeneralSettings) {
  const Settings settings = loaded(config_file(
      kRegion,
      "general_settings:\n  max_batch_file_uploads_per_day: 1\n  max_batch_file_records: 2\n"
      "  max_open_batches: 3\n  batch_enqueued_token_limit: 4\n"));
  EXPECT_EQ(settings.key_limits, (BatchLimits{1, 2, 3, 4}));
}

TEST(BatchLimits, OfAModelAreTheModelInfoOfAnyOfItsDeployments) {
  const Settings settings =
      loaded(config_file(kRegion, "    model_info: {batch_enqueued_token_limit: 9}\n") +
             "  - model_name: claude\n    litellm_params:\n      model: bedrock/other\n"
             "      s3_bucket_name: my-bucket\n      s3_region_name: us-west-2\n"
             "      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch\n");
  ASSERT_EQ(settings.model_limits.size(), 1u);
  EXPECT_EQ(settings.model_limits.at("claude").enqueued_tokens, 9);
}

TEST(BatchLimits, OfAModelThatDifferAreAnErrorThatNamesBothPlaces) {
  const auto settings = load(
      config_file(kRegion, "    model_info: {max_open_batches: 9}\n") +
          "  - model_name: claude\n    model_info: {max_open_batches: 8}\n    litellm_params:\n"
          "      model: bedrock/other\n      s3_bucket_name: my-bucket\n"
          "      s3_region_name: us-west-2\n"
          "      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch\n",
      with({}));
  ASSERT_FALSE(settings);
  ASSERT_EQ(settings.error().size(), 1u);
  EXPECT_EQ(settings.error()[0].key, "model_list[1].model_info");
  EXPECT_THAT(settings.error()[0].message, HasSubstr("line 2"));
}

TEST(BatchLimits, OfNothingAreAnErrorBecauseNobodyCouldRunABatch) {
  const auto settings =
      load(config_file(kRegion, "general_settings:\n  max_open_batches: 0\n"), with({}));
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error()[0].key, "general_settings.max_open_batches");
}

}  // namespace
}  // namespace quarry::config
