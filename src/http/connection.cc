#include "http/connection.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "obs/log.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace quarry::http {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

// Room beside the largest header, so that its limit and not the buffer's end stops it.
constexpr std::size_t kHeaderSlackBytes = 4096;
// Up to this much is written without a turn of the loop: it fits a socket's buffer.
constexpr std::size_t kDirectWriteBytesMax = 64 * 1024;
// How long the peer may take to read a last answer and close: in all, and without sending a byte.
constexpr std::chrono::seconds kLingerMax{10};
constexpr std::chrono::seconds kLingerQuietMax{2};
constexpr std::chrono::seconds kLingerStoppingMax{1};

bool valid_status(int status) { return status >= 200 && status <= 999; }

std::string what(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {  // only its words are wanted here
    return "an exception of an unknown type";
  }
}

Awaitable<bool> cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

// What the stream throws, though it must not, ends the answer and not the server.
Task<std::span<const std::byte>> read_guarded(BodyReader& stream) {
  std::exception_ptr thrown;
  try {
    co_return co_await stream.read();
  } catch (...) {  // logged below, or rethrown when it is our own cancellation
    thrown = std::current_exception();
  }
  if (co_await cancelled()) std::rethrow_exception(thrown);
  co_return fail(Errc::internal, what(thrown));
}

}  // namespace

ServerCore::ServerCore(asio::io_context& context, Handler& the_handler, ServerLimits the_limits)
    : io(context),
      handler(&the_handler),
      limits(the_limits),
      tasks(context, obs::log_task_failure) {}

const std::string& ServerCore::date() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (now != date_at_) {
    date_at_ = now;
    date_ = http_date(now);
  }
  return date_;
}

ServerResponse ServerCore::refuse(int status, std::string_view why, const std::string& request_id) {
  try {
    if (handler != nullptr) return handler->refuse(status, why, request_id);
  } catch (const std::exception& e) {
    obs::error("refusal failed", {{"request_id", request_id}, {"error", e.what()}});
  }
  ServerResponse bare;
  bare.status = status;
  return bare;
}

// The pull side of one request's body. Pieces lie in the connection's buffer.
class Connection::Body final : public BodyReader {
 public:
  explicit Body(Connection& connection)
      : connection_(connection), await_continue_(connection.parser_.expects_continue()) {}

  Task<std::span<const std::byte>> read() override {
    if (failure_) co_return fail(*failure_);
    auto piece = co_await next();
    if (!piece) failure_ = piece.error();
    co_return piece;
  }

  // Whether reading the rest costs little enough to keep the connection.
  bool worth_draining() const {
    if (connection_.parser_.done()) return true;
    if (failure_) return false;
    // The client may or may not send the body after a final answer: the bytes that follow are
    // unclear.
    if (await_continue_) return false;
    const auto length = connection_.parser_.content_length();
    return !length || *length - taken_ <= connection_.core_->limits.drain_bytes_max;
  }

 private:
  Task<std::span<const std::byte>> next() {
    Connection& c = connection_;
    const std::uint64_t bytes_max = c.core_->limits.body_bytes_max;
    if (c.parser_.content_length().value_or(0) > bytes_max) co_return too_large(bytes_max);
    while (true) {
      const auto step = c.parser_.parse(c.unparsed());
      c.begin_ += step.taken;
      switch (step.event) {
        case RequestParser::Event::end:
          await_continue_ = false;
          co_return std::span<const std::byte>();
        case RequestParser::Event::piece:
          await_continue_ = false;
          taken_ += step.piece.size();
          if (taken_ > bytes_max) co_return too_large(bytes_max);
          co_return step.piece;
        case RequestParser::Event::need_more:
          break;
        default:
          co_return fail(Errc::invalid_request, "the request body's chunks are malformed");
      }
      if (auto more = co_await wait_for_bytes(); !more) co_return fail(more.error());
    }
  }

  Task<void> wait_for_bytes() {
    Connection& c = connection_;
    Io io = Io::ok;
    if (await_continue_) {
      await_continue_ = false;
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      io = co_await c.write({asio::buffer(kContinue)});
    }
    if (io == Io::ok) io = co_await c.fill(Clock::now() + c.core_->limits.body_read_timeout);
    if (io == Io::ok) co_return Result<void>();
    if (io == Io::timeout) {
      co_return fail(Errc::deadline_exceeded, "the client sent no byte of the body in time");
    }
    if (io == Io::full)
      co_return fail(Errc::invalid_request, "the request body's chunks are malformed");
    co_return fail(Errc::unavailable,
                   "the client closed the connection before the end of the body");
  }

  static std::unexpected<Error> too_large(std::uint64_t bytes_max) {
    return fail(Error(Errc::invalid_request,
                      fmt::format("the request body is larger than {} bytes", bytes_max))
                    .reason("body_too_large"));
  }

  Connection& connection_;
  bool await_continue_;
  std::uint64_t taken_ = 0;
  std::optional<Error> failure_;
};

Connection::Connection(std::shared_ptr<ServerCore> core, Socket socket, bool over_cap)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      over_cap_(over_cap),
      parser_(core_->limits.header_bytes_max),
      capacity_(std::max(core_->limits.read_buffer_bytes,
                         core_->limits.header_bytes_max + kHeaderSlackBytes)),
      // Never touched where no bytes arrive: an idle connection costs address space only.
      buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {
  error_code ec;
  const auto peer = socket_.remote_endpoint(ec);
  if (!ec) remote_address_ = peer.address().to_string();
  socket_.set_option(asio::ip::tcp::no_delay(true), ec);
  socket_.non_blocking(true, ec);
  if (over_cap_) {
    ++core_->refused_count;
  } else {
    core_->connections.insert(this);
  }
  core_->watched.insert(this);
}

Connection::~Connection() {
  core_->watched.erase(this);
  if (over_cap_) {
    --core_->refused_count;
  } else {
    core_->connections.erase(this);
  }
}

void Connection::arm(TimePoint until) {
  wait_until_ = until;
  timed_out_ = false;
}

void Connection::expire(TimePoint now) {
  if (now < wait_until_) return;
  timed_out_ = true;
  error_code ignored;  // nothing to cancel is as good
  socket_.cancel(ignored);
}

void Connection::stop_if_idle() {
  error_code ignored;  // nothing to cancel is as good
  if (phase_ == Phase::idle) socket_.cancel(ignored);
}

void Connection::close() {
  error_code ignored;  // closed either way
  socket_.close(ignored);
}

Awaitable<void> Connection::run() {
  if (over_cap_) {
    co_await refuse(503, "too many connections");
    co_return;
  }
  while (true) {
    const Next next = co_await read_header();
    if (next != Next::request) break;
    if (!co_await serve_request()) break;
    if (core_->stopping) break;
  }
}

Awaitable<Connection::Io> Connection::fill(TimePoint until) {
  if (begin_ > 0) {  // what is left is a part of a line, so little
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == capacity_) co_return Io::full;
  arm(until);
  error_code ec;
  const std::size_t count =
      co_await socket_.async_read_some(asio::buffer(buffer_.get() + end_, capacity_ - end_),
                                       asio::redirect_error(asio::use_awaitable, ec));
  wait_until_ = TimePoint::max();
  end_ += count;
  if (!ec) co_return Io::ok;
  if (ec == asio::error::eof) co_return Io::eof;
  co_return timed_out_ ? Io::timeout : Io::failed;
}

Awaitable<Connection::Io> Connection::write(Pieces pieces) {
  const auto take = [&pieces](std::size_t count) {
    for (auto& piece : pieces) {
      const std::size_t part = std::min(count, piece.size());
      piece += part;
      count -= part;
    }
  };
  error_code ec;
  if (asio::buffer_size(pieces) <= kDirectWriteBytesMax) {
    take(socket_.write_some(pieces, ec));
    if (ec && ec != asio::error::would_block) co_return Io::failed;
  }
  while (asio::buffer_size(pieces) > 0) {
    arm(Clock::now() + core_->limits.write_timeout);
    take(co_await socket_.async_write_some(pieces, asio::redirect_error(asio::use_awaitable, ec)));
    wait_until_ = TimePoint::max();
    if (ec) co_return timed_out_ ? Io::timeout : Io::failed;
  }
  co_return Io::ok;
}

void Connection::skip_empty_lines() {
  // RFC 9112 2.2: some clients send a CRLF after a body.
  while (end_ - begin_ >= 2 && buffer_[begin_] == std::byte{'\r'} &&
         buffer_[begin_ + 1] == std::byte{'\n'}) {
    begin_ += 2;
  }
}

Awaitable<Connection::Next> Connection::read_header() {
  phase_ = Phase::idle;
  parser_.reset();
  skip_empty_lines();
  while (begin_ == end_) {
    if (core_->stopping) co_return Next::ended;
    if (co_await fill(Clock::now() + core_->limits.idle_timeout) != Io::ok) co_return Next::ended;
    skip_empty_lines();
  }
  phase_ = Phase::working;
  const TimePoint until = Clock::now() + core_->limits.header_timeout;
  while (true) {
    const auto step = parser_.parse(unparsed());
    begin_ += step.taken;
    if (step.event == RequestParser::Event::header) co_return Next::request;
    Io io = Io::full;
    if (step.event == RequestParser::Event::need_more) io = co_await fill(until);
    if (io == Io::ok) continue;
    if (step.event == RequestParser::Event::malformed) {
      co_await refuse(400, "the request is malformed");
    } else if (io == Io::full) {
      co_await refuse(431, "the request's header section is too large");
    } else if (io == Io::timeout) {
      co_await refuse(408, "the request's header section came too slowly");
    }
    co_return Next::ended;
  }
}

Awaitable<bool> Connection::serve_request() {
  const bool http11 = parser_.http11();
  const bool persistent = parser_.keep_alive();
  ServerRequest request = parser_.take_request();
  request.remote_address = remote_address_;
  request.request_id = new_request_id();
  const std::string id = request.request_id;
  const std::string method = request.method;

  Body body(*this);
  ServerResponse response = co_await call_handler(std::move(request), body, id);
  if (response.drop_connection) co_return false;
  const bool reusable = persistent && !core_->stopping && body.worth_draining();
  const ResponseFraming framing = framing_of(response, method, http11, reusable);
  if (!co_await send(std::move(response), framing, id)) co_return false;
  if (framing.keep_alive && co_await drain(body)) co_return true;
  co_await linger();
  co_return false;
}

Awaitable<ServerResponse> Connection::call_handler(ServerRequest request,
                                                   Body& body,
                                                   std::string id) {
  const std::string doing = request.method + " " + request.path;
  std::string why;
  std::exception_ptr thrown;
  try {
    ServerResponse response = co_await core_->handler->handle(std::move(request), body);
    if (valid_status(response.status) || response.drop_connection) co_return response;
    why = fmt::format("the handler answered with status {}", response.status);
  } catch (...) {  // a 500 and a line in the log below, or rethrown when it is our own cancellation
    thrown = std::current_exception();
  }
  if (thrown) {
    if (co_await cancelled()) std::rethrow_exception(thrown);
    why = what(thrown);
  }
  obs::error("request failed", {{"request_id", id}, {"request", doing}, {"error", why}});
  co_return core_->refuse(500, "internal error", id);
}

Awaitable<bool> Connection::send(ServerResponse response, ResponseFraming framing, std::string id) {
  std::string date = core_->date();
  if (response.date_offset != std::chrono::seconds(0)) {
    date = http_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                     response.date_offset);
  }
  const std::string head = response_head(response, framing, id, date);
  Pieces pieces = {asio::buffer(head)};
  const bool streams = response.stream && framing.body != ResponseFraming::Body::none;
  if (!streams && framing.body == ResponseFraming::Body::sized) {
    pieces[1] = asio::buffer(response.body);
  }
  if (co_await write(pieces) != Io::ok) co_return false;
  if (!streams) co_return true;
  co_return co_await send_stream(std::move(response.stream), framing);
}

Awaitable<bool> Connection::send_stream(std::unique_ptr<BodyReader> stream,
                                        ResponseFraming framing) {
  using Kind = ResponseFraming::Body;
  constexpr std::string_view kLineEnd = "\r\n";
  constexpr std::string_view kLastChunk = "0\r\n\r\n";
  std::uint64_t left = framing.content_length.value_or(UINT64_MAX);
  while (true) {
    const auto piece = co_await read_guarded(*stream);
    if (!piece || piece->size() > left) {
      obs::warn("answer cut", {{"error", piece ? "it is longer than its content length"
                                               : piece.error().message()}});
      reset_peer();
      co_return false;
    }
    if (piece->empty()) break;
    left -= piece->size();
    Pieces pieces = {asio::buffer(piece->data(), piece->size())};
    std::string size_line;
    if (framing.body == Kind::chunked) {
      size_line = fmt::format("{:x}\r\n", piece->size());
      pieces = {asio::buffer(size_line), pieces[0], asio::buffer(kLineEnd)};
    }
    if (co_await write(pieces) != Io::ok) co_return false;
  }
  if (framing.body == Kind::chunked) {
    co_return co_await write({asio::buffer(kLastChunk)}) == Io::ok;
  }
  co_return framing.body == Kind::until_close || left == 0;
}

Awaitable<void> Connection::refuse(int status, std::string why) {
  const std::string id = new_request_id();
  ServerResponse response = core_->refuse(status, why, id);
  if (response.drop_connection) co_return;
  const ResponseFraming framing = framing_of(response, "", true, false);
  if (co_await send(std::move(response), framing, id)) co_await linger();
}

Awaitable<bool> Connection::drain(Body& body) {
  std::size_t drained = 0;
  while (true) {
    const auto piece = co_await body.read();
    if (!piece) co_return false;
    if (piece->empty()) co_return true;
    drained += piece->size();
    if (drained > core_->limits.drain_bytes_max) co_return false;
  }
}

Awaitable<void> Connection::linger() {
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
  const TimePoint start = Clock::now();
  while (!ec) {
    begin_ = end_ = 0;
    const TimePoint latest = start + (core_->stopping ? kLingerStoppingMax : kLingerMax);
    const TimePoint now = Clock::now();
    if (now >= latest) break;
    if (co_await fill(std::min(latest, now + kLingerQuietMax)) != Io::ok) break;
  }
}

void Connection::reset_peer() {
  // Without this an HTTP/1.0 client would take a cut body for a whole one.
  error_code ignored;  // then it is closed in the ordinary way
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);  // at once: the destructor would take the option back
}

}  // namespace quarry::http
