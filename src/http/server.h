#pragma once
// An HTTP/1.1 server for one Handler. Keep-alive, pipelining one at a time, Expect: 100-continue (sent
// when the handler first reads the body), chunked and sized bodies both ways, graceful stop.
// The API server and the sandbox are both one of these.

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"

namespace quarry::http {

struct ServerRequest {
  std::string method;
  std::string target;  // as sent: path and query, still percent-encoded
  std::string path;    // of target, still percent-encoded
  std::string query;   // of target without '?', still percent-encoded
  Headers headers;
  std::string remote_address;
  std::string request_id;  // "req_…", made by the server, also answered as x-request-id
};

struct ServerResponse {
  int status = 200;
  Headers headers;  // Content-Length, Transfer-Encoding, Connection, Date are the server's
  std::string body;
  // When set, sent instead of `body`: with Content-Length if content_length is known, else chunked.
  // A read error in it closes the connection without the final chunk, so the client sees a cut body.
  std::unique_ptr<BodyReader> stream;
  std::optional<std::uint64_t> content_length;
  bool close = false;           // answer `Connection: close`
  bool drop_connection = false; // send nothing at all and close (the sandbox's faults)
  std::chrono::seconds date_offset{0};  // how far the Date field is off (the sandbox's faults)
};

// Called once a request's header section is complete. May leave the body unread: the server then drains
// up to ServerLimits::drain_bytes_max or closes. Must not throw; what it throws is a 500 and a log line.
// One handler serves all connections, on the loop's thread.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Awaitable<ServerResponse> handle(ServerRequest request, BodyReader& body) = 0;
  // The answer to what never became a request, or what handle() failed on:
  // 400 malformed, 408 slow header, 413, 431 header too large, 500, 503 stopping or too many connections.
  virtual ServerResponse refuse(int status, std::string_view why, const std::string& request_id) = 0;
};

struct ServerLimits {
  std::size_t header_bytes_max = 64 * 1024;        // 431 above it
  std::uint64_t body_bytes_max = std::uint64_t{1} << 40;  // BodyReader fails with body_too_large above it
  std::size_t drain_bytes_max = 1024 * 1024;
  std::size_t connections_max = 4096;              // 503 and close above it
  std::chrono::seconds header_timeout{30};         // from the first byte to the end of the header
  std::chrono::seconds idle_timeout{90};           // between requests; SDK pools want >= 75 s
  std::chrono::seconds body_read_timeout{60};      // no byte of a body for so long
  std::chrono::seconds write_timeout{60};          // peer takes no byte for so long
  std::size_t read_buffer_bytes = 256 * 1024;
};

class Server {
 public:
  virtual ~Server() = default;
  // Binds and listens. port 0 takes a free one. Throws system_error naming host:port.
  virtual void listen(const std::string& host, std::uint16_t port) = 0;
  virtual std::uint16_t port() const = 0;
  // Starts accepting; returns at once.
  virtual void start() = 0;
  // Stops accepting, closes idle connections, lets running requests finish until the deadline, then
  // closes them. Answers on kept connections carry `Connection: close` meanwhile.
  virtual Awaitable<void> stop(Deadline deadline) = 0;
  virtual std::size_t open_connections() const = 0;
};

// The handler outlives the server.
std::unique_ptr<Server> make_server(boost::asio::io_context& io, Handler& handler, ServerLimits limits);

}  // namespace quarry::http
