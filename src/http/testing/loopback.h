#pragma once
// A Server on a thread of its own and a client of bare bytes, for tests of what goes over the wire.

#include "base/bytes.h"
#include "http/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace quarry::http::testing {

// Runs a coroutine to its end on `io` and gives its result; rethrows what it threw.
template <class T>
T run_on(boost::asio::io_context& io, Awaitable<T> task) {
  std::optional<T> result;
  std::exception_ptr thrown;
  boost::asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& error, T value) {
    thrown = error;
    if (!error) result.emplace(std::move(value));
  });
  io.restart();
  while (!result && !thrown && io.run_one() > 0) {
  }
  if (thrown) std::rethrow_exception(thrown);
  return std::move(result).value();
}

// Reads what is left of a body.
inline Task<std::string> read_all(BodyReader& body) {
  std::string all;
  while (true) {
    const auto piece = co_await body.read();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) co_return all;
    all.append(as_text(*piece));
  }
}

// Answers by a function.
class FunctionHandler : public Handler {
 public:
  using Function = std::function<Awaitable<ServerResponse>(ServerRequest, BodyReader&)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}

  Awaitable<ServerResponse> handle(ServerRequest request, BodyReader& body) override {
    return function_(std::move(request), body);
  }
  ServerResponse refuse(int status, std::string_view why, const std::string&) override {
    ServerResponse response;
    response.status = status;
    response.body = "refused: " + std::string(why);
    return response;
  }

 private:
  Function function_;
};

// A server on a free port of 127.0.0.1, running until this is destroyed.
class RunningServer {
 public:
  explicit RunningServer(FunctionHandler::Function function, ServerLimits limits = {})
      : handler_(std::move(function)), server_(make_server(io_, handler_, limits)) {
    server_->listen("127.0.0.1", 0);
    server_->start();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~RunningServer() {
    stop(std::chrono::seconds(0));
    work_.reset();
    thread_.join();  // would hang if the stopped server left anything on the loop
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  std::uint16_t port() const { return server_->port(); }

  // Waits until the server has stopped.
  void stop(std::chrono::seconds patience) { stopping(patience).wait(); }
  std::future<void> stopping(std::chrono::seconds patience) {
    auto done = std::make_shared<std::promise<void>>();
    boost::asio::co_spawn(io_, server_->stop(Deadline::after(patience)),
                          [done](const std::exception_ptr&) { done->set_value(); });
    return done->get_future();
  }
  // On the loop's thread.
  template <class F>
  auto on_loop(F function) {
    std::packaged_task<std::invoke_result_t<F>()> task(std::move(function));
    auto result = task.get_future();
    boost::asio::post(io_, [&task] { task(); });
    return result.get();
  }
  std::size_t open_connections() {
    return on_loop([this] { return server_->open_connections(); });
  }
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  FunctionHandler handler_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

// A connection of bare bytes. Whatever it waits for must come within 20 s, or the test fails.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    socket_.set_option(boost::asio::ip::tcp::no_delay(true));
  }

  // False when the peer has closed.
  bool send(std::string_view text) {
    boost::system::error_code ec;
    boost::asio::write(socket_, boost::asio::buffer(text), ec);
    return !ec;
  }
  void finish_sending() { socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send); }

  // Everything until `end` was seen, or until the peer closed.
  std::string read_until(std::string_view end) {
    std::size_t found = std::string::npos;
    while ((found = pending_.find(end)) == std::string::npos && receive()) {
    }
    const std::size_t size = found == std::string::npos ? pending_.size() : found + end.size();
    return take(size);
  }
  std::string read_bytes(std::size_t count) {
    while (pending_.size() < count && receive()) {
    }
    return take(std::min(count, pending_.size()));
  }
  std::string read_to_close() {
    while (receive()) {
    }
    return take(pending_.size());
  }
  // A head, and the body that its Content-Length announces.
  std::string read_response() {
    std::string head = read_until("\r\n\r\n");
    const std::size_t at = head.find("Content-Length: ");
    if (at == std::string::npos) return head;
    return head + read_bytes(std::stoul(head.substr(at + 16)));
  }
  bool was_reset() const { return reset_; }

 private:
  bool receive() {
    pollfd poller{socket_.native_handle(), POLLIN, 0};
    if (::poll(&poller, 1, 20'000) <= 0) {
      ADD_FAILURE() << "nothing came; so far: " << pending_.substr(0, 2000);
      return false;
    }
    char bytes[64 * 1024];
    boost::system::error_code ec;
    const std::size_t count = socket_.read_some(boost::asio::buffer(bytes), ec);
    if (ec == boost::asio::error::connection_reset) reset_ = true;
    pending_.append(bytes, count);
    return !ec;
  }
  std::string take(std::size_t count) {
    std::string taken = pending_.substr(0, count);
    pending_.erase(0, count);
    return taken;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string pending_;
  bool reset_ = false;
};

}  // namespace quarry::http::testing
