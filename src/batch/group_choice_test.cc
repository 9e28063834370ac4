// Which deployments take the lines of a model, and what a job of them becomes.
#include "batch/group_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

namespace quarry::batch {
namespace {

using openai::Endpoint;
using testing::ElementsAre;

constexpr const char* kHaiku = "anthropic.claude-3-haiku-20240307-v1:0";
constexpr const char* kOnDemandOnly = "anthropic.claude-opus-4-8";
constexpr const char* kEmbeddings = "amazon.titan-embed-text-v2:0";

class GroupChoiceTest : public testing::Test {
 protected:
  void add(std::string id,
           std::string model_id,
           config::SmallBatch small_batch = config::SmallBatch::direct,
           config::BedrockInvocation invocation = config::BedrockInvocation::automatic) {
    auto deployment = std::make_shared<aws::Deployment>();
    deployment->settings.id = std::move(id);
    deployment->settings.model_name = "m";
    deployment->settings.model_id = std::move(model_id);
    deployment->settings.bedrock_region = "us-west-2";
    deployment->settings.small_batch = small_batch;
    deployment->settings.invocation = invocation;
    settings_.push_back(deployment->settings);
    group_.push_back(std::move(deployment));
  }
  DeploymentModels models() const {
    auto made = DeploymentModels::make(catalog::Catalog::built_in(), settings_);
    if (!made) throw std::runtime_error(made.error().front().message);
    return std::move(*made);
  }
  std::expected<GroupChoice, openai::BatchError> choose(
      Endpoint endpoint = Endpoint::chat_completions) const {
    return choose_deployments("m", group_, models(), endpoint);
  }
  static std::vector<std::string> ids(const GroupChoice& choice) {
    std::vector<std::string> ids;
    for (const aws::Deployment* deployment : choice.deployments) ids.push_back(deployment->id());
    return ids;
  }

  std::vector<config::DeploymentSettings> settings_;
  std::vector<aws::DeploymentPtr> group_;
};

TEST_F(GroupChoiceTest, TakesThoseThatRunItAsAJobInTheirOrder) {
  add("c", kHaiku);
  add("a", kOnDemandOnly);
  add("e", kEmbeddings);
  add("b", kHaiku);
  const auto choice = choose();
  ASSERT_TRUE(choice);
  EXPECT_THAT(ids(*choice), ElementsAre("c", "b"));
  EXPECT_FALSE(choice->on_demand_only);
  EXPECT_THAT(ids(*choose(Endpoint::embeddings)), ElementsAre("e"));
}

TEST_F(GroupChoiceTest, WithoutBatchInferenceItRunsOnDemand) {
  add("e", kEmbeddings);
  add("a", kOnDemandOnly);
  const auto choice = choose();
  ASSERT_TRUE(choice);
  EXPECT_THAT(ids(*choice), ElementsAre("a"));
  EXPECT_TRUE(choice->on_demand_only);
}

TEST_F(GroupChoiceTest, WithoutBatchInferenceAndWithRejectTheBatchFails) {
  add("a", kOnDemandOnly);
  add("b", kOnDemandOnly, config::SmallBatch::reject);
  const auto choice = choose();
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, "model_without_batch");
  EXPECT_EQ(choice.error().param, "body.model");
  EXPECT_FALSE(choice.error().line);
  EXPECT_THAT(choice.error().message, testing::HasSubstr("hint: small_batch: direct"));
}

TEST_F(GroupChoiceTest, WhereNoneAnswersTheEndpointAllAreKeptSoThatEachLineSaysWhy) {
  add("a", kHaiku, config::SmallBatch::reject);
  add("b", kOnDemandOnly);
  const auto choice = choose(Endpoint::embeddings);
  ASSERT_TRUE(choice);
  EXPECT_THAT(ids(*choice), ElementsAre("a", "b"));
  EXPECT_FALSE(choice->on_demand_only);
}

TEST_F(GroupChoiceTest, ADeploymentWhoseModelIsNotKnownFailsTheBatch) {
  add("a", kHaiku);
  const DeploymentModels known = models();
  add("b", "vendor.unheard-of-v1:0");
  const auto choice = choose_deployments("m", group_, known, Endpoint::chat_completions);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, "model_not_found");
  EXPECT_THAT(choice.error().message, testing::HasSubstr("vendor.unheard-of-v1:0"));
}

TEST_F(GroupChoiceTest, AStageIsGivenTheModelAndTheWireOfItsDeployment) {
  add("a", kHaiku);
  add("b", kHaiku, config::SmallBatch::direct, config::BedrockInvocation::converse);
  const DeploymentModels known = models();
  GroupStage stage;
  give_to(stage, *group_[0], known, Endpoint::chat_completions);
  EXPECT_EQ(stage.deployment, group_[0].get());
  EXPECT_EQ(stage.model->id, kHaiku);
  EXPECT_EQ(stage.wire, translate::Wire::native);
  give_to(stage, *group_[1], known, Endpoint::chat_completions);
  EXPECT_EQ(stage.wire, translate::Wire::converse);
}

struct Kind {
  std::uint64_t records;
  const char* model_id;
  config::SmallBatch small_batch;
  const char* becomes;
};

class KindOfJob : public testing::TestWithParam<Kind> {};

TEST_P(KindOfJob, IsSettledByItsRecordsItsModelAndSmallBatch) {
  aws::Deployment deployment;
  deployment.settings.min_records_per_job = 100;
  deployment.settings.small_batch = GetParam().small_batch;
  GroupStage stage;
  stage.model_name = "m";
  stage.deployment = &deployment;
  stage.model = catalog::Catalog::built_in().find(GetParam().model_id);
  stage.record_count = GetParam().records;
  const auto kind = kind_of_job(stage);
  EXPECT_EQ(!kind                             ? kind.error().code
            : *kind == store::JobKind::direct ? "direct"
                                              : "bedrock",
            GetParam().becomes);
}

INSTANTIATE_TEST_SUITE_P(
    All,
    KindOfJob,
    testing::Values(Kind{100, kHaiku, config::SmallBatch::direct, "bedrock"},
                    Kind{99, kHaiku, config::SmallBatch::direct, "direct"},
                    Kind{100, kHaiku, config::SmallBatch::reject, "bedrock"},
                    Kind{99, kHaiku, config::SmallBatch::reject, "batch_below_minimum_records"},
                    Kind{100, kOnDemandOnly, config::SmallBatch::direct, "direct"}));

}  // namespace
}  // namespace quarry::batch
