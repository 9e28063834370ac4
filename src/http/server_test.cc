// What the server promises on the wire, seen through bare bytes.

#include "http/server.h"

#include "base/wakeup.h"
#include "http/response_head.h"
#include "http/testing/loopback.h"

#include <gtest/gtest.h>

#include <deque>

namespace quarry::http {
namespace {

using namespace std::chrono_literals;
using testing::RawConnection;
using testing::RunningServer;

ServerResponse answer(int status, std::string body = {}) {
  ServerResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// Gives the pieces, then the end or an error.
class Pieces final : public BodyReader {
 public:
  Pieces(std::deque<std::string> pieces, bool cut) : pieces_(std::move(pieces)), cut_(cut) {}
  Task<std::span<const std::byte>> read() override {
    if (pieces_.empty()) {
      if (cut_) co_return fail(Errc::unavailable, "cut");
      co_return std::span<const std::byte>();
    }
    current_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return as_bytes(current_);
  }

 private:
  std::deque<std::string> pieces_;
  std::string current_;
  bool cut_;
};

ServerResponse stream(std::deque<std::string> pieces, bool cut = false) {
  ServerResponse response;
  response.stream = std::make_unique<Pieces>(std::move(pieces), cut);
  return response;
}

Awaitable<ServerResponse> by_path(ServerRequest request, BodyReader& body) {
  if (request.path == "/echo") {
    const auto all = co_await testing::read_all(body);
    if (all) co_return answer(200, *all);
    co_return answer(400, fmt::format("{} {}", name(all.error().code()), all.error().reason()));
  }
  if (request.path == "/reject") co_return answer(413, "too much");
  if (request.path == "/stream") co_return stream({"one", "two"});
  if (request.path == "/cut") co_return stream({"one"}, true);
  if (request.path == "/short" || request.path == "/long" || request.path == "/exact") {
    auto response = stream({"one"});
    response.content_length = request.path == "/short" ? 5u : request.path == "/long" ? 2u : 3u;
    co_return response;
  }
  if (request.path == "/throw") throw std::runtime_error("a bug");
  if (request.path == "/drop") {
    auto response = answer(200);
    response.drop_connection = true;
    co_return response;
  }
  if (request.path == "/yesterday") {
    auto response = answer(200);
    response.date_offset = -std::chrono::hours(24);
    co_return response;
  }
  if (request.path == "/close") {
    auto response = answer(200);
    response.close = true;
    co_return response;
  }
  if (request.path == "/204") co_return answer(204, "never sent");
  co_return answer(200, request.method + " " + request.path + "?" + request.query);
}

std::string get(std::string_view path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path);
}
std::string post(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", path,
                     body.size(), body);
}

class ServerTest : public ::testing::Test {
 protected:
  RunningServer server_{by_path};
  RawConnection client_{server_.port()};
};

TEST_F(ServerTest, AnswersOneRequestAfterAnotherOnOneConnection) {
  for (int i = 0; i < 3; ++i) {
    client_.send(get("/a?b=c"));
    const std::string got = client_.read_response();
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << got;
    EXPECT_NE(got.find("\r\nx-request-id: req_"), std::string::npos) << got;
    EXPECT_TRUE(got.ends_with("\r\n\r\nGET /a?b=c")) << got;
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  client_.send(post("/echo", "1") + post("/reject", "2") + "\r\n" + post("/echo", "3") + get("/4"));
  EXPECT_TRUE(client_.read_response().ends_with("\r\n\r\n1"));
  EXPECT_TRUE(client_.read_response().ends_with("too much"));
  EXPECT_TRUE(client_.read_response().ends_with("\r\n\r\n3"));
  EXPECT_TRUE(client_.read_response().ends_with("GET /4?"));
}

TEST_F(ServerTest, ServesAClientThatSendsByteByByte) {
  const std::string text =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char c : text) client_.send({&c, 1});
  EXPECT_TRUE(client_.read_response().ends_with("\r\n\r\nabcde"));
}

TEST_F(ServerTest, TakesAPostWithoutBodyAsEmpty) {
  client_.send("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client_.read_response().find("Content-Length: 0\r\n"), std::string::npos);
}

TEST_F(ServerTest, EchoesALargeBody) {
  std::string body(3 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000)
    body[i] = static_cast<char>('a' + i / 1000 % 26);
  client_.send(post("/echo", body));
  const std::string got = client_.read_response();
  EXPECT_TRUE(got.ends_with(body));
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheHandlerReads) {
  client_.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client_.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client_.send("ok");
  EXPECT_TRUE(client_.read_response().ends_with("\r\n\r\nok"));

  client_.send(
      "POST /reject HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const std::string got = client_.read_to_close();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 413 ")) << got;
  EXPECT_NE(got.find("Connection: close\r\n"), std::string::npos);
}

TEST_F(ServerTest, StreamsInChunks) {
  client_.send(get("/stream"));
  const std::string head = client_.read_until("\r\n\r\n");
  EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_EQ(client_.read_until("0\r\n\r\n"), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
  client_.send(get("/exact"));
  EXPECT_TRUE(client_.read_response().ends_with("Content-Length: 3\r\n\r\none"));
}

TEST_F(ServerTest, StreamsToAnOldClientUntilItCloses) {
  client_.send("GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client_.read_to_close().ends_with("Connection: close\r\n\r\nonetwo"));
  EXPECT_FALSE(client_.was_reset());
}

TEST_F(ServerTest, LetsNoCutStreamLookWhole) {
  client_.send(get("/cut"));
  EXPECT_EQ(client_.read_to_close().find("0\r\n\r\n"), std::string::npos);
  for (const char* path : {"/short", "/long"}) {
    RawConnection other(server_.port());
    other.send(get(path));
    const std::string got = other.read_to_close();
    EXPECT_EQ(got.find("\r\n\r\none"), path[1] == 's' ? got.size() - 7 : std::string::npos) << got;
  }
  RawConnection old(server_.port());
  old.send("GET /cut HTTP/1.0\r\n\r\n");
  old.read_to_close();
  EXPECT_TRUE(old.was_reset());
}

TEST_F(ServerTest, SendsNoBodyFor204AndHead) {
  client_.send(get("/204"));
  EXPECT_EQ(client_.read_response().find("Content-Length"), std::string::npos);
  client_.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client_.read_until("\r\n\r\n").find("Content-Length"), std::string::npos);
  client_.send("HEAD /ab HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client_.read_until("\r\n\r\n").find("Content-Length: 9\r\n"), std::string::npos);
  client_.send(get("/after"));  // would be misread if a body had been sent
  EXPECT_TRUE(client_.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, Answers500WhenTheHandlerThrows) {
  client_.send(get("/throw"));
  const std::string got = client_.read_response();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 500 ")) << got;
  EXPECT_TRUE(got.ends_with("refused: internal error")) << got;
  EXPECT_NE(got.find("x-request-id: req_"), std::string::npos);
  client_.send(get("/still"));
  EXPECT_TRUE(client_.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(ServerTest, Answers400AndClosesOnWhatIsNoRequest) {
  client_.send(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string got = client_.read_to_close();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 400 ")) << got;
  EXPECT_NE(got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_NE(got.find("x-request-id: req_"), std::string::npos);
}

TEST_F(ServerTest, SendsNothingWhenTheHandlerDrops) {
  client_.send(get("/drop"));
  EXPECT_EQ(client_.read_to_close(), "");
}

TEST_F(ServerTest, DatesAnAnswerAsFarOffAsTheHandlerSays) {
  const auto asked = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  client_.send(get("/yesterday"));
  const std::string got = client_.read_response();
  bool dated = false;
  for (auto at = asked; at <= asked + std::chrono::seconds(60); at += std::chrono::seconds(1)) {
    dated |= got.contains("Date: " + http_date(at - std::chrono::hours(24)) + "\r\n");
  }
  EXPECT_TRUE(dated) << got;
}

TEST_F(ServerTest, ClosesWhenTheHandlerOrTheClientSaysSo) {
  client_.send(get("/close"));
  EXPECT_NE(client_.read_to_close().find("Connection: close\r\n"), std::string::npos);
  RawConnection polite(server_.port());
  polite.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(polite.read_to_close().find("Connection: close\r\n"), std::string::npos);
  RawConnection old(server_.port());
  old.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(old.read_response().find("Connection: keep-alive\r\n"), std::string::npos);
  old.send("GET /b HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_to_close().ends_with("GET /b?"));
}

// The client writes all of its body before it reads: the refusal must not be lost to a reset.
TEST_F(ServerTest, LetsARefusalReachAClientThatGoesOnSending) {
  client_.send(
      fmt::format("POST /reject HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 64 << 20));
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(client_.send(piece)) << i;
  const std::string got = client_.read_to_close();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 413 ")) << got;
  EXPECT_NE(got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_FALSE(client_.was_reset());
}

TEST_F(ServerTest, FailsTheReadWhenTheClientGoesAway) {
  client_.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  client_.finish_sending();
  EXPECT_NE(client_.read_to_close().find("\r\n\r\nunavailable "), std::string::npos);
}

ServerLimits small_limits() {
  ServerLimits limits;
  limits.header_bytes_max = 1000;
  limits.body_bytes_max = 10;
  limits.drain_bytes_max = 5;
  limits.connections_max = 2;
  limits.header_timeout = 1s;
  limits.idle_timeout = 1s;
  limits.body_read_timeout = 1s;
  limits.write_timeout = 1s;
  return limits;
}

class LimitedServerTest : public ::testing::Test {
 protected:
  RunningServer server_{by_path, small_limits()};
  RawConnection client_{server_.port()};
};

TEST_F(LimitedServerTest, Answers431AboveTheHeaderLimit) {
  client_.send("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(1000, 'y') + "\r\n\r\n");
  EXPECT_TRUE(client_.read_to_close().starts_with("HTTP/1.1 431 "));
}

TEST_F(LimitedServerTest, BoundsBodiesOfBothKinds) {
  client_.send(post("/echo", "0123456789"));
  EXPECT_TRUE(client_.read_response().ends_with("\r\n\r\n0123456789"));
  client_.send(post("/echo", "0123456789a"));
  EXPECT_TRUE(client_.read_to_close().ends_with("\r\n\r\ninvalid_request body_too_large"));
  RawConnection chunked(server_.port());
  chunked.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9\r\n012345678\r\n2\r\n9a\r\n0\r\n\r\n");
  EXPECT_TRUE(chunked.read_to_close().ends_with("\r\n\r\ninvalid_request body_too_large"));
}

TEST_F(LimitedServerTest, KeepsTheConnectionOnlyWhereDrainingIsCheap) {
  client_.send(post("/reject", "12345"));
  EXPECT_EQ(client_.read_response().find("Connection: close"), std::string::npos);
  client_.send(post("/reject", "123456"));
  EXPECT_NE(client_.read_to_close().find("Connection: close"), std::string::npos);
}

TEST_F(LimitedServerTest, Answers408ToASlowHeaderAndNothingToSilence) {
  RawConnection silent(server_.port());
  client_.send("GET / HTT");
  EXPECT_TRUE(client_.read_to_close().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(silent.read_to_close(), "");
}

TEST_F(LimitedServerTest, FailsTheReadOfASlowBody) {
  client_.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_TRUE(client_.read_to_close().ends_with("\r\n\r\ndeadline_exceeded "));
}

TEST_F(LimitedServerTest, Answers503AboveTheConnectionLimit) {
  RawConnection second(server_.port());
  second.send(get("/"));
  second.read_response();
  client_.send(get("/"));
  client_.read_response();
  EXPECT_EQ(server_.open_connections(), 2u);
  RawConnection third(server_.port());
  EXPECT_TRUE(third.read_to_close().starts_with("HTTP/1.1 503 "));
}

// An endless answer whose reader tells when it is gone.
class Endless final : public BodyReader {
 public:
  explicit Endless(std::shared_ptr<std::promise<void>> gone) : gone_(std::move(gone)) {}
  ~Endless() override { gone_->set_value(); }
  Task<std::span<const std::byte>> read() override { co_return as_bytes(bytes_); }

 private:
  std::shared_ptr<std::promise<void>> gone_;
  std::string bytes_ = std::string(256 * 1024, 'x');
};

struct EndlessHandler {
  std::shared_ptr<std::promise<void>> gone = std::make_shared<std::promise<void>>();
  Awaitable<ServerResponse> operator()(ServerRequest, BodyReader&) const {
    ServerResponse response;
    response.stream = std::make_unique<Endless>(gone);
    co_return response;
  }
};

TEST(Server, FreesAStreamWhoseClientIsGone) {
  const EndlessHandler handler;
  auto gone = handler.gone->get_future();
  RunningServer server(handler);
  {
    RawConnection client(server.port());
    client.send(get("/"));
    client.read_bytes(1 << 20);
  }
  EXPECT_EQ(gone.wait_for(10s), std::future_status::ready);
}

TEST(Server, FreesAStreamThatItsClientDoesNotRead) {
  const EndlessHandler handler;
  auto gone = handler.gone->get_future();
  RunningServer server(handler, small_limits());
  RawConnection client(server.port());
  client.send(get("/"));
  EXPECT_EQ(gone.wait_for(10s), std::future_status::ready);
}

// Answers when told to.
struct Gate {
  std::promise<void> entered;
  std::shared_ptr<Wakeup> open;
};
struct GatedHandler {
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  Awaitable<ServerResponse> operator()(ServerRequest, BodyReader&) const {
    gate->entered.set_value();
    co_await gate->open->wait(Deadline::after(20s));
    co_return answer(200, "finished");
  }
};

TEST(Server, StopsGracefully) {
  const GatedHandler handler;
  RunningServer server(handler);
  handler.gate->open = std::make_shared<Wakeup>(server.io());
  RawConnection idle(server.port());
  RawConnection busy(server.port());
  busy.send(get("/"));
  handler.gate->entered.get_future().wait();

  auto stopped = server.stopping(20s);
  EXPECT_EQ(idle.read_to_close(), "");
  EXPECT_EQ(stopped.wait_for(0s), std::future_status::timeout);
  EXPECT_THROW(RawConnection(server.port()), boost::system::system_error);

  server.on_loop([&] { handler.gate->open->set(); });
  const std::string got = busy.read_to_close();
  EXPECT_TRUE(got.ends_with("\r\n\r\nfinished")) << got;
  EXPECT_NE(got.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(stopped.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(server.open_connections(), 0u);
  handler.gate->open.reset();  // it must not outlive the loop
}

TEST(Server, CutsRunningRequestsAtTheDeadline) {
  const GatedHandler handler;
  RunningServer server(handler);
  handler.gate->open = std::make_shared<Wakeup>(server.io());
  RawConnection busy(server.port());
  busy.send(get("/"));
  handler.gate->entered.get_future().wait();
  server.stop(0s);
  EXPECT_EQ(busy.read_to_close(), "");
  EXPECT_EQ(server.open_connections(), 0u);
  handler.gate->open.reset();  // it must not outlive the loop
}

TEST(Server, NamesTheAddressItCannotListenOn) {
  boost::asio::io_context io;
  testing::FunctionHandler handler(by_path);
  const auto first = make_server(io, handler, {});
  first->listen("127.0.0.1", 0);
  const auto second = make_server(io, handler, {});
  try {
    second->listen("127.0.0.1", first->port());
    FAIL() << "listened twice";
  } catch (const std::system_error& e) {
    EXPECT_NE(std::string(e.what()).find(fmt::format("127.0.0.1:{}", first->port())),
              std::string::npos);
  }
}

}  // namespace
}  // namespace quarry::http
