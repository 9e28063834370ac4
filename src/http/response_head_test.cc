#include "http/response_head.h"

#include <gtest/gtest.h>

namespace quarry::http {
namespace {

using Body = ResponseFraming::Body;

struct EmptyReader final : BodyReader {
  Task<std::span<const std::byte>> read() override { co_return std::span<const std::byte>(); }
};

ServerResponse text(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

ServerResponse streamed(std::optional<std::uint64_t> length) {
  ServerResponse response;
  response.stream = std::make_unique<EmptyReader>();
  response.content_length = length;
  return response;
}

TEST(FramingOf, SizesATextBody) {
  const auto framing = framing_of(text(200, "four"), "GET", true, true);
  EXPECT_EQ(framing.body, Body::sized);
  EXPECT_EQ(framing.content_length, 4u);
  EXPECT_TRUE(framing.keep_alive);
}

TEST(FramingOf, ChunksAStreamOfUnknownLengthUnlessTheClientIsTooOld) {
  EXPECT_EQ(framing_of(streamed(std::nullopt), "GET", true, true).body, Body::chunked);
  const auto old = framing_of(streamed(std::nullopt), "GET", false, true);
  EXPECT_EQ(old.body, Body::until_close);
  EXPECT_FALSE(old.keep_alive);
  EXPECT_EQ(framing_of(streamed(7), "GET", false, true).body, Body::sized);
}

TEST(FramingOf, LeavesTheBodyOutButNamesItsLengthForHead) {
  const auto framing = framing_of(text(200, "four"), "HEAD", true, true);
  EXPECT_EQ(framing.body, Body::none);
  EXPECT_EQ(framing.content_length, 4u);
  ServerResponse bare = text(200, "");
  bare.content_length = 1234;
  EXPECT_EQ(framing_of(bare, "HEAD", true, true).content_length, 1234u);
}

TEST(FramingOf, Has204And304WithoutBodyAndLength) {
  for (const int status : {204, 304}) {
    const auto framing = framing_of(text(status, "x"), "GET", true, true);
    EXPECT_EQ(framing.body, Body::none);
    EXPECT_EQ(framing.content_length, std::nullopt);
  }
}

TEST(ResponseHead, IsExactlyThis) {
  ServerResponse response = text(404, "no");
  response.headers = {
      {"Content-Type", "text/plain"}, {"content-length", "99"}, {"Connection", "x"}};
  const auto framing = framing_of(response, "GET", true, false);
  EXPECT_EQ(response_head(response, framing, "req_1", "Sun, 06 Nov 1994 08:49:37 GMT"),
            "HTTP/1.1 404 Not Found\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "x-request-id: req_1\r\n"
            "Content-Type: text/plain\r\n"
            "Connection: close\r\n"
            "Content-Length: 2\r\n"
            "\r\n");
}

TEST(ResponseHead, LetsNoFieldEndEarly) {
  ServerResponse response = text(200, "");
  response.headers = {
      {"a", "1\r\nSet-Cookie: x"}, {"b\r\nc", "2"}, {"", "3"}, {"d", std::string("\0", 1)}};
  const auto framing = framing_of(response, "GET", true, true);
  const std::string head = response_head(response, framing, "r", "d");
  EXPECT_NE(head.find("\r\na: 1  Set-Cookie: x\r\nd:  \r\n"), std::string::npos) << head;
  EXPECT_EQ(head.find("\r\nc: 2"), std::string::npos);
  EXPECT_EQ(head.find('\0'), std::string::npos);
}

// RFC 9110 5.6.7's own example.
TEST(HttpDate, IsTheImfFixdate) {
  EXPECT_EQ(http_date(std::chrono::sys_seconds(std::chrono::seconds(784111777))),
            "Sun, 06 Nov 1994 08:49:37 GMT");
}

}  // namespace
}  // namespace quarry::http
