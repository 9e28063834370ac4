// Which deployments a model name finds: those of that name, else those of the closest wildcard.
#include "aws/deployment_set.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DeploymentPtr entry(std::string id, std::string model_name, std::string model_id) {
  auto out = std::make_shared<Deployment>();
  out->settings.id = std::move(id);
  out->settings.wildcard = model_name.contains('*');
  out->settings.model_name = std::move(model_name);
  out->settings.model_id = std::move(model_id);
  out->settings.bucket = "bkt";
  return out;
}

// "id name -> model", each.
std::vector<std::string> found(const DeploymentSet& set, std::string_view name) {
  std::vector<std::string> out;
  for (const DeploymentPtr& one : set.group(name)) {
    out.push_back(
        fmt::format("{} {} -> {}", one->id(), one->settings.model_name, one->settings.model_id));
  }
  return out;
}

bool is_claude(const config::DeploymentSettings& settings) {
  return settings.model_id.contains("claude");
}

TEST(Pattern, TheStarStandsForAtLeastOneCharacter) {
  const Pattern pattern("claude-*-v1");
  EXPECT_EQ(pattern.match("claude-haiku-v1"), "haiku");
  EXPECT_EQ(pattern.match("claude--v1"), std::nullopt);
  EXPECT_EQ(pattern.match("claude-v1"), std::nullopt) << "its two parts may not overlap";
  EXPECT_EQ(pattern.match("claude-haiku-v2"), std::nullopt);
  EXPECT_EQ(pattern.match("xclaude-haiku-v1"), std::nullopt);
  EXPECT_EQ(Pattern("*").match("any/thing"), "any/thing");
  EXPECT_EQ(Pattern("plain").match("plain"), std::nullopt);
  EXPECT_EQ(pattern.fill("x"), "claude-x-v1");
  EXPECT_EQ(Pattern("plain").fill("x"), "plain");
}

TEST(DeploymentSet, WhatTheStarStandsForTakesItsPlaceInTheModel) {
  const DeploymentSet set({entry("w", "bedrock/*", "*")});
  EXPECT_THAT(found(set, "bedrock/a.b-v1:0"),
              ElementsAre("w@a.b-v1:0 bedrock/a.b-v1:0 -> a.b-v1:0"));
  EXPECT_THAT(found(set, "a.b-v1:0"), IsEmpty());
  const DeploymentSet bare({entry("w", "*", "*")});
  EXPECT_THAT(found(bare, "bedrock/a.b"), ElementsAre("w@a.b a.b -> a.b"));
  EXPECT_EQ(found(bare, "a.b"), found(bare, "bedrock/a.b")) << "two spellings of one model";
  EXPECT_THAT(found(set, "bedrock/"), IsEmpty());
  EXPECT_THAT(found(set, "bedrock/*"), IsEmpty()) << "a star is no model";
  EXPECT_THAT(found(set, "bedrock/a b"), IsEmpty()) << "no model id has a space";

  const DeploymentSet all({entry("w", "*", "us.*")});
  EXPECT_THAT(found(all, "a.b"), ElementsAre("w@us.a.b a.b -> us.a.b"));
  EXPECT_THAT(found(all, "bedrock/c.d"), ElementsAre("w@us.c.d c.d -> us.c.d"))
      << "LiteLLM's provider is no part of the model";
}

TEST(DeploymentSet, TheNameItselfWinsThenTheMostTextAroundTheStar) {
  const DeploymentSet set({entry("any", "*", "*"), entry("b", "bedrock/*", "*"),
                           entry("c", "bedrock/claude-*", "anthropic.claude-*"),
                           entry("one", "bedrock/claude-x", "fixed"),
                           entry("b2", "bedrock/*", "eu.*")});
  EXPECT_THAT(found(set, "bedrock/claude-x"), ElementsAre("one bedrock/claude-x -> fixed"));
  EXPECT_THAT(found(set, "bedrock/claude-y"),
              ElementsAre("c@anthropic.claude-y bedrock/claude-y -> anthropic.claude-y"));
  EXPECT_THAT(found(set, "bedrock/z"),
              ElementsAre("b@z bedrock/z -> z", "b2@eu.z bedrock/z -> eu.z"));
  EXPECT_THAT(found(set, "z"), ElementsAre("any@z z -> z"));
  EXPECT_THAT(set.model_names(),
              ElementsAre("*", "bedrock/*", "bedrock/claude-*", "bedrock/claude-x"));
}

TEST(DeploymentSet, AModelWithoutAStarIsOneForAllNames) {
  const DeploymentSet set({entry("w", "team-*", "a.b"), entry("v", "team-*", "*")}, is_claude);
  EXPECT_THAT(found(set, "team-x"), ElementsAre("w team-* -> a.b"));
  EXPECT_THAT(found(set, "team-claude"),
              ElementsAre("w team-* -> a.b", "v@claude team-claude -> claude"));
  EXPECT_TRUE(set.has("team-x"));
  EXPECT_EQ(set.by_id("w@a.b"), nullptr);
}

TEST(DeploymentSet, WhatIsNotKnownMakesNoDeployment) {
  const DeploymentSet set({entry("w", "*", "*")}, is_claude);
  EXPECT_THAT(found(set, "gpt"), IsEmpty());
  EXPECT_FALSE(set.has("gpt"));
  EXPECT_EQ(set.by_id("w@gpt"), nullptr);
  EXPECT_TRUE(set.has("claude"));
  EXPECT_FALSE(set.has("clau de"));
  EXPECT_FALSE(set.has(""));
}

TEST(DeploymentSet, AnIdFindsItsDeploymentBeforeTheNameWasAskedFor) {
  const DeploymentSet set({entry("one", "a", "m"), entry("w", "x/*", "us.*")}, is_claude);
  const DeploymentPtr made = set.by_id("w@us.claude");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->settings.model_name, "x/claude");
  EXPECT_EQ(made->settings.model_id, "us.claude");
  EXPECT_EQ(made->settings.bucket, "bkt");
  EXPECT_EQ(set.group("x/claude").at(0), made) << "the same one, not its twin";
  EXPECT_EQ(set.by_id("w@claude"), nullptr) << "not a model of that wildcard";
  EXPECT_EQ(set.by_id("w@"), nullptr);
  EXPECT_EQ(set.by_id("one@m"), nullptr);
  EXPECT_EQ(set.by_id("w"), set.all()[1]);
}

TEST(DeploymentSet, MadeUpNamesFillNoMemory) {
  const DeploymentSet set({entry("w", "*", "*")});
  const DeploymentPtr first = set.group("m0").at(0);
  for (std::size_t i = 1; i < DeploymentSet::kMadeMax; ++i) {
    ASSERT_EQ(set.group(fmt::format("m{}", i)).size(), 1u) << i;
  }
  EXPECT_THAT(found(set, "one-more"), IsEmpty());
  EXPECT_EQ(set.group("m0").at(0), first) << "what is there stays";
  EXPECT_NE(set.by_id("w@begun-before"), nullptr) << "what work has begun with is not lost";
  EXPECT_THAT(found(set, "begun-before"), testing::SizeIs(1));
}

}  // namespace
}  // namespace quarry::aws
