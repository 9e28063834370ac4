#include "api/errors.h"

#include "obs/log.h"
#include "openai/batch_line.h"
#include "store/away.h"

#include <fmt/format.h>

#include <chrono>

namespace quarry::api {
namespace {

int status_of(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_request:
      return error.reason() == "body_too_large" ? 413 : 400;
    case Errc::denied:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
      return 409;
    case Errc::limited:
      return 429;
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

// OpenAI's and LiteLLM's words for the sort of an error that is the client's.
std::string_view type_of(int status, const Error& error) {
  if (error.reason() == "budget_exceeded") return "budget_exceeded";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return "invalid_request_error";
}

// Longer than this no SDK waits by itself (openai-python, "MAX_RETRY_DELAY" and Retry-After).
constexpr std::chrono::seconds kWorthWaiting{60};

std::string_view public_words(int status, std::string_view reason) {
  switch (status) {
    case 502:
      return "AWS refused what the server asked for this request. hint: the operator finds the "
             "cause in "
             "the server's log, under this answer's x-request-id";
    case 503:
      return reason == store::kDatabaseAway ? "The server's database does not answer. Try again."
                                            : "The server, or AWS behind it, is busy. Try again.";
    case 504:
      return "AWS did not answer in time. Try again.";
    default:
      return "The server had an error while processing your request. hint: the operator finds the "
             "cause "
             "in the server's log, under this answer's x-request-id";
  }
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

http::ServerResponse error_response(const Error& error, std::string_view request_id) {
  const int status = status_of(error);
  http::ServerResponse response;
  if (status < 500) {
    response = error_response(status, error.message(), type_of(status, error), error.param(),
                              error.reason());
  } else {
    // The cause names buckets, roles and accounts: it is the operator's, and in the log.
    obs::warn("request failed", {{"request_id", request_id},
                                 {"status", status},
                                 {"code", name(error.code())},
                                 {"reason", error.reason()},
                                 {"message", error.message()}});
    response = error_response(status, public_words(status, error.reason()), "server_error", "", "");
  }
  if (status == 409) response.headers.set("x-should-retry", "false");
  if (status == 503) response.headers.set("Retry-After", "2");
  if (const auto wait = error.retry_after(); wait && status == 429) {
    response.headers.set("Retry-After", fmt::format("{}", wait->count()));
    if (*wait > kWorthWaiting) response.headers.set("x-should-retry", "false");
  }
  if (status == 413) response.close = true;
  return response;
}

http::ServerResponse unauthorized(const Error& error) {
  return error_response(401, error.message(), "invalid_request_error", "", error.reason());
}

}  // namespace quarry::api
