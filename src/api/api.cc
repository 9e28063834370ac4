#include "api/api.h"

#include "api/errors.h"
#include "api/routes.h"
#include "base/bytes.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::api {
namespace {

constexpr std::size_t kSmallBodyBytesMax = std::size_t{1} << 20;

enum class IdRule { none, one_segment, rest };  // rest: model names may hold slashes

struct Route {
  std::string_view method;
  std::string_view before;  // the path up to the id, or the whole path
  IdRule id = IdRule::none;
  std::string_view after;  // what follows the id
  Answer (*answer)(Call);
};

constexpr std::array kRoutes{
    Route{"POST", "/files", IdRule::none, "", create_file},
    Route{"GET", "/files", IdRule::none, "", list_files},
    Route{"GET", "/files/", IdRule::one_segment, "/content", get_file_content},
    Route{"GET", "/files/", IdRule::one_segment, "", get_file},
    Route{"DELETE", "/files/", IdRule::one_segment, "", delete_file},
    Route{"POST", "/uploads", IdRule::none, "", create_upload},
    Route{"POST", "/uploads/", IdRule::one_segment, "/parts", add_upload_part},
    Route{"POST", "/uploads/", IdRule::one_segment, "/complete", complete_upload},
    Route{"POST", "/uploads/", IdRule::one_segment, "/cancel", cancel_upload},
    Route{"POST", "/batches", IdRule::none, "", create_batch},
    Route{"GET", "/batches", IdRule::none, "", list_batches},
    Route{"POST", "/batches/", IdRule::one_segment, "/cancel", cancel_batch},
    Route{"GET", "/batches/", IdRule::one_segment, "", get_batch},
    Route{"GET", "/models", IdRule::none, "", list_models},
    Route{"GET", "/models/", IdRule::rest, "", get_model},
    Route{"GET", "/spend/logs", IdRule::none, "", spend_logs},
};

// The path without its prefix and a trailing slash.
std::string_view bare_path(std::string_view path) {
  for (const std::string_view prefix : {"/openai/v1", "/v1"}) {
    if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/')) {
      path.remove_prefix(prefix.size());
      break;
    }
  }
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The still encoded id; nullopt if the path is not the route's.
std::optional<std::string_view> match(const Route& route, std::string_view path) {
  if (route.id == IdRule::none) {
    return path == route.before ? std::optional<std::string_view>("") : std::nullopt;
  }
  if (!path.starts_with(route.before) || !path.ends_with(route.after) ||
      path.size() <= route.before.size() + route.after.size()) {
    return std::nullopt;
  }
  path.remove_prefix(route.before.size());
  path.remove_suffix(route.after.size());
  if (route.id == IdRule::one_segment && path.contains('/')) return std::nullopt;
  return path;
}

}  // namespace

Api::Api(Services services)
    : services_(services), started_at_(unix_seconds(services.clock.now())) {}

Awaitable<http::ServerResponse> Api::handle(http::ServerRequest request, http::BodyReader& body) {
  const auto begun = std::chrono::steady_clock::now();
  http::ServerResponse response = co_await route(request, body);
  if (services_.sandbox) response.headers.set("x-quarry-sandbox", "true");
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - begun);
  response.headers.set("openai-processing-ms", fmt::format("{}", took.count() / 1000));
  obs::log(response.status >= 500 ? obs::Level::warn : obs::Level::info, "request",
           {{"request_id", request.request_id},
            {"method", request.method},
            {"path", request.path},
            {"status", response.status},
            {"took_us", took.count()}});
  co_return response;
}

Awaitable<http::ServerResponse> Api::route(const http::ServerRequest& request,
                                           http::BodyReader& body) {
  const std::string_view path = bare_path(request.path);
  if (request.method == "GET" || request.method == "HEAD") {
    if (path == "/health/liveliness" || path == "/health/liveness") {
      co_return json_response(200, "I'm alive!");
    }
    if (path == "/health/readiness" || path == "/health") {
      co_return json_response(
          200,
          {{"status", "healthy"}, {"version", QUARRY_VERSION}, {"sandbox", services_.sandbox}});
    }
  }
  auto caller = services_.authenticator.authenticate(request.headers.get("Authorization"),
                                                     request.headers.get("api-key"));
  if (!caller) co_return unauthorized(caller.error());

  std::string allowed;
  for (const Route& candidate : kRoutes) {
    const auto encoded_id = match(candidate, path);
    if (!encoded_id) continue;
    if (candidate.method != request.method) {
      allowed += allowed.empty() ? candidate.method : fmt::format(", {}", candidate.method);
      continue;
    }
    auto id = percent_decode(*encoded_id);
    co_return co_await candidate.answer({services_, request, body, std::move(*caller),
                                         id.value_or(std::string(*encoded_id)), started_at_});
  }
  if (!allowed.empty()) {
    auto response =
        error_response(405, fmt::format("Not allowed to {} on {}.", request.method, request.path),
                       "invalid_request_error", "", "method_not_allowed");
    response.headers.set("Allow", allowed);
    co_return response;
  }
  co_return error_response(404, fmt::format("Invalid URL ({} {})", request.method, request.path),
                           "invalid_request_error", "", "unknown_url");
}

http::ServerResponse Api::refuse(int status, std::string_view why, const std::string& request_id) {
  obs::info("request refused", {{"request_id", request_id}, {"status", status}, {"why", why}});
  auto response =
      error_response(status, why, status >= 500 ? "server_error" : "invalid_request_error", "", "");
  if (status == 503) response.headers.set("Retry-After", "2");
  return response;
}

http::ServerResponse json_response(int status, const boost::json::value& value) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("Content-Type", "application/json");
  response.body = boost::json::serialize(value);
  return response;
}

Task<std::string> read_small_body(http::BodyReader& body) {
  std::string text;
  while (true) {
    auto chunk = co_await body.read();
    if (!chunk) co_return fail(std::move(chunk.error()));
    if (chunk->empty()) co_return text;
    if (text.size() + chunk->size() > kSmallBodyBytesMax) {
      co_return fail(
          Error(Errc::invalid_request,
                fmt::format("The request body is larger than {} bytes.", kSmallBodyBytesMax))
              .reason("body_too_large"));
    }
    text += as_text(*chunk);
  }
}

}  // namespace quarry::api
