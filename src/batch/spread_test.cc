#include "batch/spread.h"

#include <gtest/gtest.h>

#include <map>

namespace quarry::batch {
namespace {

std::map<std::size_t, int> jobs_of(Spread spread, int jobs, std::int64_t records = 50'000) {
  std::map<std::size_t, int> taken;
  for (int i = 0; i < jobs; ++i) {
    const std::size_t place = spread.next();
    spread.took(place, records);
    ++taken[place];
  }
  return taken;
}

TEST(Spread, GivesJobsAsTheWeightsSay) {
  EXPECT_EQ(jobs_of(Spread({{2}, {1}, {1}}, 7), 20),
            (std::map<std::size_t, int>{{0, 10}, {1, 5}, {2, 5}}));
  EXPECT_EQ(jobs_of(Spread({{1}, {1}}, 7), 10), (std::map<std::size_t, int>{{0, 5}, {1, 5}}));
}

TEST(Spread, CountsWhatDeploymentsHoldAlready) {
  EXPECT_EQ(jobs_of(Spread({{1, 200'000}, {1, 0}}, 7), 6),
            (std::map<std::size_t, int>{{0, 1}, {1, 5}}));
}

TEST(Spread, PassesOverAFullOneWhileAnotherHasASlot) {
  EXPECT_EQ(jobs_of(Spread({{1, 0, false}, {1, 0, true}}, 7), 4),
            (std::map<std::size_t, int>{{1, 4}}));
  // Where all are full, the weights decide who queues where.
  EXPECT_EQ(jobs_of(Spread({{1, 0, false}, {3, 0, false}}, 7), 4),
            (std::map<std::size_t, int>{{0, 1}, {1, 3}}));
}

TEST(Spread, LetsSmallBatchesBeginWithAnyDeploymentByWeight) {
  std::map<std::size_t, int> first;
  for (std::uint64_t seed = 0; seed < 4'000; ++seed) ++first[Spread({{3}, {1}}, seed * 977).next()];
  EXPECT_NEAR(first[0], 3'000, 200);
  EXPECT_EQ(Spread({{3}, {1}}, 5).next(), Spread({{3}, {1}}, 5).next());
}

}  // namespace
}  // namespace quarry::batch
