#include "access/grants.h"

#include <gtest/gtest.h>

namespace quarry::access {
namespace {

TEST(Grants, AKeysMetadataSaysItsLimitsAndTheConfigurationTheRest) {
  config::BatchLimits settings;
  settings.files_per_day = 10;
  settings.file_lines = 20;
  settings.open_batches = 30;
  settings.enqueued_tokens = 40;
  store::KeyRow row;
  row.grant.rpm_limit = 7;
  row.grant.metadata_json =
      R"({"max_batch_file_records":2,"max_open_batches":3,"max_batch_file_size_mb":5,"other":"x"})";
  const auto key = key_of(row, nullptr, default_limits(settings));
  const Limits& limits = key->grant.limits;
  EXPECT_EQ(limits.files_per_day, 10);
  EXPECT_EQ(limits.file_lines, 2);
  EXPECT_EQ(limits.open_batches, 3);
  EXPECT_EQ(limits.enqueued_tokens, 40);
  EXPECT_EQ(limits.file_bytes, std::int64_t{5} << 20);
  EXPECT_EQ(limits.requests_per_minute, 7);
}

TEST(Grants, ATeamHasWhatItsOwnMetadataSays) {
  store::TeamRow row{"t", "the team", {}};
  row.grant.metadata_json = R"({"batch_enqueued_token_limit":9})";
  const auto team = team_of(row);
  EXPECT_EQ(team->grant.limits.enqueued_tokens, 9);
  EXPECT_EQ(team->grant.limits.files_per_day, std::nullopt);
}

// A row that an older version, or a hand, wrote: the key stays usable.
TEST(Grants, WhatCouldNotHaveBeenWrittenIsNoLimit) {
  for (const char* metadata : {"", "[]", R"({"max_open_batches":0})", R"({"max_open_batches":"3"})",
                               R"({"max_open_batches":-1})", R"({"max_open_batches":1e3})",
                               R"({"max_open_batches":null})"}) {
    store::KeyRow row;
    row.grant.metadata_json = metadata;
    EXPECT_EQ(key_of(row, nullptr, {})->grant.limits.open_batches, std::nullopt) << metadata;
  }
}

TEST(Grants, ABudgetIsOneWithAMaximum) {
  store::KeyRow row;
  row.grant.budget_duration = "1d";
  EXPECT_FALSE(key_of(row, nullptr, {})->grant.budget);
  row.grant.max_budget_nano_usd = 5;
  row.grant.budget_began = 3;
  const auto budget = key_of(row, nullptr, {})->grant.budget;
  ASSERT_TRUE(budget);
  EXPECT_EQ(budget->max_nano_usd, 5);
  EXPECT_EQ(budget->duration, "1d");
  EXPECT_EQ(budget->began, 3);
}

}  // namespace
}  // namespace quarry::access
