// What requests to the public alone promise, and those whose answer's body nobody wants. There is
// no public address here to reach: that such are let through is public_address_test.cc's.

#include "http/client.h"
#include "http/testing/loopback.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

namespace quarry::http {
namespace {

using namespace std::chrono_literals;
using testing::RunningServer;

class PublicClientTest : public ::testing::Test {
 protected:
  Result<ClientResponse> send(ClientRequest request, std::chrono::milliseconds patience = 20s) {
    return testing::run_on(io_, client_->send(std::move(request), Deadline::after(patience)));
  }
  ClientRequest post_to(const std::string& host) const {
    ClientRequest request;
    request.method = "POST";
    request.url = fmt::format("http://{}:{}/", host, server_.port());
    request.body = as_bytes(body_);
    return request;
  }
  Awaitable<ServerResponse> answer(BodyReader& body) {
    ++requests_;
    (void)co_await testing::read_all(body);
    ServerResponse response;
    response.status = status_;
    response.body = std::string(response_bytes_, 'y');
    co_return response;
  }

  const std::string body_ = "{}";
  std::atomic<int> requests_ = 0;
  std::atomic<int> status_ = 200;
  std::atomic<std::size_t> response_bytes_ = 5;
  boost::asio::io_context io_;
  RunningServer server_{[this](ServerRequest, BodyReader& body) { return answer(body); }};
  std::unique_ptr<Client> client_ = make_client(io_, {});
};

TEST_F(PublicClientTest, IsLetToNoAddressOfThisMachineByWhateverName) {
  for (const char* host : {"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0",
                           "[::1]", "[::ffff:127.0.0.1]", "[::]"}) {
    auto request = post_to(host);
    request.public_addresses_only = true;
    const auto got = send(std::move(request));
    ASSERT_FALSE(got) << host;
    EXPECT_EQ(got.error().code(), Errc::forbidden) << host << ": " << got.error().message();
    EXPECT_NE(got.error().message().find("its address is not a public one"), std::string::npos);
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(PublicClientTest, UsesNoConnectionThatAnotherRequestMade) {
  ASSERT_TRUE(send(post_to("127.0.0.1")));
  ASSERT_EQ(server_.open_connections(), 1u);
  auto request = post_to("127.0.0.1");
  request.public_addresses_only = true;
  const auto got = send(std::move(request));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::forbidden);
  EXPECT_EQ(requests_, 1);
}

TEST_F(PublicClientTest, GoesThroughNoProxyThatWouldConnectInItsStead) {
  ::setenv("http_proxy", fmt::format("http://127.0.0.1:{}", server_.port()).c_str(), 1);
  ClientRequest request;
  request.url = "http://[::1]:1/";
  request.public_addresses_only = true;
  const auto got = send(std::move(request));
  ::unsetenv("http_proxy");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::forbidden);
  EXPECT_EQ(requests_, 0);
}

TEST_F(PublicClientTest, LeavesOtherRequestsOfTheSameClientAlone) {
  auto request = post_to("127.0.0.1");
  request.public_addresses_only = true;
  ASSERT_FALSE(send(std::move(request)));
  EXPECT_TRUE(send(post_to("127.0.0.1")));
}

TEST_F(PublicClientTest, GivesTheStatusAloneWhereTheBodyIsNotWanted) {
  for (const int status : {200, 500}) {
    status_ = status;
    auto request = post_to("127.0.0.1");
    request.discard_body = true;
    const auto got = send(std::move(request));
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->status, status);
    EXPECT_EQ(got->body, "");
  }
}

TEST_F(PublicClientTest, ReadsNoMoreOfAnUnwantedBodyThanItsBound) {
  response_bytes_ = std::size_t{64} << 20;
  for (const int status : {200, 404}) {
    status_ = status;
    auto request = post_to("127.0.0.1");
    request.discard_body = true;
    const auto got = send(std::move(request));
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->status, status);
    EXPECT_EQ(got->body, "");
  }
}

}  // namespace
}  // namespace quarry::http
