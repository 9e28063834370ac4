// Who may create a batch, and what a refusal says.
#include "access/admission_rules.h"

#include <gtest/gtest.h>

#include <memory>

namespace quarry::access {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z
constexpr std::int64_t kUsd = 1'000'000'000;

struct Who {
  Key key{.hash = "hash", .name = "sk-...1a2b"};
  std::optional<Team> team;

  Caller caller() const {
    auto made = std::make_shared<Key>(key);
    if (team) made->team = std::make_shared<const Team>(*team);
    return {.by = {.owner = "user:u",
                   .team_id = team ? std::optional(team->id) : std::nullopt,
                   .key_hash = key.hash},
            .key = made};
  }
};

ModelEstimate model(std::int64_t tokens, std::optional<std::int64_t> nano_usd = 0) {
  return {.model = "claude", .tokens = tokens, .nano_usd = nano_usd, .limits = {}};
}

store::Standing standing(std::int64_t open,
                         std::int64_t tokens,
                         std::int64_t reserved = 0,
                         std::int64_t spent = 0) {
  return {.open_batches = open,
          .enqueued_tokens = tokens,
          .reserved_nano_usd = reserved,
          .spent_nano_usd = spent};
}

TEST(Admission, AsksAndJudgesNothingOfWhoHasNoLimitsButReservesForThemAll) {
  Who who;
  who.team = Team{.id = "t", .alias = {}, .grant = {}};
  const auto admission = admission_of(who.caller(), {model(70, 5), model(30, 6)}, kNow);
  EXPECT_FALSE(admission.judge);
  EXPECT_TRUE(admission.asks.empty());
  ASSERT_EQ(admission.reservations.size(), 4u);
  EXPECT_EQ(admission.reservations[0].id, "hash");
  EXPECT_EQ(admission.reservations[0].tokens, 100);
  EXPECT_EQ(admission.reservations[0].nano_usd, 11);
  EXPECT_EQ(admission.reservations[1].party, store::Party::team);
  EXPECT_EQ(admission.reservations[2].party, store::Party::model);
  EXPECT_EQ(admission.reservations[2].tokens, 70);
}

TEST(Admission, OfTheMasterKeyReservesForModelsOnly) {
  const auto admission = admission_of({}, {model(70)}, kNow);
  ASSERT_EQ(admission.reservations.size(), 1u);
  EXPECT_EQ(admission.reservations[0].party, store::Party::model);
}

TEST(Admission, TakesEnqueuedTokensToTheLastOne) {
  Who who;
  who.key.grant.limits.enqueued_tokens = 1000;
  const auto admission = admission_of(who.caller(), {model(400)}, kNow);
  EXPECT_TRUE(admission.judge({standing(1, 600)}));
  const auto refused = admission.judge({standing(1, 601)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::limited);
  EXPECT_EQ(refused.error().reason(), "token_limit_exceeded");
  EXPECT_TRUE(refused.error().retry_after());
  for (const char* word : {"sk-...1a2b", "400", "601", "1000"}) {
    EXPECT_TRUE(refused.error().message().contains(word))
        << word << ": " << refused.error().message();
  }
}

TEST(Admission, SaysOfABatchAboveTheLimitThatItCanNeverFit) {
  Who who;
  who.key.grant.limits.enqueued_tokens = 1000;
  const auto refused = admission_of(who.caller(), {model(1001)}, kNow).judge({standing(0, 0)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_request);
  EXPECT_TRUE(refused.error().message().contains("can never fit"));
}

TEST(Admission, CountsOpenBatches) {
  Who who;
  who.team = Team{.id = "t", .alias = "blue", .grant = {}};
  who.team->grant.limits.open_batches = 2;
  const auto admission = admission_of(who.caller(), {model(1)}, kNow);
  EXPECT_TRUE(admission.judge({standing(1, 0)}));
  const auto refused = admission.judge({standing(2, 0)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::limited);
  EXPECT_TRUE(refused.error().message().contains("the team 'blue'"));
}

TEST(Admission, HoldsAModelsLimitsAgainstEverybody) {
  ModelEstimate limited = model(10);
  limited.limits.enqueued_tokens = 15;
  const auto admission = admission_of({}, {limited}, kNow);
  ASSERT_EQ(admission.asks.size(), 1u);
  EXPECT_TRUE(admission.judge({standing(0, 5)}));
  const auto refused = admission.judge({standing(0, 6)});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message().contains("the model 'claude'"));
}

TEST(Admission, TellsNobodyHowMuchAllTheOthersHaveOfAModel) {
  ModelEstimate limited = model(10);
  limited.limits.enqueued_tokens = 1'500;
  limited.limits.open_batches = 20;
  const auto judge = admission_of({}, {limited}, kNow).judge;
  for (const auto& taken : {standing(0, 1'497), standing(28, 0)}) {
    const auto refused = judge({taken});
    ASSERT_FALSE(refused);
    const std::string& message = refused.error().message();
    EXPECT_FALSE(message.contains("1497") || message.contains("28")) << message;
    EXPECT_TRUE(message.contains("1500") || message.contains("20")) << message;
    EXPECT_TRUE(message.contains("the model 'claude'")) << message;
  }
}

TEST(Admission, TakesABudgetToTheLastNanoDollarAndSaysTheFigures) {
  Who who;
  who.key.grant.budget =
      Budget{.max_nano_usd = 10 * kUsd, .duration = "30d", .began = kNow - 86'400};
  const auto admission = admission_of(who.caller(), {model(1, 4 * kUsd)}, kNow);
  ASSERT_EQ(admission.asks.size(), 1u);
  EXPECT_EQ(admission.asks[0].spent_since, kNow - 86'400);
  EXPECT_TRUE(admission.judge({standing(1, 0, 2 * kUsd, 4 * kUsd)}));
  const auto refused = admission.judge({standing(1, 0, 2 * kUsd + 1, 4 * kUsd)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::invalid_request);
  EXPECT_EQ(refused.error().reason(), "budget_exceeded");
  for (const char* word : {"$4.00", "$2.000000001", "$10.00", "2027-02-13T08:00:00Z"}) {
    EXPECT_TRUE(refused.error().message().contains(word))
        << word << ": " << refused.error().message();
  }
}

TEST(Admission, UnderABudgetRefusesWhatHasNoPriceAndNamesItAndTheKeysToSet) {
  Who who;
  who.key.grant.budget = Budget{.max_nano_usd = 10 * kUsd};
  const auto refused =
      admission_of(who.caller(), {model(1, std::nullopt)}, kNow).judge({standing(0, 0)});
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message().contains("'claude'"));
  EXPECT_TRUE(refused.error().message().contains("model_info.input_cost_per_token_batches"));
  who.key.grant.budget.reset();
  EXPECT_FALSE(admission_of(who.caller(), {model(1, std::nullopt)}, kNow).judge);
}

TEST(FileQuota, CountsTheUtcDayAndSaysWhenItEnds) {
  Who who;
  who.key.grant.limits.files_per_day = 3;
  const auto quota = quota_of(who.caller(), kNow);
  EXPECT_TRUE(quota.of_key);
  EXPECT_FALSE(quota.of_team);
  EXPECT_EQ(quota.since % 86'400, 0);
  EXPECT_TRUE(quota.judge(2, 0));
  const auto refused = quota.judge(3, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::limited);
  EXPECT_EQ(refused.error().retry_after()->count(), quota.since + 86'400 - kNow);
}

TEST(FileLimits, HoldToTheLastByteAndLine) {
  Who who;
  who.key.grant.limits.file_bytes = 100;
  who.key.grant.limits.file_lines = 7;
  EXPECT_TRUE(check_file_bytes(who.caller(), 100));
  EXPECT_EQ(check_file_bytes(who.caller(), 101).error().reason(), "body_too_large");
  EXPECT_TRUE(check_file_lines(who.caller(), 7));
  const auto refused = check_file_lines(who.caller(), 8);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message().contains("8 lines"));
  EXPECT_TRUE(check_model_lines("m", {.file_lines = 8}, 8));
  EXPECT_FALSE(check_model_lines("m", {.file_lines = 7}, 8));
  EXPECT_TRUE(check_file_bytes({}, 1'000'000));
}

}  // namespace
}  // namespace quarry::access
