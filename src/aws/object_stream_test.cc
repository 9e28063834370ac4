#include "aws/object_stream.h"

#include "aws/testing/fake_s3.h"
#include "base/bytes.h"
#include "base/testing/run.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using quarry::testing::FakeS3;
using quarry::testing::run;

constexpr std::size_t kBuffer = kTransferBufferBytes;
const S3Uri kObject{"b", "k"};

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + (i * 31 + i / 4096) % 26);
  return out;
}

struct ObjectStream : ::testing::Test {
  asio::io_context io;
  TransferMemory memory{io, 4 * kBuffer};
  FakeS3 s3;

  std::vector<TransferBuffer> buffers() {
    return std::move(*run(io, memory.acquire(2, Deadline::after(1s))));
  }
};

// Writes in pieces that match no boundary.
Task<std::uint64_t> write_all(ObjectWriter& writer, std::string_view text, std::size_t piece) {
  while (!text.empty()) {
    const auto next = text.substr(0, piece);
    auto written = co_await writer.write(as_bytes(next), Deadline::after(30s));
    if (!written) co_return fail(std::move(written.error()));
    text.remove_prefix(next.size());
  }
  co_return co_await writer.finish(Deadline::after(30s));
}

Task<std::string> read_all(ObjectReader& reader) {
  std::string out;
  for (;;) {
    auto window = co_await reader.read(Deadline::after(30s));
    if (!window) co_return fail(std::move(window.error()));
    if (window->empty()) co_return out;
    out += as_text(*window);
  }
}

Awaitable<bool> aborted(ObjectWriter& writer) {
  co_await writer.abort();
  co_return true;
}

// --- Writing
// --------------------------------------------------------------------------------------

struct SizeRow {
  const char* name;
  std::size_t size;
  std::size_t parts;  // 0 = one PutObject
};
struct WriterSizes : ObjectStream, ::testing::WithParamInterface<SizeRow> {};

TEST_P(WriterSizes, MakeTheObjectWholeWithAsFewCallsAsThereCanBe) {
  const std::string text = pattern(GetParam().size);
  ObjectWriter writer(s3, kObject, buffers());
  const auto size = run(io, write_all(writer, text, 1'000'003));
  ASSERT_TRUE(size) << size.error().message();
  EXPECT_EQ(*size, text.size());
  EXPECT_EQ(writer.written_bytes(), text.size());
  EXPECT_TRUE(s3.objects().at("b/k") == text);
  EXPECT_EQ(s3.call_count("put"), GetParam().parts == 0 ? 1u : 0u);
  EXPECT_EQ(s3.call_count("upload_part"), GetParam().parts);
  EXPECT_EQ(s3.open_uploads(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Rows,
                         WriterSizes,
                         ::testing::Values(SizeRow{"Empty", 0, 0},
                                           SizeRow{"OneByte", 1, 0},
                                           SizeRow{"OneBuffer", kBuffer, 0},
                                           SizeRow{"OneByteMore", kBuffer + 1, 2},
                                           SizeRow{"TwoBuffers", 2 * kBuffer, 2},
                                           SizeRow{"ThreeAndAHalf", 7 * kBuffer / 2, 4}),
                         [](const auto& row) { return std::string(row.param.name); });

using Writer = ObjectStream;

TEST_F(Writer, ShowsNothingBeforeFinish) {
  ObjectWriter writer(s3, kObject, buffers());
  const std::string text = pattern(2 * kBuffer + 1);
  ASSERT_TRUE(run(io, writer.write(as_bytes(text), Deadline::after(30s))));
  EXPECT_TRUE(s3.objects().empty());
}

TEST_F(Writer, FillsOneBufferWhileTheOtherIsInFlight) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.hold("upload_part");
  const std::string text = pattern(2 * kBuffer);
  std::optional<bool> written;
  asio::co_spawn(io, writer.write(as_bytes(text), Deadline::after(30s)),
                 [&](std::exception_ptr, Result<void> done) { written = done.has_value(); });
  io.restart();
  while (s3.held() == 0) io.run_one();
  io.poll();
  EXPECT_EQ(written, true) << "the second buffer must fill although the first is not away";
  s3.release();
  EXPECT_EQ(*run(io, writer.finish(Deadline::after(30s))), text.size());
  EXPECT_TRUE(s3.objects().at("b/k") == text);
}

TEST_F(Writer, HasAtMostOnePartInFlight) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.hold("upload_part");
  const std::string text = pattern(4 * kBuffer);
  std::optional<bool> written;
  asio::co_spawn(io, writer.write(as_bytes(text), Deadline::after(30s)),
                 [&](std::exception_ptr, Result<void> done) { written = done.has_value(); });
  io.restart();
  while (s3.held() == 0) io.run_one();
  io.poll();
  EXPECT_FALSE(written);
  EXPECT_EQ(s3.call_count("upload_part"), 1u);
  s3.release();
  io.run();
  EXPECT_EQ(written, true);
}

TEST_F(Writer, FailsWithThePartsErrorAndAbortDropsTheUpload) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.fail_next("upload_part", Error(Errc::forbidden, "AccessDenied").reason("AccessDenied"));
  const auto size = run(io, write_all(writer, pattern(3 * kBuffer), kBuffer));
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code(), Errc::forbidden);
  EXPECT_EQ(size.error().reason(), "AccessDenied");
  EXPECT_EQ(s3.open_uploads(), 1u);
  EXPECT_TRUE(run(io, aborted(writer)));
  EXPECT_EQ(s3.open_uploads(), 0u);
  EXPECT_TRUE(s3.objects().empty());
}

TEST_F(Writer, StaysFailedAfterAnError) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.fail_next("put", Error(Errc::throttled, "SlowDown"));
  ASSERT_FALSE(run(io, write_all(writer, "x", 1)));
  EXPECT_EQ(run(io, writer.write(as_bytes("y"), Deadline::after(1s))).error().code(),
            Errc::throttled);
  EXPECT_EQ(run(io, writer.finish(Deadline::after(1s))).error().code(), Errc::throttled);
  EXPECT_TRUE(s3.objects().empty());
}

TEST_F(Writer, FailsWhereTheLastPartOrTheCompletionFails) {
  for (const std::string_view operation : {"create_multipart", "complete_multipart"}) {
    ObjectWriter writer(s3, kObject, buffers());
    s3.fail_next(operation, Error(Errc::unavailable, "InternalError"));
    const auto size = run(io, write_all(writer, pattern(kBuffer + 1), kBuffer));
    ASSERT_FALSE(size) << operation;
    EXPECT_EQ(size.error().code(), Errc::unavailable);
    EXPECT_TRUE(run(io, aborted(writer)));
    EXPECT_EQ(s3.open_uploads(), 0u) << operation;
  }
  EXPECT_TRUE(s3.objects().empty());
}

TEST_F(Writer, AbortStopsThePartInFlightBeforeItDropsTheUpload) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.hold("upload_part");
  const std::string text = pattern(kBuffer + 1);
  asio::co_spawn(io, writer.write(as_bytes(text), Deadline::after(30s)),
                 [](std::exception_ptr, Result<void>) {});
  io.restart();
  while (s3.held() == 0) io.run_one();
  EXPECT_TRUE(run(io, aborted(writer)));  // would wait for ever for a part that is not stopped
  EXPECT_EQ(s3.held(), 0u);
  EXPECT_EQ(s3.open_uploads(), 0u);
  EXPECT_EQ(s3.calls().back(), "abort_multipart b/k");
  EXPECT_TRUE(run(io, aborted(writer)));
  EXPECT_EQ(s3.call_count("abort_multipart"), 1u);
}

TEST_F(Writer, AnAbortThatFailsIsNoErrorOfItsCallers) {
  ObjectWriter writer(s3, kObject, buffers());
  s3.fail_next("upload_part", Error(Errc::unavailable, "reset"));
  s3.fail_next("abort_multipart", Error(Errc::unavailable, "reset"));
  ASSERT_FALSE(run(io, write_all(writer, pattern(3 * kBuffer), kBuffer)));
  EXPECT_TRUE(run(io, aborted(writer)));
  EXPECT_EQ(s3.open_uploads(), 1u);  // the janitor's
}

TEST_F(Writer, AbortBeforeAnyPartCallsNothing) {
  ObjectWriter writer(s3, kObject, buffers());
  ASSERT_TRUE(run(io, writer.write(as_bytes("x"), Deadline::after(1s))));
  EXPECT_TRUE(run(io, aborted(writer)));
  EXPECT_TRUE(s3.calls().empty());
  EXPECT_EQ(run(io, writer.finish(Deadline::after(1s))).error().code(), Errc::cancelled);
}

TEST_F(Writer, DestroyedMidFlightGivesItsBuffersBackOnlyWhenThePartHasEnded) {
  auto writer = std::make_unique<ObjectWriter>(s3, kObject, buffers());
  s3.hold("upload_part");
  ASSERT_EQ(memory.free_count(), 2u);
  const std::string text = pattern(kBuffer + 1);
  std::optional<bool> written;
  asio::co_spawn(io, writer->write(as_bytes(text), Deadline::after(30s)),
                 [&](std::exception_ptr, Result<void> done) { written = done.has_value(); });
  io.restart();
  while (s3.held() == 0) io.run_one();
  io.poll();
  ASSERT_EQ(written, true);
  writer.reset();
  EXPECT_EQ(memory.free_count(), 2u) << "S3 may still read the buffer";
  io.run();
  EXPECT_EQ(memory.free_count(), 4u);
  EXPECT_EQ(s3.held(), 0u);
}

TEST_F(Writer, CancelledWhileItWaitsForAPartThrowsAndCanBeDestroyed) {
  auto writer = std::make_unique<ObjectWriter>(s3, kObject, buffers());
  s3.hold("upload_part");
  const std::string text = pattern(3 * kBuffer);
  asio::cancellation_signal signal;
  std::exception_ptr thrown;
  asio::co_spawn(
      io, writer->write(as_bytes(text), Deadline::after(30s)),
      asio::bind_cancellation_slot(
          signal.slot(), [&](std::exception_ptr error, Result<void>) { thrown = error; }));
  io.restart();
  while (s3.held() == 0) io.run_one();
  io.poll();
  signal.emit(asio::cancellation_type::terminal);
  io.poll();
  EXPECT_TRUE(thrown);
  writer.reset();
  io.run();
  EXPECT_EQ(memory.free_count(), 4u);
}

// --- Reading
// --------------------------------------------------------------------------------------

struct ReaderSizes : ObjectStream, ::testing::WithParamInterface<SizeRow> {};

TEST_P(ReaderSizes, GiveEveryByteOnce) {
  const std::string text = pattern(GetParam().size);
  s3.set_object(kObject, text);
  ObjectReader reader(s3, kObject, buffers());
  const auto read = run(io, read_all(reader));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_TRUE(*read == text);
  EXPECT_EQ(s3.call_count("get_range"), std::max<std::size_t>(GetParam().parts, 1));
}

INSTANTIATE_TEST_SUITE_P(Rows,
                         ReaderSizes,
                         ::testing::Values(SizeRow{"Empty", 0, 1},
                                           SizeRow{"OneByte", 1, 1},
                                           SizeRow{"OneBuffer", kBuffer, 1},
                                           SizeRow{"OneByteMore", kBuffer + 1, 2},
                                           SizeRow{"ThreeAndAHalf", 7 * kBuffer / 2, 4}),
                         [](const auto& row) { return std::string(row.param.name); });

using Reader = ObjectStream;

TEST_F(Reader, FetchesTheNextWindowWhileThisOneIsUsed) {
  const std::string text = pattern(2 * kBuffer + 5);
  s3.set_object(kObject, text);
  ObjectReader reader(s3, kObject, buffers());
  const auto first = run(io, reader.read(Deadline::after(30s)));
  ASSERT_TRUE(first);
  EXPECT_EQ(s3.call_count("get_range"), 2u);
  EXPECT_TRUE(as_text(*first) == std::string_view(text).substr(0, kBuffer))
      << "the prefetch must not touch the window in use";
}

TEST_F(Reader, GivesARangeAndNoByteMore) {
  const std::string text = pattern(3 * kBuffer);
  s3.set_object(kObject, text);
  ObjectReader reader(s3, kObject, buffers());
  reader.set_range(kBuffer - 3, kBuffer + 10);
  const auto read = run(io, read_all(reader));
  ASSERT_TRUE(read);
  EXPECT_TRUE(*read == text.substr(kBuffer - 3, kBuffer + 10));
}

TEST_F(Reader, ARangePastTheEndGivesWhatThereIs) {
  s3.set_object(kObject, "0123456789");
  ObjectReader reader(s3, kObject, buffers());
  reader.set_range(8, 100);
  EXPECT_EQ(*run(io, read_all(reader)), "89");
}

TEST_F(Reader, AnEmptyRangeAsksForNothing) {
  s3.set_object(kObject, "0123456789");
  ObjectReader reader(s3, kObject, buffers());
  reader.set_range(4, 0);
  EXPECT_EQ(*run(io, read_all(reader)), "");
  EXPECT_TRUE(s3.calls().empty());
}

TEST_F(Reader, RefusesAnObjectThatChangedBetweenWindows) {
  const std::string before = pattern(3 * kBuffer);
  s3.set_object(kObject, before);
  ObjectReader reader(s3, kObject, buffers());
  ASSERT_TRUE(run(io, reader.read(Deadline::after(30s))));  // and the second window is fetched
  s3.set_object(kObject, std::string(3 * kBuffer, 'z'));
  const auto second = run(io, reader.read(Deadline::after(30s)));
  ASSERT_TRUE(second);
  EXPECT_TRUE(as_text(*second) == std::string_view(before).substr(kBuffer, kBuffer));
  const auto third = run(io, reader.read(Deadline::after(30s)));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code(), Errc::conflict);
}

TEST_F(Reader, SaysThatTheObjectIsMissing) {
  ObjectReader reader(s3, kObject, buffers());
  const auto read = run(io, reader.read(Deadline::after(1s)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Errc::not_found);
}

TEST_F(Reader, PassesAPrefetchsErrorToTheReadThatNeedsIt) {
  s3.set_object(kObject, pattern(2 * kBuffer));
  ObjectReader reader(s3, kObject, buffers());
  s3.hold("get_range");
  std::optional<bool> first;
  asio::co_spawn(io, reader.read(Deadline::after(30s)),
                 [&](std::exception_ptr, Result<std::span<const std::byte>> window) {
                   first = window.has_value();
                   s3.fail_next("get_range", Error(Errc::unavailable, "reset"));
                 });
  io.restart();
  while (s3.held() == 0) io.run_one();
  s3.release();
  io.run();
  EXPECT_EQ(first, true);
  const auto second = run(io, reader.read(Deadline::after(30s)));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::unavailable);
}

TEST_F(Reader, DestroyedMidFlightGivesItsBuffersBackWhenTheFetchHasEnded) {
  s3.set_object(kObject, pattern(2 * kBuffer));
  auto reader = std::make_unique<ObjectReader>(s3, kObject, buffers());
  s3.hold("get_range");
  asio::co_spawn(io, reader->read(Deadline::after(30s)),
                 [&](std::exception_ptr, Result<std::span<const std::byte>>) { reader.reset(); });
  io.restart();
  while (s3.held() == 0) io.run_one();
  s3.release();
  s3.hold("get_range");
  io.run();
  EXPECT_EQ(memory.free_count(), 4u);
}

}  // namespace
}  // namespace quarry::aws
