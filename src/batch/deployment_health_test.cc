#include "batch/deployment_health.h"

#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

TEST(DeploymentHealth, WaitsLongerWithEachRefusalUpToFiveMinutes) {
  DeploymentHealth health;
  std::int64_t now = 1'000'000;
  const auto wait = [&] {
    const std::int64_t until = health.refused("d", 15'000, now, 1.0 - 1e-12);
    const std::int64_t waited = until - now;
    now = until;
    return waited;
  };
  EXPECT_NEAR(static_cast<double>(wait()), 15'000, 1);
  EXPECT_NEAR(static_cast<double>(wait()), 30'000, 1);
  EXPECT_NEAR(static_cast<double>(wait()), 60'000, 1);
  for (int i = 0; i < 10; ++i) wait();
  EXPECT_NEAR(static_cast<double>(wait()), 300'000, 1);
}

TEST(DeploymentHealth, TakesRefusalsOfCallsAtOnceForOne) {
  DeploymentHealth health;
  const std::int64_t until = health.refused("d", 2'000, 0, 0.5);
  EXPECT_EQ(health.refused("d", 2'000, 10, 0.9), until);
  EXPECT_TRUE(health.busy("d", until - 1));
  EXPECT_FALSE(health.busy("d", until));
  EXPECT_FALSE(health.busy("another", 0));
}

TEST(DeploymentHealth, ForgetsRefusalsOnceAJobIsTaken) {
  DeploymentHealth health;
  health.refused("d", 2'000, 0, 0.0);
  health.accepted("d");
  EXPECT_FALSE(health.busy("d", 1));
  EXPECT_EQ(health.refused("d", 2'000, 0, 0.0), 1'000);
}

}  // namespace
}  // namespace quarry::batch
