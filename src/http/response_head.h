#pragma once
// How an answer is framed, and its status line and header section as text. Pure.

#include "http/server.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::http {

struct ResponseFraming {
  enum class Body { none, sized, chunked, until_close };
  Body body = Body::none;
  std::optional<std::uint64_t>
      content_length;  // what the field says; also set where HEAD leaves the body out
  bool keep_alive = true;
  bool http11 = true;
};

// RFC 9112 6: HEAD, 204 and 304 have no body, HTTP/1.0 knows no chunks. A HEAD's answer names the
// length that the GET's would have. keep_alive is what the request allows.
ResponseFraming framing_of(const ServerResponse& response,
                           std::string_view method,
                           bool http11,
                           bool keep_alive);

// The head with its empty line. Of the handler's fields it leaves out those that are the server's
// and those whose name is no token; CR, LF and NUL in values become spaces, so that no field ends
// early.
std::string response_head(const ServerResponse& response,
                          const ResponseFraming& framing,
                          std::string_view request_id,
                          std::string_view date);

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7).
std::string http_date(std::chrono::sys_seconds at);

}  // namespace quarry::http
