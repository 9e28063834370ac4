#include "api/errors.h"

#include "openai/batch_line.h"

namespace quarry::api {
namespace {

int status_of(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_request:
      return error.reason() == "body_too_large" ? 413 : 400;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::throttled:
    case Errc::unavailable:
      return 503;
    case Errc::deadline_exceeded:
      return 504;
    case Errc::forbidden:
    case Errc::upstream:
      return 502;
    case Errc::cancelled:
    case Errc::corrupt:
    case Errc::internal:
      return 500;
  }
  return 500;
}

}  // namespace

http::ServerResponse error_response(int status,
                                    std::string_view message,
                                    std::string_view type,
                                    std::string_view param,
                                    std::string_view code) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = openai::error_envelope(message, type, param, code);
  return response;
}

http::ServerResponse error_response(const Error& error) {
  const int status = status_of(error);
  const std::string_view type = status >= 500 ? "server_error" : "invalid_request_error";
  // A 5xx's reason is AWS's word, not one of OpenAI's codes.
  http::ServerResponse response =
      error_response(status, error.message(), type, error.param(),
                     status >= 500 ? std::string_view() : error.reason());
  if (status == 409) response.headers.set("x-should-retry", "false");
  if (status == 503) response.headers.set("Retry-After", "2");
  if (status == 413) response.close = true;
  return response;
}

http::ServerResponse unauthorized(const Error& error) {
  return error_response(401, error.message(), "invalid_request_error", "", error.reason());
}

}  // namespace quarry::api
