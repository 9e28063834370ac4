// What the client promises, against our server and against scripted peers.

#include "http/client.h"

#include "http/testing/loopback.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/read.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

namespace quarry::http {
namespace {

using namespace std::chrono_literals;
using testing::RunningServer;

// Tells what it was asked, as text.
Awaitable<ServerResponse> describe(ServerRequest request, BodyReader& body) {
  const auto all = co_await testing::read_all(body);
  ServerResponse response;
  if (request.path == "/large") {
    response.body = std::string(5 << 20, 'y');
    co_return response;
  }
  if (request.path == "/404") {
    response.status = 404;
    response.body = "not here";
    co_return response;
  }
  if (request.path == "/drop") {
    response.drop_connection = true;
    co_return response;
  }
  response.headers = {{"X-Answer", "  42"}};
  response.body = request.method + " " + request.target + "\n";
  for (const auto& [key, value] : request.headers.fields()) {
    if (key == "Host") continue;
    response.body += key + ": " + value + "\n";
  }
  response.body += "\n" + all.value_or("?");
  co_return response;
}

ClientRequest to(std::uint16_t port, std::string_view target, std::string method = "GET") {
  ClientRequest request;
  request.method = std::move(method);
  request.url = fmt::format("http://127.0.0.1:{}{}", port, target);
  return request;
}

class ClientTest : public ::testing::Test {
 protected:
  Result<ClientResponse> send(ClientRequest request, std::chrono::milliseconds patience = 20s) {
    return testing::run_on(io_, client_->send(std::move(request), Deadline::after(patience)));
  }
  std::string body_of(ClientRequest request) {
    auto got = send(std::move(request));
    EXPECT_TRUE(got) << got.error().message();
    return got ? got->body : "";
  }

  boost::asio::io_context io_;
  RunningServer server_{describe};
  std::unique_ptr<Client> client_ = make_client(io_, {.user_agent = "t"});
};

TEST_F(ClientTest, SendsJustWhatItWasGiven) {
  auto request = to(server_.port(), "/a/../b//c%2Fd?x=%20#");
  request.headers = {{"X-One", "1"}, {"Empty", ""}, {"Expect", "100-continue"}, {"Host", "evil"}};
  const auto got = send(request);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 200);
  EXPECT_EQ(got->headers.get("x-answer"), "42");
  EXPECT_EQ(got->body,
            "GET /a/../b//c%2Fd?x=%20\nAccept: */*\nX-One: 1\nEmpty: \nUser-Agent: t\n\n");
}

TEST_F(ClientTest, SendsBodiesWithEveryMethod) {
  const std::string_view body = "some bytes";
  for (const char* method : {"PUT", "POST", "PATCH", "DELETE"}) {
    auto request = to(server_.port(), "/", method);
    request.body = as_bytes(body);
    EXPECT_EQ(
        body_of(request),
        fmt::format("{} /\nAccept: */*\nUser-Agent: t\nContent-Length: 10\n\nsome bytes", method));
  }
}

TEST_F(ClientTest, NamesAnEmptyBodysLengthWhereABodyIsExpected) {
  for (const char* method : {"PUT", "POST"}) {
    EXPECT_EQ(body_of(to(server_.port(), "/", method)),
              fmt::format("{} /\nAccept: */*\nUser-Agent: t\nContent-Length: 0\n\n", method));
  }
  for (const char* method : {"GET", "DELETE"}) {
    EXPECT_EQ(body_of(to(server_.port(), "/", method)),
              fmt::format("{} /\nAccept: */*\nUser-Agent: t\n\n", method));
  }
}

TEST_F(ClientTest, TakesHeadWithoutWaitingForABody) {
  const auto got = send(to(server_.port(), "/large", "HEAD"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->headers.get("content-length"), "5242880");
  EXPECT_EQ(got->body, "");
}

TEST_F(ClientTest, PullsABodyFromASource) {
  for (const bool sized : {true, false}) {
    auto request = to(server_.port(), "/", "PUT");
    if (sized) request.body_size = 3'000'000;
    request.body_source = [sent = std::size_t{0}](std::span<std::byte> room) mutable {
      const std::size_t part = std::min(room.size(), 3'000'000 - sent);
      std::fill_n(room.data(), part, std::byte{'z'});
      sent += part;
      return part;
    };
    const std::string got = body_of(std::move(request));
    EXPECT_EQ(
        got.find(sized ? "Content-Length: 3000000\n" : "Transfer-Encoding: chunked\n") == got.npos,
        false);
    EXPECT_TRUE(got.ends_with("\n\n" + std::string(3'000'000, 'z')));
  }
}

TEST_F(ClientTest, FillsABufferAndRefusesMore) {
  std::string buffer(6 << 20, '-');
  auto request = to(server_.port(), "/large");
  request.response_buffer = std::as_writable_bytes(std::span(buffer));
  auto got = send(request);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->buffer_bytes, std::size_t{5} << 20);
  EXPECT_TRUE(buffer.starts_with(std::string(5 << 20, 'y') + "-"));
  request.response_buffer = request.response_buffer.first((5 << 20) - 1);
  got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::upstream);
}

TEST_F(ClientTest, KeepsAnErrorsBodyOutOfTheBuffer) {
  std::string buffer(4, '-');
  auto request = to(server_.port(), "/404");
  request.response_buffer = std::as_writable_bytes(std::span(buffer));
  const auto got = send(request);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 404);
  EXPECT_EQ(got->body, "not here");
  EXPECT_EQ(got->buffer_bytes, 0u);
}

TEST_F(ClientTest, FeedsASinkUntilItHasEnough) {
  std::size_t count = 0;
  auto request = to(server_.port(), "/large");
  request.response_sink = [&](std::span<const std::byte> piece) {
    count += piece.size();
    return true;
  };
  ASSERT_TRUE(send(request));
  EXPECT_EQ(count, std::size_t{5} << 20);
  request.response_sink = [](std::span<const std::byte>) { return false; };
  const auto got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::cancelled);
}

TEST_F(ClientTest, BoundsABody) {
  auto request = to(server_.port(), "/large");
  request.response_bytes_max = 5 << 20;
  EXPECT_TRUE(send(request));
  request.response_bytes_max = (5 << 20) - 1;
  const auto got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::upstream);
}

TEST_F(ClientTest, ReusesConnectionsAndManyRunAtOnce) {
  for (int i = 0; i < 5; ++i) body_of(to(server_.port(), "/"));
  EXPECT_EQ(server_.open_connections(), 1u);
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    boost::asio::co_spawn(io_, client_->send(to(server_.port(), "/large"), Deadline::after(20s)),
                          [&](const std::exception_ptr& error, Result<ClientResponse> got) {
                            EXPECT_FALSE(error);
                            EXPECT_TRUE(got && got->body.size() == std::size_t{5} << 20);
                            ++done;
                          });
  }
  io_.restart();
  io_.run();
  EXPECT_EQ(done, 20);
}

TEST_F(ClientTest, RefusesWhatCannotBeSent) {
  auto request = to(server_.port(), "/");
  request.headers = {{"X", "a\r\nb"}};
  auto got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::invalid_request);
  request = to(server_.port(), "/");
  request.url = "ftp://127.0.0.1/?secret";
  got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::invalid_request);
  EXPECT_EQ(got.error().message().find("secret"), std::string::npos);
}

TEST_F(ClientTest, TellsADroppedConnectionWithoutTheQuery) {
  const auto got = send(to(server_.port(), "/drop?token=secret"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::unavailable);
  EXPECT_TRUE(got.error().message().starts_with(fmt::format("127.0.0.1:{}: ", server_.port())))
      << got.error().message();
  EXPECT_EQ(got.error().message().find("secret"), std::string::npos);
}

TEST_F(ClientTest, TellsARefusedConnection) {
  // Bound, so that the client's own end cannot be given that port, but not listening.
  boost::asio::ip::tcp::acceptor deaf(io_, boost::asio::ip::tcp::v4());
  deaf.bind({boost::asio::ip::make_address("127.0.0.1"), 0});
  const auto got = send(to(deaf.local_endpoint().port(), "/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::unavailable);
}

// A peer that accepts and then follows a script on its one connection.
class ScriptedPeer {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  explicit ScriptedPeer(std::function<void(Socket&)> script) {
    thread_ = std::thread([this, script = std::move(script)] {
      Socket socket = acceptor_.accept();
      script(socket);
      boost::system::error_code ignored;  // until the client closes
      char byte = 0;
      while (socket.read_some(boost::asio::buffer(&byte, 1), ignored) > 0) {
      }
    });
  }
  ~ScriptedPeer() { thread_.join(); }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_{io_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  std::thread thread_;
};

void read_request(ScriptedPeer::Socket& socket) {
  std::string got;
  char byte = 0;
  while (!got.ends_with("\r\n\r\n") && socket.read_some(boost::asio::buffer(&byte, 1)) == 1)
    got += byte;
}

void write(ScriptedPeer::Socket& socket, std::string_view text) {
  boost::asio::write(socket, boost::asio::buffer(text));
}

TEST_F(ClientTest, TellsAShortBody) {
  ScriptedPeer peer([](auto& socket) {
    read_request(socket);
    write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    socket.shutdown(ScriptedPeer::Socket::shutdown_send);
  });
  const auto got = send(to(peer.port(), "/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::unavailable);
}

TEST_F(ClientTest, TellsWhatHadComeOfABodyThatWasCut) {
  ScriptedPeer peer([](auto& socket) {
    read_request(socket);
    write(socket, "HTTP/1.1 206 Partial\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\nabc");
    socket.shutdown(ScriptedPeer::Socket::shutdown_send);
  });
  std::string buffer(10, '-');
  ClientResponse partial;
  auto request = to(peer.port(), "/");
  request.response_buffer = std::as_writable_bytes(std::span(buffer));
  request.partial = &partial;
  ASSERT_FALSE(send(request));
  EXPECT_EQ(partial.status, 206);
  EXPECT_EQ(partial.headers.get("ETag"), "\"e\"");
  EXPECT_EQ(partial.buffer_bytes, 3u);
  EXPECT_EQ(buffer, "abc-------");
}

TEST_F(ClientTest, AnUnwantedBodyThatIsCutChangesNothingButAHeadThatIsCutIsNoAnswer) {
  const auto answer_to = [this](std::string_view sent) {
    ScriptedPeer peer([sent](auto& socket) {
      read_request(socket);
      write(socket, sent);
      socket.shutdown(ScriptedPeer::Socket::shutdown_send);
    });
    auto request = to(peer.port(), "/");
    request.discard_body = true;
    return send(std::move(request));
  };
  const auto cut_body = answer_to("HTTP/1.1 202 OK\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(cut_body) << cut_body.error().message();
  EXPECT_EQ(cut_body->status, 202);
  EXPECT_FALSE(answer_to("HTTP/1.1 202 OK\r\nContent-Length: 10\r\n"));
  EXPECT_FALSE(answer_to("HTTP/1.1 100 Continue\r\n\r\n"));
}

TEST_F(ClientTest, TellsNothingOfAnAnswerThatNeverBegan) {
  ClientResponse partial;
  partial.buffer_bytes = 7;  // of the attempt before
  auto request = to(server_.port(), "/drop");
  request.partial = &partial;
  ASSERT_FALSE(send(request));
  EXPECT_EQ(partial.status, 0);
  EXPECT_EQ(partial.buffer_bytes, 0u);
}

// Sets a variable of the environment until it is destroyed.
class ScopedVariable {
 public:
  ScopedVariable(const char* variable, const std::string& value) : variable_(variable) {
    ::setenv(variable_, value.c_str(), 1);
  }
  ~ScopedVariable() { ::unsetenv(variable_); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* variable_;
};

TEST_F(ClientTest, GoesThroughTheProxyOfTheEnvironment) {
  // To a proxy the whole URL is the target.
  const ScopedVariable proxy("http_proxy", fmt::format("http://127.0.0.1:{}", server_.port()));
  auto request = to(1, "/x");
  EXPECT_TRUE(body_of(request).starts_with("GET http://127.0.0.1:1/x\n"));
  request.direct = true;
  EXPECT_FALSE(send(request));  // nobody listens there
  request.direct = false;
  const ScopedVariable except("no_proxy", "localhost,127.0.0.1");
  EXPECT_FALSE(send(request));
}

TEST(CaBundle, IsTheFirstThatTheEnvironmentNames) {
  std::vector<std::string> set = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"};
  const auto environment = [&set](const std::string& variable) -> std::optional<std::string> {
    return std::ranges::find(set, variable) != set.end() ? std::optional("/" + variable)
                                                         : std::nullopt;
  };
  EXPECT_EQ(ca_bundle_of(environment), "/AWS_CA_BUNDLE");
  set.pop_back();
  EXPECT_EQ(ca_bundle_of(environment), "/REQUESTS_CA_BUNDLE");
  set.pop_back();
  EXPECT_EQ(ca_bundle_of(environment), "/SSL_CERT_FILE");
  EXPECT_EQ(ca_bundle_of([](const std::string&) { return std::optional<std::string>(""); }), "");
}

TEST_F(ClientTest, SaysWhichBundleOfCertificatesCannotBeRead) {
  auto request = to(server_.port(), "/");
  request.url.replace(0, 4, "https");
  const auto client = make_client(io_, {.ca_bundle = "/no/such/bundle.pem"});
  const auto got = testing::run_on(io_, client->send(request, Deadline::after(20s)));
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().message().contains("/no/such/bundle.pem")) << got.error().message();
}

TEST_F(ClientTest, TunnelsTlsThroughTheProxyForTlsOnly) {
  std::string asked;
  ScriptedPeer peer([&](auto& socket) {
    char byte = 0;
    while (!asked.ends_with("\r\n\r\n") && socket.read_some(boost::asio::buffer(&byte, 1)) == 1)
      asked += byte;
    write(socket, "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  const ScopedVariable proxy("HTTPS_PROXY", fmt::format("http://127.0.0.1:{}", peer.port()));
  EXPECT_TRUE(body_of(to(server_.port(), "/")).starts_with("GET /\n"));
  ClientRequest request;
  request.url = "https://bedrock.us-east-1.amazonaws.com/secret?path";
  const auto got = send(request);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::unavailable);
  client_.reset();
  EXPECT_TRUE(asked.starts_with("CONNECT bedrock.us-east-1.amazonaws.com:443 HTTP/1.1\r\n"));
  EXPECT_FALSE(asked.contains("secret"));
}

TEST_F(ClientTest, GivesTheLastAnswersHeadersOnly) {
  ScriptedPeer peer([](auto& socket) {
    read_request(socket);
    write(socket,
          "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\nA: b\r\nConnection: close\r\n"
          "Content-Length: 0\r\n\r\n");
  });
  const auto got = send(to(peer.port(), "/"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 201);
  EXPECT_EQ(got->headers.get("a"), "b");
  EXPECT_EQ(got->headers.get("link"), std::nullopt);
}

TEST_F(ClientTest, FollowsNoRedirect) {
  ScriptedPeer peer([](auto& socket) {
    read_request(socket);
    write(socket,
          "HTTP/1.1 307 Over there\r\nLocation: /x\r\nConnection: close\r\nContent-Length: "
          "0\r\n\r\n");
  });
  const auto got = send(to(peer.port(), "/"));
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->status, 307);
}

TEST_F(ClientTest, RecoversFromAHostThatHasNoAddress) {
  ClientRequest nowhere;
  nowhere.url = "http://no-such-host.invalid/";  // RFC 6761 6.4: never resolves
  EXPECT_FALSE(send(nowhere, 5s));
  EXPECT_FALSE(send(nowhere, 5s));
  for (int i = 0; i < 3; ++i) {
    const auto got = send(to(server_.port(), "/"));
    EXPECT_TRUE(got) << got.error().message();
  }
}

TEST_F(ClientTest, EndsAtTheDeadline) {
  ScriptedPeer peer([](auto& socket) { read_request(socket); });
  const auto start = std::chrono::steady_clock::now();
  const auto got = send(to(peer.port(), "/"), 200ms);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::deadline_exceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
  client_.reset();
  EXPECT_FALSE(testing::run_on(io_, make_client(io_, {})->send(to(1, "/"), Deadline::after(-1s))));
}

// The answer begins, so the transfer is in libcurl's hands, and then the caller gives up.
TEST_F(ClientTest, LetsGoOfTheBuffersBeforeACancelledSendThrows) {
  ScriptedPeer peer([](auto& socket) {
    read_request(socket);
    write(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  });
  boost::asio::cancellation_signal cancel;
  std::atomic<bool> sink_alive = true;
  auto guard = std::shared_ptr<void>(nullptr, [&](void*) { sink_alive = false; });
  auto request = to(peer.port(), "/");
  request.response_sink = [&, guard = std::move(guard)](std::span<const std::byte>) {
    boost::asio::post(io_, [&] { cancel.emit(boost::asio::cancellation_type::terminal); });
    return true;
  };
  std::exception_ptr thrown;
  boost::asio::co_spawn(
      io_, client_->send(std::move(request), Deadline::after(20s)),
      boost::asio::bind_cancellation_slot(
          cancel.slot(), [&](const std::exception_ptr& error, Result<ClientResponse>) {
            thrown = error;
            EXPECT_FALSE(sink_alive);
          }));
  io_.run();
  ASSERT_TRUE(thrown);
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    EXPECT_EQ(e.code(), boost::asio::error::operation_aborted);
  }
  client_.reset();  // closes the peer's connection
}

TEST_F(ClientTest, EndsWhatRunsWhenItIsDestroyed) {
  ScriptedPeer peer([this](auto& socket) {
    read_request(socket);
    boost::asio::post(io_, [this] { client_.reset(); });
  });
  const auto got = send(to(peer.port(), "/"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::cancelled);
}

// A pooled connection that died must not cost the caller an error: the body is sent again, from its
// start.
TEST_F(ClientTest, SendsAgainWhenAPooledConnectionWasDead) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const std::string body(3'000'000, 'b');
  std::string resent(body.size(), '-');
  std::thread peer([&] {
    constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    auto first = acceptor.accept();
    read_request(first);
    write(first, kAnswer);
    read_request(first);  // and closes without a word when it has all of it
    boost::asio::read(first, boost::asio::buffer(resent));
    std::ranges::fill(resent, '-');
    first.close();
    pollfd next{acceptor.native_handle(), POLLIN, 0};
    if (::poll(&next, 1, 20'000) != 1) return;
    auto second = acceptor.accept();
    read_request(second);
    boost::asio::read(second, boost::asio::buffer(resent));
    write(second, kAnswer);
  });
  EXPECT_EQ(body_of(to(acceptor.local_endpoint().port(), "/")), "");
  auto request = to(acceptor.local_endpoint().port(), "/", "PUT");
  request.body = as_bytes(body);
  const auto got = send(request);
  peer.join();
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(resent, body);
}

}  // namespace
}  // namespace quarry::http
