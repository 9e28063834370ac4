#include "http/server.h"

#include "http/connection.h"
#include "obs/log.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <system_error>

namespace quarry::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// How far behind its time a wait may be ended. One timer for all connections costs less than one
// each.
constexpr std::chrono::milliseconds kExpirySweep{200};
// Connections over the cap that are told so at once; more are closed without a word.
constexpr std::size_t kRefusedMax = 64;
// After stop()'s deadline: until cancelled handlers have let go.
constexpr std::chrono::seconds kStopGrace{2};
constexpr std::chrono::milliseconds kAcceptPause{100};

Awaitable<void> serve_connection(std::shared_ptr<ServerCore> core,
                                 tcp::socket socket,
                                 bool over_cap) {
  Connection connection(std::move(core), std::move(socket), over_cap);
  co_await connection.run();
}

Awaitable<void> accept_connections(std::shared_ptr<ServerCore> core,
                                   std::shared_ptr<tcp::acceptor> acceptor) {
  while (acceptor->is_open()) {
    error_code ec;
    tcp::socket socket =
        co_await acceptor->async_accept(asio::redirect_error(asio::use_awaitable, ec));
    if (!acceptor->is_open()) break;
    if (ec == asio::error::connection_aborted) continue;
    if (ec) {  // no file descriptors left, most likely: they come back
      obs::error("accept failed", {{"error", ec.message()}});
      co_await sleep_for(kAcceptPause);
      continue;
    }
    const bool over_cap = core->connections.size() >= core->limits.connections_max;
    if (over_cap && core->refused_count >= kRefusedMax) continue;  // the socket closes here
    core->tasks.spawn("http connection", serve_connection(core, std::move(socket), over_cap));
  }
}

// Ends waits whose time is up, until the core is gone.
void watch(const std::shared_ptr<asio::steady_timer>& timer,
           const std::weak_ptr<ServerCore>& core) {
  timer->expires_after(kExpirySweep);
  timer->async_wait([timer, core](const error_code& ec) {
    const auto alive = core.lock();
    if (ec || !alive) return;
    const auto now = std::chrono::steady_clock::now();
    for (Connection* connection : alive->watched) connection->expire(now);
    watch(timer, core);
  });
}

class ServerImpl final : public Server {
 public:
  ServerImpl(asio::io_context& io, Handler& handler, ServerLimits limits)
      : core_(std::make_shared<ServerCore>(io, handler, limits)),
        acceptor_(std::make_shared<tcp::acceptor>(io)),
        watch_timer_(std::make_shared<asio::steady_timer>(io)) {}

  ~ServerImpl() override {
    core_->stopping = true;
    core_->handler = nullptr;
    close_listener();
    core_->tasks.cancel();
    watch_timer_->cancel();
  }

  void listen(const std::string& host, std::uint16_t port) override {
    const auto check = [&](const error_code& ec) {
      if (ec) throw std::system_error(ec, fmt::format("listening on {}:{}", host, port));
    };
    error_code ec;
    tcp::resolver resolver(core_->io);
    const auto found = resolver.resolve(
        host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, ec);
    check(ec);
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_->open(endpoint.protocol(), ec);
    check(ec);
    acceptor_->set_option(tcp::acceptor::reuse_address(true), ec);
    check(ec);
    acceptor_->bind(endpoint, ec);
    check(ec);
    acceptor_->listen(tcp::acceptor::max_listen_connections, ec);
    check(ec);
    port_ = acceptor_->local_endpoint().port();
  }

  std::uint16_t port() const override { return port_; }

  void start() override {
    core_->tasks.spawn("http accept", accept_connections(core_, acceptor_));
    watch(watch_timer_, core_);
  }

  Awaitable<void> stop(Deadline deadline) override {
    const auto core = core_;  // the server may go while this waits
    const auto timer = watch_timer_;
    core->stopping = true;
    close_listener();
    for (Connection* connection : core->connections) connection->stop_if_idle();
    if (!co_await core->tasks.join(deadline)) {
      core->tasks.cancel();
      for (Connection* connection : core->watched) connection->close();
      const bool ended = co_await core->tasks.join(Deadline::after(kStopGrace));
      if (!ended) obs::warn("http handlers still run", {{"count", core->tasks.running()}});
    }
    timer->cancel();
  }

  std::size_t open_connections() const override { return core_->connections.size(); }

 private:
  void close_listener() {
    error_code ignored;  // closed either way
    acceptor_->close(ignored);
  }

  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<tcp::acceptor> acceptor_;
  std::shared_ptr<asio::steady_timer> watch_timer_;
  std::uint16_t port_ = 0;
};

}  // namespace

std::unique_ptr<Server> make_server(asio::io_context& io, Handler& handler, ServerLimits limits) {
  return std::make_unique<ServerImpl>(io, handler, limits);
}

}  // namespace quarry::http
