// One server has a role; what it gives up, or lets lapse, another has.
#include "batch/role.h"

#include "batch/monitor.h"
#include "batch/testing/watched_jobs.h"

#include <gtest/gtest.h>

#include <functional>

namespace quarry::batch {
namespace {

using namespace std::chrono_literals;
using testing::WatchedJobs;

// Until `done`, at most 30 s.
Awaitable<bool> until(std::function<bool()> done) {
  const Deadline deadline = Deadline::after(30s);
  while (!done() && !deadline.expired()) co_await sleep_for(2ms);
  co_return done();
}

// Whatever a test does is one coroutine, which stops both roles at its end: their loops never do.
struct TwoServers : ::testing::Test {
  TwoServers() { first.settings.lease = second.settings.lease = 300ms; }

  Awaitable<void> start() {
    one.start();
    EXPECT_TRUE(co_await until([this] { return one.held(); }));
    two.start();
  }
  Awaitable<bool> stop() {
    if (!one_stopped) co_await one.stop(Deadline::after(5s));
    co_await two.stop(Deadline::after(5s));
    co_return true;
  }

  Awaitable<bool> keep_it() {
    co_await start();
    const auto began = std::chrono::steady_clock::now();
    co_await until([this, began] {
      overlapped |= two.held();
      return std::chrono::steady_clock::now() - began > 3 * first.settings.lease;
    });
    had_by_first = one.held();
    co_return co_await stop();
  }
  Awaitable<bool> give_it_up() {
    co_await start();
    one_stopped = true;
    co_await one.stop(Deadline::after(5s));
    had_by_first = one.held();
    had_by_second = co_await until([this] { return two.held(); });
    co_return co_await stop();
  }
  // As if the first had stood still for longer than its lease.
  Awaitable<bool> lose_it() {
    co_await start();
    EXPECT_TRUE(co_await first.leases.release("work"));
    EXPECT_TRUE(co_await second.leases.take("work", second.now_ms(), second.now_ms() + 300));
    had_by_second = co_await until([this] { return two.held() && !one.held(); });
    co_return co_await stop();
  }

  SystemClock clock;
  WatchedJobs watched{clock};
  Context& first = watched.context;
  Context& second = watched.another("second");
  int lost = 0, gained = 0;
  bool overlapped = false, had_by_first = false, had_by_second = false, one_stopped = false;
  Role one{watched.io, first, "work", {{}, [this] { ++lost; }}};
  Role two{watched.io, second, "work", {[this] { ++gained; }, {}}};
};

TEST_F(TwoServers, ARoleThatIsRenewedStaysWhereItIs) {
  ASSERT_TRUE(watched.run(keep_it()));
  EXPECT_FALSE(overlapped);
  EXPECT_TRUE(had_by_first);
  EXPECT_EQ(lost + gained, 0);
}

TEST_F(TwoServers, ARoleThatIsGivenUpIsHadByAnother) {
  ASSERT_TRUE(watched.run(give_it_up()));
  EXPECT_FALSE(had_by_first);
  EXPECT_TRUE(had_by_second);
  EXPECT_EQ(gained, 1);
  EXPECT_EQ(lost, 0);
}

TEST_F(TwoServers, WhoFindsItsRoleTakenEndsItsWork) {
  ASSERT_TRUE(watched.run(lose_it()));
  EXPECT_TRUE(had_by_second);
  EXPECT_EQ(lost, 1);
}

// The first stops after a while, and the second goes on.
Awaitable<bool> watch_both(WatchedJobs& watched,
                           Monitor& one,
                           Monitor& two,
                           std::function<bool()> long_enough,
                           std::function<void()> before_the_stop) {
  one.start();
  two.start();
  const bool in_time = co_await until(std::move(long_enough));
  before_the_stop();
  co_await one.stop(Deadline::after(5s));
  const int before = watched.east->calls() + watched.west->calls();
  const bool goes_on = co_await until(
      [&watched, before] { return watched.east->calls() + watched.west->calls() > before + 4; });
  co_await two.stop(Deadline::after(5s));
  co_return in_time&& goes_on;
}

TEST(MonitorOfTwoServers, TenThousandOpenJobsCostLessThanACallASecondInAll) {
  const ScaledClock clock(300, SystemClock().now());
  WatchedJobs watched(clock);
  watched.submitted("batch_1", std::vector<std::chrono::seconds>(5'000, 1'000s), "east", 24h);
  watched.submitted("batch_2", std::vector<std::chrono::seconds>(5'000, 1'000s), "west", 24h);
  Monitor one(watched.io, watched.context, {});
  Monitor two(watched.io, watched.another("second"), {});
  const SysTime began = clock.now();
  const auto calls = [&] { return watched.east->calls() + watched.west->calls(); };
  const auto long_enough = [&] { return clock.now() >= began + 30min && calls() >= 12; };
  const auto check = [&] {
    const double seconds = std::chrono::duration<double>(clock.now() - began).count();
    EXPECT_LE(calls(), seconds);
    EXPECT_EQ(watched.east->gets + watched.west->gets, 0);
    // Five pages a look, every 30 s at most: what one alone would ask.
    EXPECT_LE(watched.east->lists, 5 * (seconds / 30 + 2));
  };
  EXPECT_TRUE(watched.run(watch_both(watched, one, two, long_enough, check)));
}

}  // namespace
}  // namespace quarry::batch
