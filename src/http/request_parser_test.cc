// What is a request and what is refused. Everything is offered whole and byte by byte.

#include "http/request_parser.h"

#include "base/bytes.h"
#include "http/chunk_decoder.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::http {
namespace {

using Event = RequestParser::Event;

struct Outcome {
  Event last = Event::need_more;
  std::optional<ServerRequest> request;
  std::string body;
  std::size_t taken = 0;
};

// Offers the bytes as a connection does, `step` more at a time.
Outcome parse(std::string_view text, std::size_t step, std::size_t header_bytes_max = 1024) {
  RequestParser parser(header_bytes_max);
  Outcome outcome;
  std::size_t offered = 0;
  while (true) {
    const auto result = parser.parse(as_bytes(text.substr(outcome.taken, offered - outcome.taken)));
    outcome.taken += result.taken;
    outcome.last = result.event;
    switch (result.event) {
      case Event::need_more:
        if (offered == text.size()) return outcome;
        offered = std::min(text.size(), offered + step);
        break;
      case Event::header:
        outcome.request = parser.take_request();
        break;
      case Event::piece:
        outcome.body.append(as_text(result.piece));
        break;
      default:
        return outcome;
    }
  }
}

class EveryStep : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Steps, EveryStep, ::testing::Values(1, 2, 3, 7, 100000));

TEST_P(EveryStep, ReadsTargetHeadersAndASizedBody) {
  const auto got = parse(
      "POST /v1/files?a=%20b HTTP/1.1\r\nHost: x\r\nX-A:  one \r\nContent-Length: "
      "5\r\n\r\nhelloGET",
      GetParam());
  ASSERT_EQ(got.last, Event::end);
  EXPECT_EQ(got.request->method, "POST");
  EXPECT_EQ(got.request->target, "/v1/files?a=%20b");
  EXPECT_EQ(got.request->path, "/v1/files");
  EXPECT_EQ(got.request->query, "a=%20b");
  EXPECT_EQ(got.request->headers.get("x-a"), "one");
  EXPECT_EQ(got.body, "hello");
}

TEST_P(EveryStep, LeavesTheNextRequestsBytesAlone) {
  const std::string_view first = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto got = parse(std::string(first) + "GET /2 HTTP/1.1\r\n", GetParam());
  EXPECT_EQ(got.last, Event::end);
  EXPECT_EQ(got.taken, first.size());
}

TEST_P(EveryStep, ReadsChunksWithExtensionsAndTrailers) {
  const auto got = parse(
      "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\nA;ext=\"1;2\"\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
      GetParam());
  EXPECT_EQ(got.last, Event::end);
  EXPECT_EQ(got.body, "abc0123456789");
  EXPECT_EQ(got.request->headers.get("x-t"), std::nullopt);
}

TEST_P(EveryStep, ReadsAnEmptyChunkedBody) {
  const std::string_view text =
      "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  const auto got = parse(std::string(text) + "GET", GetParam());
  EXPECT_EQ(got.last, Event::end);
  EXPECT_EQ(got.body, "");
  EXPECT_EQ(got.taken, text.size());
}

TEST_P(EveryStep, BoundsChunkLinesAndTrailers) {
  const std::string head = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto with_extension = [&](std::size_t size) {
    return parse(head + "1;" + std::string(size - 2, 'e') + "\r\nx\r\n0\r\n\r\n", GetParam()).last;
  };
  EXPECT_EQ(with_extension(ChunkDecoder::kLineBytesMax - 1), Event::end);
  EXPECT_EQ(with_extension(ChunkDecoder::kLineBytesMax + 1), Event::malformed);
  std::string trailers;
  while (trailers.size() <= ChunkDecoder::kTrailerBytesMax) trailers += "a: b\r\n";
  EXPECT_EQ(parse(head + "0\r\n" + trailers + "\r\n", GetParam()).last, Event::malformed);
}

TEST_P(EveryStep, HasNoBodyWithoutLengthAndChunks) {
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: x\r\n\r\n", GetParam()).last, Event::end);
  EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", GetParam()).last,
            Event::end);
}

TEST_P(EveryStep, TakesTheAbsoluteForm) {
  const auto got = parse("GET http://h:1?q HTTP/1.1\r\nHost: x\r\n\r\n", GetParam());
  EXPECT_EQ(got.request->path, "/");
  EXPECT_EQ(got.request->query, "q");
}

struct Refused {
  const char* name;
  std::string text;
};
class Malformed : public ::testing::TestWithParam<Refused> {};

TEST_P(Malformed, IsRefused) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
    const auto got = parse(GetParam().text, step);
    EXPECT_EQ(got.last, Event::malformed) << step;
    EXPECT_FALSE(got.request) << step;
  }
}

// Requests that two servers could read differently (RFC 9112 6.1, 6.3, 11.2; RFC 9110 5.5).
INSTANTIATE_TEST_SUITE_P(
    Smuggling,
    Malformed,
    ::testing::Values(
        Refused{"LengthAndChunked",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
                "chunked\r\n\r\n"},
        Refused{"ChunkedAndLength",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: "
                "3\r\n\r\n"},
        Refused{"UnknownEncodingAndLength",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: "
                "3\r\n\r\n"},
        Refused{"LengthsThatDiffer",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n"},
        Refused{"LengthListThatDiffers",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 4\r\n\r\n"},
        Refused{"NegativeLength", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"},
        Refused{"SignedLength", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n"},
        Refused{"HugeLength",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n"},
        Refused{"OtherEncoding",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"},
        Refused{"GzipThenChunked",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        Refused{"ChunkedTwice",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"},
        Refused{"ChunkedInOldHttp", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        Refused{"SpaceBeforeColon", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\n"},
        Refused{"NoHost", "GET / HTTP/1.1\r\nA: b\r\n\r\n"},
        Refused{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        Refused{"BareNewline", "GET / HTTP/1.1\nHost: a\n\n\r\n\r\n"},
        Refused{"NulInValue", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 33)},
        Refused{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        Refused{"OtherProtocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
        Refused{"Garbage", "\x16\x03\x01\x02\x00\x01"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_P(EveryStep, RefusesBrokenChunks) {
  const std::string head = "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string_view body :
       {"x\r\n", "3\r\nabcd\r\n", "-1\r\n", "0x3\r\nabc\r\n", "3 \r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n", "\r\n", "3;a\nabc", "3;\x01\r\nabc", "3\r\nabc0\r\n\r\n",
        "10000000000000000\r\n", "0\r\nA\n: b\r\n\r\n"}) {
    EXPECT_EQ(parse(head + std::string(body), GetParam()).last, Event::malformed) << body;
  }
}

TEST_P(EveryStep, CountsTheWholeHeaderAgainstTheLimit) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n";
  const auto of_size = [&](std::size_t size) {
    std::string text = head;
    while (text.size() + 20 < size) text += "a: b\r\n";
    const std::size_t rest = size - text.size() - 4;  // of "c:" … CRLF CRLF
    return text + "c:" + std::string(rest - 2, 'd') + "\r\n\r\n";
  };
  ASSERT_EQ(of_size(512).size(), 512u);
  EXPECT_EQ(parse(of_size(512), GetParam(), 512).last, Event::end);
  EXPECT_EQ(parse(of_size(513), GetParam(), 512).last, Event::header_too_large);
  const std::string endless = "GET /" + std::string(600, 'a');
  EXPECT_EQ(parse(endless, GetParam(), 512).last, Event::header_too_large);
}

TEST(RequestParser, TellsKeepAliveAndExpect) {
  RequestParser parser(1000);
  const auto header = [&](std::string_view text) {
    parser.reset();
    EXPECT_EQ(parser.parse(as_bytes(text)).event, Event::header);
  };
  header("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(parser.keep_alive());
  EXPECT_FALSE(parser.expects_continue());
  header("GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n");
  EXPECT_FALSE(parser.keep_alive());
  header("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(parser.keep_alive());
  header("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(parser.keep_alive());
  header("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.content_length(), 1u);
}

TEST(ReasonPhrase, NamesWhatIsKnown) {
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(799), "");
}

}  // namespace
}  // namespace quarry::http
