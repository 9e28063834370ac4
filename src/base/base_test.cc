#include "base/blocking_pool.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/task.h"
#include "base/testing/run.h"
#include "base/transfer_memory.h"
#include "base/wakeup.h"

#include <gtest/gtest.h>

#include <thread>

namespace quarry {
namespace {

using namespace std::chrono_literals;

TEST(Bytes, DigestsAreThoseOfTheStandards) {
  // FIPS 180-4 example; RFC 1321 A.5; RFC 4231 case 2.
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Bytes, Base64GoesThereAndBack) {
  // RFC 4648 section 10.
  const std::pair<const char*, const char*> rows[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : rows) {
    EXPECT_EQ(base64(as_bytes(plain)), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
  for (const char* broken : {"Zg=", "Z===", "Zg==Zg==", "Z@==", "=Zg="}) {
    EXPECT_EQ(base64_decode(broken), std::nullopt) << broken;
  }
}

TEST(Bytes, PercentEncodingGoesThereAndBack) {
  EXPECT_EQ(percent_encode("a b/c+d=é~", true), "a%20b/c%2Bd%3D%C3%A9~");
  EXPECT_EQ(percent_encode("a/b", false), "a%2Fb");
  EXPECT_EQ(percent_decode("a%20b%2fc+"), "a b/c+");
  EXPECT_EQ(percent_decode("a%2"), std::nullopt);
  EXPECT_EQ(percent_decode("%zz"), std::nullopt);
}

TEST(Clock, WritesIso8601WithMilliseconds) {
  EXPECT_EQ(iso8601(from_unix_millis(1'767'323'045'678)), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(unix_seconds(from_unix_millis(-1)), -1);
}

TEST(Secret, IsRedactedWhenFormatted) {
  EXPECT_EQ(fmt::format("{}", Secret<std::string>("wJalr")), "<redacted>");
}

TEST(Error, SaysWhatWasBeingDone) {
  const Error error = Error(Errc::upstream, "AccessDenied").within("staging s3://b/k");
  EXPECT_EQ(error.message(), "staging s3://b/k: AccessDenied");
  EXPECT_FALSE(retryable(error.code()));
  EXPECT_TRUE(retryable(Errc::throttled));
}

Awaitable<std::thread::id> thread_of_blocking(BlockingPool& pool) {
  co_return co_await run_blocking(pool, [] { return std::this_thread::get_id(); });
}

Awaitable<int> blocking_throw(BlockingPool& pool) {
  co_await run_blocking(pool, [] { throw std::runtime_error("broken"); });
  co_return 0;
}

TEST(BlockingPool, RunsElsewhereAndCarriesExceptionsBack) {
  boost::asio::io_context io;
  BlockingPool pool(1);
  EXPECT_NE(testing::run(io, thread_of_blocking(pool)), std::this_thread::get_id());
  EXPECT_THROW(testing::run(io, blocking_throw(pool)), std::runtime_error);
}

Awaitable<void> wait_for_ever(boost::asio::io_context& io, bool& entered) {
  Wakeup never(io);
  entered = true;
  co_await never.wait(Deadline::after(1h));
  co_await sleep_for(1h);
}

Awaitable<bool> cancel_and_join(boost::asio::io_context& io, TaskGroup& group, bool& entered) {
  group.spawn("waits", wait_for_ever(io, entered));
  co_await sleep_for(0ms);
  group.cancel();
  co_return co_await group.join(Deadline::after(10s));
}

TEST(TaskGroup, CancelEndsWhatWaits) {
  boost::asio::io_context io;
  TaskGroup group(io, {});
  bool entered = false;
  EXPECT_TRUE(testing::run(io, cancel_and_join(io, group, entered)));
  EXPECT_TRUE(entered);
  EXPECT_EQ(group.running(), 0u);
}

Awaitable<void> throws_at_once() {
  throw std::runtime_error("broken");
  co_return;
}

Awaitable<bool> join_only(TaskGroup& group) { co_return co_await group.join(Deadline::after(10s)); }

TEST(TaskGroup, ReportsWhatATaskThrew) {
  boost::asio::io_context io;
  std::string reported;
  TaskGroup group(io, [&](std::string_view task, std::exception_ptr) { reported = task; });
  group.spawn("breaks", throws_at_once());
  EXPECT_TRUE(testing::run(io, join_only(group)));
  EXPECT_EQ(reported, "breaks");
}

Awaitable<void> hold_then_free(TransferMemory& memory, std::vector<int>& order) {
  auto held = co_await memory.acquire(memory.buffer_count(), Deadline::after(10s));
  order.push_back(1);
  co_await sleep_for(1ms);
  order.push_back(2);
}

Awaitable<void> want_one(TransferMemory& memory, std::vector<int>& order) {
  auto one = co_await memory.acquire(1, Deadline::after(10s));
  EXPECT_TRUE(one.has_value());
  order.push_back(3);
}

TEST(TransferMemory, WhoFindsNoneFreeWaitsUntilOneIsGivenBack) {
  boost::asio::io_context io;
  TransferMemory memory(io, 0);
  std::vector<int> order;
  TaskGroup group(io, {});
  group.spawn("holds", hold_then_free(memory, order));
  group.spawn("wants", want_one(memory, order));
  EXPECT_TRUE(testing::run(io, join_only(group)));
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
  EXPECT_EQ(memory.free_count(), memory.buffer_count());
}

Awaitable<Errc> too_late(TransferMemory& memory) {
  auto all = co_await memory.acquire(memory.buffer_count(), Deadline::after(10s));
  auto more = co_await memory.acquire(1, Deadline::after(1ms));
  co_return more ? Errc::internal : more.error().code();
}

TEST(TransferMemory, WaitingEndsAtTheDeadline) {
  boost::asio::io_context io;
  TransferMemory memory(io, 0);
  EXPECT_EQ(testing::run(io, too_late(memory)), Errc::deadline_exceeded);
}

}  // namespace
}  // namespace quarry
