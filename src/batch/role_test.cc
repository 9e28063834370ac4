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

struct TwoServers : ::testing::Test {
  TwoServers() {
    first.settings.lease = second.settings.lease = 300ms;
    one.start();
    EXPECT_TRUE(watched.run(until([&] { return one.held(); })));
    two.start();
  }
  ~TwoServers() override {
    watched.run(stop(one));
    watched.run(stop(two));
  }
  static Awaitable<bool> stop(Role& role) {
    co_await role.stop(Deadline::after(5s));
    co_return true;
  }

  SystemClock clock;
  WatchedJobs watched{clock};
  Context& first = watched.context;
  Context& second = watched.another("second");
  int lost = 0, gained = 0;
  Role one{watched.io, first, "work", {{}, [this] { ++lost; }}};
  Role two{watched.io, second, "work", {[this] { ++gained; }, {}}};
};

TEST_F(TwoServers, ARoleThatIsRenewedStaysWhereItIs) {
  bool overlapped = false;
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(watched.run(until([&] {
    overlapped |= two.held();
    return std::chrono::steady_clock::now() - began > 3 * first.settings.lease;
  })));
  EXPECT_FALSE(overlapped);
  EXPECT_TRUE(one.held());
  EXPECT_EQ(lost + gained, 0);
}

TEST_F(TwoServers, ARoleThatIsGivenUpIsHadByAnother) {
  EXPECT_TRUE(watched.run(stop(one)));
  EXPECT_FALSE(one.held());
  EXPECT_TRUE(watched.run(until([&] { return two.held(); })));
  EXPECT_EQ(gained, 1);
  EXPECT_EQ(lost, 0);
}

TEST_F(TwoServers, WhoFindsItsRoleTakenEndsItsWork) {
  // As if this server had stood still for longer than its lease.
  ASSERT_TRUE(watched.run(first.leases.release("work")));
  ASSERT_EQ(watched.run(second.leases.take("work", second.now_ms(), second.now_ms() + 300)),
            store::LeaseStore::Taken::yes);
  EXPECT_TRUE(watched.run(until([&] { return two.held() && !one.held(); })));
  EXPECT_EQ(lost, 1);
}

// Two monitors, both started; the first is stopped, or vanishes, after a while.
TEST(MonitorOfTwoServers, TenThousandOpenJobsCostLessThanACallASecondInAll) {
  const ScaledClock clock(300, SystemClock().now());
  WatchedJobs watched(clock);
  watched.submitted("batch_1", std::vector<std::chrono::seconds>(5'000, 1'000s), "east", 24h);
  watched.submitted("batch_2", std::vector<std::chrono::seconds>(5'000, 1'000s), "west", 24h);
  Monitor one(watched.io, watched.context, {});
  Monitor two(watched.io, watched.another("second"), {});
  const SysTime began = clock.now();
  one.start();
  two.start();
  const auto calls = [&] { return watched.east->calls() + watched.west->calls(); };
  EXPECT_TRUE(watched.run(until([&] { return clock.now() >= began + 30min && calls() >= 12; })));
  const double seconds = std::chrono::duration<double>(clock.now() - began).count();
  EXPECT_LE(calls(), seconds);
  EXPECT_EQ(watched.east->gets + watched.west->gets, 0);
  // Neither has more to say of a region than one would.
  EXPECT_LE(watched.east->lists, 5 * (seconds / 30 + 2));
  const auto stop = [](Monitor& monitor) -> Awaitable<bool> {
    co_await monitor.stop(Deadline::after(5s));
    co_return true;
  };
  // What the first was looking at when it stopped, the second looks at.
  EXPECT_TRUE(watched.run(stop(one)));
  const int before = calls();
  EXPECT_TRUE(watched.run(until([&] { return calls() > before + 4; })));
  EXPECT_TRUE(watched.run(stop(two)));
}

}  // namespace
}  // namespace quarry::batch
