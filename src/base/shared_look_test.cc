// That many who ask make one look, and that nobody waits longer than they said.
#include "base/shared_look.h"

#include "base/testing/run.h"
#include "base/wakeup.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace quarry {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

class SharedLookTest : public ::testing::Test {
 protected:
  Awaitable<int> look() {
    ++looks_;
    if (held_) co_await gate_.wait(Deadline::after(hours(1)));
    if (fails_) throw std::runtime_error("not now");
    co_return 40 + looks_;
  }
  SharedLook<int> shared(Deadline::clock::duration good_for) {
    return {io_, "look", good_for, [this](std::string_view, std::exception_ptr) { ++failures_; },
            [this] { return look(); }};
  }
  Awaitable<std::vector<std::optional<int>>> ask_at_once(SharedLook<int>& shared, int times) {
    std::vector<std::optional<int>> answers(static_cast<std::size_t>(times));
    TaskGroup group(io_, {});
    for (auto& answer : answers) group.spawn("ask", ask(shared, answer));
    gate_.set();
    co_await group.join(Deadline::after(hours(1)));
    co_return answers;
  }
  static Awaitable<void> ask(SharedLook<int>& shared, std::optional<int>& answer) {
    answer = co_await shared.get(Deadline::after(hours(1)));
  }

  boost::asio::io_context io_;
  Wakeup gate_{io_};
  int looks_ = 0;
  int failures_ = 0;
  bool held_ = false;
  bool fails_ = false;
};

TEST_F(SharedLookTest, ManyWhoAskAtOnceMakeOneLook) {
  held_ = true;
  auto one = shared(hours(1));
  const auto answers = testing::run(io_, ask_at_once(one, 5));
  EXPECT_EQ(answers, (std::vector<std::optional<int>>(5, 41)));
  EXPECT_EQ(looks_, 1);
}

TEST_F(SharedLookTest, WhatWasSeenServesForAWhile) {
  auto one = shared(hours(1));
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), 41);
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), 41);
  auto never = shared(seconds(0));
  EXPECT_EQ(testing::run(io_, never.get(Deadline::after(hours(1)))), 42);
  EXPECT_EQ(testing::run(io_, never.get(Deadline::after(hours(1)))), 43);
}

Awaitable<int> ask_in_vain_then_again(SharedLook<int>& one, Wakeup& gate) {
  const auto late = co_await one.get(Deadline::after(milliseconds(0)));
  EXPECT_EQ(late, std::nullopt);
  gate.set();
  co_return (co_await one.get(Deadline::after(hours(1)))).value_or(-1);
}

TEST_F(SharedLookTest, WhoCannotWaitGoesAndTheLookGoesOn) {
  held_ = true;
  auto one = shared(hours(1));
  EXPECT_EQ(testing::run(io_, ask_in_vain_then_again(one, gate_)), 41);
  EXPECT_EQ(looks_, 1);
}

TEST_F(SharedLookTest, ALookThatThrowsIsReportedAndTriedAgain) {
  fails_ = true;
  auto one = shared(hours(1));
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), std::nullopt);
  EXPECT_EQ(failures_, 1);
  fails_ = false;
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), 42);
}

TEST_F(SharedLookTest, ALookThatFailsDoesNotGiveWhatWasSeenLongBefore) {
  auto one = shared(seconds(0));
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), 41);
  fails_ = true;
  EXPECT_EQ(testing::run(io_, one.get(Deadline::after(hours(1)))), std::nullopt);
  EXPECT_EQ(one.last(), 41);
}

}  // namespace
}  // namespace quarry
