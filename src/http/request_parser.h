#pragma once
// HTTP/1 requests out of bytes (RFC 9112), on Beast's parser. Body bytes are handed out where they
// lie, not copied. No I/O; one object serves a connection's requests one after another.

#include "http/server.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace quarry::http {

class RequestParser {
 public:
  enum class Event {
    need_more,  // everything usable was taken; call again with more bytes after the untaken ones
    header,     // the header section is complete: take_request() and the facts below
    piece,      // some bytes of the body
    end,        // the request is complete
    malformed,  // 400; the connection's bytes mean nothing from here on
    header_too_large,  // 431
  };
  struct Step {
    Event event;
    std::size_t taken;                 // bytes that must not be offered again
    std::span<const std::byte> piece;  // into the offered bytes; never empty for Event::piece
  };

  explicit RequestParser(std::size_t header_bytes_max);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Makes ready for the next request.
  void reset();
  // Takes bytes up to the next event. After `malformed` and `header_too_large` only reset() may
  // follow.
  Step parse(std::span<const std::byte> bytes);

  // Facts of the header; valid from Event::header on.
  ServerRequest take_request();  // once
  bool keep_alive() const;
  bool http11() const;
  bool expects_continue() const;
  bool done() const;
  std::optional<std::uint64_t> content_length() const;  // nullopt: chunked or none

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// "Not Found" for 404; "" for a status nobody has named.
std::string_view reason_phrase(int status);

}  // namespace quarry::http
