#pragma once
// One connection of a Server: requests in, answers out, until it closes. Private to server.cc.

#include "base/task.h"
#include "http/request_parser.h"
#include "http/response_head.h"
#include "http/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>

namespace quarry::http {

class Connection;

// What the connections of a server share. Lives as long as the last of them.
struct ServerCore {
  ServerCore(boost::asio::io_context& context, Handler& the_handler, ServerLimits the_limits);

  boost::asio::io_context& io;
  Handler* handler;  // null once the server is gone
  ServerLimits limits;
  bool stopping = false;
  std::unordered_set<Connection*> connections;
  std::unordered_set<Connection*> watched;  // for their time limits: the above and those refused
  std::size_t refused_count = 0;            // connections over the cap that are being told so
  TaskGroup tasks;

  const std::string& date();  // now, made once a second
  ServerResponse refuse(int status, std::string_view why, const std::string& request_id);

 private:
  std::chrono::sys_seconds date_at_{};
  std::string date_;
};

class Connection {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using TimePoint = std::chrono::steady_clock::time_point;

  Connection(std::shared_ptr<ServerCore> core, Socket socket, bool over_cap);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Awaitable<void> run();

  // Called by the server.
  void expire(TimePoint now);  // ends the socket's wait if its time is up
  void stop_if_idle();
  void close();

 private:
  class Body;
  enum class Phase { idle, working };
  // What a wait for the socket ended with.
  enum class Io { ok, eof, timeout, full, failed };
  using Pieces = std::array<boost::asio::const_buffer, 3>;

  // Reads more bytes behind the unparsed ones. Waits until `until`.
  Awaitable<Io> fill(TimePoint until);
  // Writes all of it; every byte the peer takes renews the patience.
  Awaitable<Io> write(Pieces pieces);

  enum class Next { request, ended };
  // Waits for the next request's header; answers what is none.
  Awaitable<Next> read_header();
  // Handles one request; false when the connection must not carry another.
  Awaitable<bool> serve_request();
  Awaitable<ServerResponse> call_handler(ServerRequest request, Body& body, std::string id);
  // False when the connection is broken or the body was cut.
  Awaitable<bool> send(ServerResponse response, ResponseFraming framing, std::string id);
  Awaitable<bool> send_stream(std::unique_ptr<BodyReader> stream, ResponseFraming framing);
  Awaitable<void> refuse(int status, std::string why);
  // Takes what is left of a request's body; false when that is too much or broken.
  Awaitable<bool> drain(Body& body);
  // Lets the peer read the last answer: closing with unread bytes would reset it away.
  Awaitable<void> linger();
  void reset_peer();
  void skip_empty_lines();

  std::span<const std::byte> unparsed() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void arm(TimePoint until);

  std::shared_ptr<ServerCore> core_;
  Socket socket_;
  bool over_cap_;
  std::string remote_address_;
  RequestParser parser_;
  std::size_t capacity_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  // of the unparsed bytes
  std::size_t end_ = 0;
  Phase phase_ = Phase::idle;
  TimePoint wait_until_ = TimePoint::max();
  bool timed_out_ = false;
};

}  // namespace quarry::http
