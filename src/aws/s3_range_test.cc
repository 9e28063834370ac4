// What reading a range promises when the line is bad and when the bytes are.

#include "aws/s3_checksum.h"
#include "aws/s3_client_http.h"
#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

const S3Uri kObject{"bkt", "k"};

struct Range : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  S3Options options{.region = "eu-west-1"};
  std::array<std::byte, 10> buffer{};

  Result<RangeRead> read(std::uint64_t offset = 0, std::string if_match = {}) {
    const auto client = make_s3_client(
        Wire{http, clock, pool}, static_credentials({"AKID", Secret<std::string>("s"), {}}),
        *parse_endpoint("http://localhost:4566"), options, [] { return 0.0; });
    return run(
        client->get_range(kObject, offset, buffer, std::move(if_match), Deadline::after(10s)));
  }
  // Bytes first.. of an object of 100, as a 206.
  void piece(std::string bytes, std::uint64_t first, http::Headers headers = {}) {
    http.answer(206, std::move(bytes), with_range(std::move(headers), first, 9));
  }
  // The same, which should go on to byte 9 of the range, cut.
  void cut(std::string bytes, std::uint64_t first, std::uint64_t last = 9) {
    http.answer_cut(206, std::move(bytes), with_range({}, first, last));
  }
  static http::Headers with_range(http::Headers headers, std::uint64_t first, std::uint64_t last) {
    headers.set("Content-Range", fmt::format("bytes {}-{}/100", first, last));
    if (!headers.get("ETag")) headers.set("ETag", "\"e\"");
    return headers;
  }
  std::optional<std::string_view> sent(std::size_t index, std::string_view field) {
    return http.sent().at(index).headers.get(field);
  }
};

// --- Cut bodies ---------------------------------------------------------------------------------

TEST_F(Range, GoesOnAtTheByteWhereTheBodyWasCut) {
  cut("0123", 0);
  cut("45", 4);
  piece("6789", 6);
  const auto got = read();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->bytes, 10u);
  EXPECT_EQ(got->object_bytes, 100u);
  EXPECT_EQ(got->etag, "e");
  EXPECT_EQ(as_text(buffer), "0123456789");
  EXPECT_EQ(sent(0, "Range"), "bytes=0-9");
  EXPECT_EQ(sent(1, "Range"), "bytes=4-9");
  EXPECT_EQ(sent(2, "Range"), "bytes=6-9");
  EXPECT_EQ(sent(0, "If-Match"), std::nullopt);
  EXPECT_EQ(sent(2, "If-Match"), "\"e\"");
}

TEST_F(Range, CountsFromTheRangesOwnOffset) {
  cut("01", 20, 29);
  http.answer(206, "23456789", with_range({}, 22, 29));
  const auto got = read(20, "e");
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(buffer), "0123456789");
  EXPECT_EQ(sent(1, "Range"), "bytes=22-29");
}

TEST_F(Range, FinishesOverALineThatKeepsBreaking) {
  for (int at = 0; at < 9; ++at) cut(std::to_string(at), static_cast<std::uint64_t>(at));
  piece("9", 9);
  const auto got = read();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(as_text(buffer), "0123456789");
}

TEST_F(Range, GivesUpWhenNoByteComes) {
  cut("0123", 0);
  for (int i = 0; i < 5; ++i) cut("", 4);
  const auto got = read();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::unavailable);
  // The one that brought bytes is the first of three attempts.
  EXPECT_EQ(http.sent().size(), 3u);
}

TEST_F(Range, BeginsAnewWhereItCannotBeSureWhatCame) {
  http.answer_cut(206, "0123", {{"Content-Range", "bytes 0-9/100"}});  // no etag to hold on to
  http.answer_cut(200, "0123", {{"ETag", "\"e\""}});                   // no range
  piece("0123456789", 0);
  ASSERT_TRUE(read());
  EXPECT_EQ(sent(1, "Range"), "bytes=0-9");
  EXPECT_EQ(sent(2, "Range"), "bytes=0-9");
}

TEST_F(Range, AsksForTheLastByteWhenOnlyTheEndOfTheAnswerIsMissing) {
  cut("0123456789", 0);
  piece("9", 9);
  ASSERT_TRUE(read());
  EXPECT_EQ(as_text(buffer), "0123456789");
  EXPECT_EQ(sent(1, "Range"), "bytes=9-9");
}

TEST_F(Range, ReadsTheNewObjectWhereItWasReplacedInBetweenAndAnyWillDo) {
  cut("0123", 0);
  http.answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
  piece("abcdefghij", 0, {{"ETag", "\"new\""}});
  const auto got = read();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->etag, "new");
  EXPECT_EQ(as_text(buffer), "abcdefghij");
  EXPECT_EQ(sent(2, "If-Match"), std::nullopt);
}

TEST_F(Range, TellsThatTheObjectWasReplacedWhereOneIsAskedFor) {
  cut("0123", 0);
  http.answer(412, "<Error><Code>PreconditionFailed</Code></Error>");
  const auto got = read(0, "e");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::conflict);
}

TEST_F(Range, DoesNotJoinPiecesOfTwoObjects) {
  cut("0123", 0);
  piece("456789", 4, {{"ETag", "\"other\""}});  // a server that knows no If-Match
  const auto got = read();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::corrupt);
}

// By a server that knows no If-Match: the end of the new object is not the end of the old one.
TEST_F(Range, BeginsAnewWhereTheObjectBecameShorterThanWhatHasCome) {
  const http::Headers sizes[] = {{}, {{"Content-Range", "bytes */0"}}};
  for (const http::Headers& size : sizes) {
    cut("0123", 0);
    http.answer(416, "<Error><Code>InvalidRange</Code></Error>", size);
    http.answer(206, "ab", {{"Content-Range", "bytes 0-1/2"}, {"ETag", "\"new\""}});
    const auto got = read();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->bytes, 2u);
    EXPECT_EQ(got->object_bytes, 2u);
    EXPECT_EQ(got->etag, "new");
    EXPECT_EQ(http.unanswered(), 0u);
    EXPECT_EQ(http.sent().back().headers.get("Range"), "bytes=0-9");
  }
}

TEST_F(Range, TellsThatTheObjectBecameShorterWhereOneIsAskedFor) {
  cut("0123", 0);
  http.answer(416, "<Error><Code>InvalidRange</Code></Error>");
  const auto got = read(0, "e");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::conflict);
  EXPECT_TRUE(got.error().message().contains("became shorter")) << got.error().message();
}

TEST_F(Range, GoesOnAfterAnAnswerThatEndsTooSoonWithoutAnError) {
  piece("0123", 0);  // says 0-9
  piece("456789", 4);
  ASSERT_TRUE(read());
  EXPECT_EQ(as_text(buffer), "0123456789");
}

// --- The end of the object ----------------------------------------------------------------------

TEST_F(Range, KnowsTheEndOfAnObjectWhoseServerDoesNotSayItsSize) {
  const std::string refusal = "<Error><Code>InvalidRange</Code></Error>";
  http.answer(416, refusal);
  const auto empty = read();
  ASSERT_TRUE(empty) << empty.error().message();
  EXPECT_EQ(empty->object_bytes, 0u);
  EXPECT_EQ(http.sent().size(), 1u);
  http.answer(416, refusal);
  http.answer(200, "", {{"Content-Length", "20"}});
  EXPECT_TRUE(read(20));
  EXPECT_EQ(http.sent().back().method, "HEAD");
  http.answer(416, refusal);
  http.answer(200, "", {{"Content-Length", "19"}});
  EXPECT_EQ(read(20).error().code(), Errc::invalid_request);
}

// --- Checksums ----------------------------------------------------------------------------------

struct WholeObject : Range {
  // An answer of an object that is these ten bytes.
  void whole(const std::string& bytes, http::Headers headers) {
    headers.set("Content-Range", "bytes 0-9/10");
    headers.set("ETag", "\"e\"");
    http.answer(206, bytes, std::move(headers));
  }
  static std::string crc32_of(std::string_view text) { return crc32_text(as_bytes(text)); }
  static std::string crc64_of(std::string_view text) { return crc64nvme_text(as_bytes(text)); }
};

TEST_F(WholeObject, AsksForItsChecksumAtTheStartOnly) {
  whole("0123456789", {});
  ASSERT_TRUE(read());
  EXPECT_EQ(sent(0, "x-amz-checksum-mode"), "ENABLED");
  http.answer(206, "0123456789", with_range({}, 10, 19));
  ASSERT_TRUE(read(10));
  EXPECT_EQ(sent(1, "x-amz-checksum-mode"), std::nullopt);
  options.verify_checksums = false;
  whole("0123456789", {});
  ASSERT_TRUE(read());
  EXPECT_EQ(sent(2, "x-amz-checksum-mode"), std::nullopt);
}

TEST_F(WholeObject, IsReadOnceMoreWhenItsBytesAreNotThoseOfItsChecksum) {
  for (const bool nvme : {false, true}) {
    const http::Headers headers = {{nvme ? "x-amz-checksum-crc64nvme" : "x-amz-checksum-crc32",
                                    nvme ? crc64_of("0123456789") : crc32_of("0123456789")},
                                   {"x-amz-checksum-type", "FULL_OBJECT"}};
    whole("0123x56789", headers);
    whole("0123456789", headers);
    const auto got = read();
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(as_text(buffer), "0123456789");
  }
}

TEST_F(WholeObject, IsCorruptWhenTheBytesStayWrong) {
  for (int i = 0; i < 2; ++i) {
    whole("0123x56789", {{"x-amz-checksum-crc32", crc32_of("0123456789")}});
  }
  const auto got = read();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::corrupt);
  EXPECT_TRUE(got.error().message().starts_with("GetObject s3://bkt/k: "));
  EXPECT_EQ(http.sent().size(), 2u);
}

TEST_F(WholeObject, IsNotHeldToAChecksumOfItsParts) {
  whole("0123456789", {{"x-amz-checksum-crc32", "AAAAAA==-2"}});
  EXPECT_TRUE(read());
  whole("0123456789", {{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-checksum-type", "COMPOSITE"}});
  EXPECT_TRUE(read());
}

TEST_F(WholeObject, IsCheckedInOnePieceAfterItCameInTwo) {
  const std::string right = crc32_of("0123456789");
  for (const char* rest : {"456789", "45678x"}) {
    http.answer_cut(
        206, "0123",
        {{"Content-Range", "bytes 0-9/10"}, {"ETag", "\"e\""}, {"x-amz-checksum-crc32", right}});
    http.answer(206, rest, {{"Content-Range", "bytes 4-9/10"}, {"ETag", "\"e\""}});
  }
  EXPECT_TRUE(read());
  whole("0123456789", {{"x-amz-checksum-crc32", right}});  // after the wrong one
  EXPECT_TRUE(read());
  EXPECT_EQ(http.unanswered(), 0u);
}

TEST_F(WholeObject, APartOfItIsNotHeldToTheWholesChecksum) {
  piece("0123456789", 0, {{"x-amz-checksum-crc32", "AAAAAA=="}});
  EXPECT_TRUE(read());
}

}  // namespace
}  // namespace quarry::aws
