#include "access/model_access.h"

#include "access/testing/keys.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

using testing::caller_with;
using testing::team_with;

TEST(ModelAccess, TheMasterKeyMayUseAnything) {
  EXPECT_TRUE(may_use_all(Caller{}));
  EXPECT_TRUE(may_use(Caller{}, "anything"));
}

TEST(ModelAccess, AListAllowsWhatIsInItAndNothingElse) {
  const Caller caller = caller_with({"a", "b"});
  EXPECT_TRUE(may_use(caller, "a"));
  EXPECT_FALSE(may_use(caller, "A"));
  EXPECT_FALSE(may_use(caller, "ab"));
  EXPECT_FALSE(may_use(caller, ""));
  EXPECT_FALSE(may_use_all(caller));
}

TEST(ModelAccess, NoListAndTheWordsForAllAllowAll) {
  for (const std::vector<std::string>& models :
       {std::vector<std::string>{}, {"*"}, {"all-proxy-models"}, {"a", "all-proxy-models"}}) {
    EXPECT_TRUE(may_use(caller_with(models), "anything"));
    EXPECT_TRUE(may_use_all(caller_with(models)));
  }
}

TEST(ModelAccess, AStarStandsForAnyTextInItsPlace) {
  const Caller caller = caller_with({"anthropic/*", "us.*-v1"});
  EXPECT_TRUE(may_use(caller, "anthropic/claude"));
  EXPECT_TRUE(may_use(caller, "anthropic/*")) << "the wildcard entry of the server itself";
  EXPECT_TRUE(may_use(caller, "us.nova-v1"));
  EXPECT_FALSE(may_use(caller, "xanthropic/claude"));
  EXPECT_FALSE(may_use(caller, "us.nova-v2"));
}

TEST(ModelAccess, OfSeveralStarsEachStandsForAnyText) {
  const Caller caller = caller_with({"*claude*", "us.*.v*-end"});
  for (const char* name : {"claude", "anthropic.claude-3", "claude-", "xclaude", "us.a.v1-end",
                           "us.a.v1-end.v2-end", "us..v-end"}) {
    EXPECT_TRUE(may_use(caller, name)) << name;
  }
  for (const char* name : {"", "claud", "clXaude", "us.a.v1-ends", "us.v-end", "Xus.a.v1-end"}) {
    EXPECT_FALSE(may_use(caller, name)) << name;
  }
  EXPECT_TRUE(may_use_all(caller_with({"**"})));
  const std::string stars(512, '*'), many(512, 'a');
  EXPECT_FALSE(may_use(caller_with({stars + "b"}), many));
}

TEST(ModelAccess, TheTeamMustAllowItToo) {
  const auto team = team_with({"a", "b/*"});
  EXPECT_TRUE(may_use(caller_with({}, team), "a"));
  EXPECT_FALSE(may_use(caller_with({}, team), "c"));
  EXPECT_FALSE(may_use(caller_with({"c"}, team), "c"));
  EXPECT_TRUE(may_use(caller_with({"b/x"}, team), "b/x"));
  EXPECT_FALSE(may_use(caller_with({"b/x"}, team), "a"));
  EXPECT_FALSE(may_use_all(caller_with({}, team)));
  EXPECT_TRUE(may_use_all(caller_with({}, team_with({}))));
}

TEST(ModelAccess, AllTeamModelsIsWhatTheTeamAllowsAndWithoutATeamNothing) {
  EXPECT_TRUE(may_use(caller_with({"all-team-models"}, team_with({"a"})), "a"));
  EXPECT_FALSE(may_use(caller_with({"all-team-models"}, team_with({"a"})), "b"));
  EXPECT_TRUE(may_use_all(caller_with({"all-team-models"}, team_with({}))));
  EXPECT_FALSE(may_use(caller_with({"all-team-models"}), "a"));
  EXPECT_FALSE(may_use_all(caller_with({"all-team-models"})));
}

TEST(ModelAccess, ARefusalNamesAllThatAreRefusedAndNoOthers) {
  const Caller caller = caller_with({"good"});
  EXPECT_TRUE(check_models(caller, {"good"}, "x"));
  const auto refused = check_models(caller, {"bad1", "good", "bad2"}, "input_file_id");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  EXPECT_EQ(refused.error().reason(), "model_not_allowed");
  EXPECT_EQ(refused.error().param(), "input_file_id");
  EXPECT_TRUE(refused.error().message().contains("'bad1', 'bad2'")) << refused.error().message();
  EXPECT_FALSE(refused.error().message().contains("'good'"));
}

TEST(ModelAccess, ARefusalBlamesTheTeamWhereTheKeyWouldAllow) {
  const auto words = [](const Caller& caller) {
    return check_models(caller, {"m"}, "x").error().message();
  };
  const auto team = team_with({"a"});
  for (const std::vector<std::string>& models :
       {std::vector<std::string>{}, {"m"}, {"all-team-models"}}) {
    EXPECT_TRUE(words(caller_with(models, team)).starts_with("The team 'team' of the key sk-"));
  }
  EXPECT_TRUE(words(caller_with({"a"}, team)).starts_with("The key sk-"));
  EXPECT_TRUE(words(caller_with({"a"})).starts_with("The key sk-"));
}

}  // namespace
}  // namespace quarry::access
