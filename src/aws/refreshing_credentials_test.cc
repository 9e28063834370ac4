#include "aws/refreshing_credentials.h"

#include "aws/testing/identity_desk.h"
#include "base/wakeup.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <deque>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using quarry::testing::MovingClock;
using quarry::testing::run;

// Gives sessions of `lifetime`, one after the other: "key-1", "key-2"…, or the error that is set.
class CountingSource final : public CredentialSource {
 public:
  CountingSource(const MovingClock& clock, std::optional<std::chrono::seconds> lifetime)
      : clock_(clock), lifetime_(lifetime) {}

  Task<Found> look(Deadline) override {
    ++looks;
    if (gate) co_await gate->wait(Deadline::after(10s));
    // Somewhere else for a moment, as every real source is.
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    if (error) co_return fail(*error);
    Credentials out;
    out.access_key_id = "key-" + std::to_string(looks);
    if (lifetime_) out.expires_at = clock_.now() + *lifetime_;
    Found found = Found::some(std::move(out));
    found.stable = stable;
    co_return found;
  }

  int looks = 0;
  bool stable = false;
  std::optional<Error> error;
  Wakeup* gate = nullptr;

 private:
  const MovingClock& clock_;
  std::optional<std::chrono::seconds> lifetime_;
};

struct Refreshing : ::testing::Test {
  void start(std::optional<std::chrono::seconds> lifetime) {
    source = std::make_shared<CountingSource>(clock, lifetime);
    provider = refreshing_credentials(clock, source);
  }
  // The key, or the error's words; what it began in the background has ended too.
  std::string get() {
    const auto got = run(io, provider->get(Deadline::after(5s)));
    return got ? got->access_key_id : "error: " + got.error().message();
  }

  asio::io_context io;
  MovingClock clock{*parse_timestamp("2026-01-02T03:00:00Z")};
  std::shared_ptr<CountingSource> source;
  std::shared_ptr<CredentialProvider> provider;
};

TEST_F(Refreshing, WhatNeverExpiresIsFetchedOnce) {
  start(std::nullopt);
  EXPECT_EQ(get(), "key-1");
  clock.move(1000h);
  EXPECT_EQ(get(), "key-1");
  EXPECT_EQ(source->looks, 1);
}

TEST_F(Refreshing, FromFifteenMinutesBeforeTheEndANewOneComesInTheBackground) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  clock.move(44min + 59s);
  EXPECT_EQ(get(), "key-1");
  EXPECT_EQ(source->looks, 1);
  clock.move(1s);
  EXPECT_EQ(get(), "key-1");  // not waited for
  EXPECT_EQ(source->looks, 2);
  EXPECT_EQ(get(), "key-2");
  EXPECT_EQ(source->looks, 2);
}

TEST_F(Refreshing, FromTenMinutesBeforeTheEndCallersWaitForTheNewOne) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  clock.move(50min);
  EXPECT_EQ(get(), "key-2");
}

TEST_F(Refreshing, AFailureIsBorneWhileTheOldOneIsGoodAndNotRepeatedAtEveryCall) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  source->error = Error(Errc::unavailable, "STS is away");
  clock.move(55min);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get(), "key-1");
  EXPECT_EQ(source->looks, 2);
  clock.move(6min);
  EXPECT_EQ(get(), "error: STS is away");
}

TEST_F(Refreshing, AShortSessionIsNotFetchedAtEveryCall) {
  start(60s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(get(), "key-1");
  clock.move(29s);
  EXPECT_EQ(get(), "key-1");
  EXPECT_EQ(source->looks, 1);
  clock.move(16s);  // a quarter is left
  EXPECT_EQ(get(), "key-2");
}

TEST(RefreshWindows, AreFifteenAndTenMinutesOrAHalfAndAQuarterOfLess) {
  EXPECT_EQ(refresh_windows(12h).advisory, 15min);
  EXPECT_EQ(refresh_windows(12h).mandatory, 10min);
  EXPECT_EQ(refresh_windows(15min).advisory, 7min + 30s);
  EXPECT_EQ(refresh_windows(4s).mandatory, 1s);
}

TEST_F(Refreshing, AllWhoWaitShareOneFetch) {
  start(1h);
  Wakeup gate(io);
  source->gate = &gate;
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(io, provider->get(Deadline::after(5s)),
                   [&](const std::exception_ptr&, Result<Credentials> got) {
                     keys.push_back(got ? got->access_key_id : got.error().message());
                   });
  }
  asio::post(io, [&] { gate.set(); });
  io.run();
  EXPECT_EQ(keys, std::vector<std::string>(20, "key-1"));
  EXPECT_EQ(source->looks, 1);
}

TEST_F(Refreshing, AWaiterThatIsCancelledTakesNothingFromTheOthers) {
  start(1h);
  Wakeup gate(io);
  source->gate = &gate;
  asio::cancellation_signal stop;
  bool cancelled = false;
  std::string other;
  asio::co_spawn(io, provider->get(Deadline::after(5s)),
                 asio::bind_cancellation_slot(
                     stop.slot(), [&](const std::exception_ptr& thrown, Result<Credentials>) {
                       cancelled = thrown != nullptr;
                       gate.set();
                     }));
  asio::co_spawn(io, provider->get(Deadline::after(5s)),
                 [&](const std::exception_ptr&, Result<Credentials> got) {
                   other = got ? got->access_key_id : got.error().message();
                 });
  io.run_for(20ms);  // both wait now; nothing else can happen until the gate opens
  asio::post(io, [&] { stop.emit(asio::cancellation_type::terminal); });
  io.run();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(other, "key-1");
  EXPECT_EQ(source->looks, 1);
}

TEST_F(Refreshing, AWaitersDeadlineIsItsOwn) {
  start(1h);
  Wakeup gate(io);
  source->gate = &gate;
  std::optional<Errc> code;
  asio::co_spawn(io, provider->get(Deadline::after(1ms)),
                 [&](const std::exception_ptr&, Result<Credentials> got) {
                   if (!got) code = got.error().code();
                   gate.set();
                 });
  io.run();
  EXPECT_EQ(code, Errc::deadline_exceeded);
  EXPECT_EQ(get(), "key-1");  // which the fetch had brought meanwhile
}

TEST_F(Refreshing, WhatAwsRefusesIsFetchedAnew) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  clock.move(1min);
  provider->forget();
  EXPECT_EQ(get(), "key-2");
}

TEST_F(Refreshing, SeveralCallsThatFailOnOneTokenFetchOnce) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  clock.move(1min);
  provider->forget();
  EXPECT_EQ(get(), "key-2");
  provider->forget();  // a second call that was signed with key-1
  EXPECT_EQ(get(), "key-2");
  EXPECT_EQ(source->looks, 2);
}

TEST_F(Refreshing, WhatAwsRefusesIsNotUsedOnWhenNoNewOneCanBeHad) {
  start(1h);
  EXPECT_EQ(get(), "key-1");
  clock.move(1min);
  provider->forget();
  source->error = Error(Errc::unavailable, "STS is away");
  EXPECT_EQ(get(), "error: STS is away");
}

TEST_F(Refreshing, AnErrorIsRememberedForAMomentOnly) {
  start(1h);
  source->error = Error(Errc::forbidden, "no role");
  EXPECT_EQ(get(), "error: no role");
  EXPECT_EQ(get(), "error: no role");
  EXPECT_EQ(source->looks, 1);
  source->error.reset();
  clock.move(1s);
  EXPECT_EQ(get(), "key-2");
}

TEST_F(Refreshing, WhatExpiredBeforeItCameIsAnErrorThatAsksForTheClock) {
  start(-1s);
  EXPECT_TRUE(get().contains("had expired before they came: at 2026-01-02T02:59:59"));
}

TEST_F(Refreshing, AStableSourceServesOnPastTheEndWhileItIsAway) {
  start(1h);
  source->stable = true;
  EXPECT_EQ(get(), "key-1");
  source->error = Error(Errc::unavailable, "metadata is away");
  clock.move(2h);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(), "key-1");
  EXPECT_EQ(source->looks, 2);
}

}  // namespace
}  // namespace quarry::aws
