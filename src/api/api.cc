#include "api/api.h"

#include "api/errors.h"
#include "api/gate.h"
#include "api/request_watch.h"
#include "api/routes.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "json/value_text.h"
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
  Gate gate = Gate::key;
  bool head = false;  // HEAD as GET
};

constexpr std::array kRoutes{
    Route{"GET", "/health/liveliness", IdRule::none, "", get_liveliness, Gate::open, true},
    Route{"GET", "/health/liveness", IdRule::none, "", get_liveliness, Gate::open, true},
    Route{"GET", "/health/readiness", IdRule::none, "", get_readiness, Gate::open, true},
    Route{"GET", "/health", IdRule::none, "", get_health, Gate::key, true},
    Route{"GET", "/metrics", IdRule::none, "", get_metrics, Gate::metrics, true},
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
    Route{"POST", "/key/generate", IdRule::none, "", generate_key, Gate::key_admin},
    Route{"POST", "/key/update", IdRule::none, "", update_key, Gate::key_admin},
    Route{"POST", "/key/delete", IdRule::none, "", delete_keys, Gate::key_admin},
    Route{"POST", "/key/block", IdRule::none, "", block_key, Gate::key_admin},
    Route{"POST", "/key/unblock", IdRule::none, "", unblock_key, Gate::key_admin},
    Route{"GET", "/key/info", IdRule::none, "", key_info, Gate::own_key},
    Route{"GET", "/key/list", IdRule::none, "", list_keys, Gate::key_admin},
    Route{"POST", "/team/new", IdRule::none, "", new_team, Gate::key_admin},
    Route{"POST", "/team/update", IdRule::none, "", update_team, Gate::key_admin},
    Route{"POST", "/team/delete", IdRule::none, "", delete_teams, Gate::key_admin},
    Route{"POST", "/team/block", IdRule::none, "", block_team, Gate::key_admin},
    Route{"POST", "/team/unblock", IdRule::none, "", unblock_team, Gate::key_admin},
    Route{"GET", "/team/info", IdRule::none, "", team_info, Gate::key_admin},
    Route{"GET", "/team/list", IdRule::none, "", list_teams, Gate::key_admin},
    Route{"GET", "/webhooks", IdRule::none, "", list_webhooks},
    Route{"GET", "/spend/logs", IdRule::none, "", spend_logs},
    Route{"GET", "/spend/keys", IdRule::none, "", spend_keys},
    Route{"GET", "/spend/models", IdRule::none, "", spend_models},
    Route{"GET", "/spend/teams", IdRule::none, "", spend_teams},
    Route{"GET", "/global/spend/report", IdRule::none, "", spend_report},
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

// What a request is for.
struct Found {
  const Route* route = nullptr;  // nullptr: none of that path and method
  std::string_view encoded_id;
  std::string allowed;               // methods that the path has, where it has not this one
  std::string_view label = "other";  // for the metrics: the pattern, whatever the method
};

// "/files/{id}/content" of each route, in their order.
const std::array<std::string, kRoutes.size()>& patterns() {
  static const auto all = [] {
    std::array<std::string, kRoutes.size()> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const Route& route = kRoutes[i];
      made[i] =
          fmt::format("{}{}{}", route.before, route.id == IdRule::none ? "" : "{id}", route.after);
    }
    return made;
  }();
  return all;
}

Found find_route(std::string_view method, std::string_view path) {
  Found found;
  for (std::size_t i = 0; i < kRoutes.size(); ++i) {
    const Route& candidate = kRoutes[i];
    const auto encoded_id = match(candidate, path);
    if (!encoded_id) continue;
    found.label = patterns()[i];
    if (candidate.method == method || (candidate.head && method == "HEAD")) {
      found.route = &candidate;
      found.encoded_id = *encoded_id;
      return found;
    }
    found.allowed +=
        found.allowed.empty() ? candidate.method : fmt::format(", {}", candidate.method);
  }
  return found;
}

http::ServerResponse no_such_route(const http::ServerRequest& request, const std::string& allowed) {
  if (allowed.empty()) {
    return error_response(404, fmt::format("Invalid URL ({} {})", request.method, request.path),
                          "invalid_request_error", "", "unknown_url");
  }
  auto response =
      error_response(405, fmt::format("Not allowed to {} on {}.", request.method, request.path),
                     "invalid_request_error", "", "method_not_allowed");
  response.headers.set("Allow", allowed);
  return response;
}

// Where the client sent one traceparent that is valid.
obs::RequestTrace trace_of(const http::ServerRequest& request) {
  if (request.headers.count("traceparent") != 1) return {};
  const auto from = obs::parse_traceparent(*request.headers.get("traceparent"));
  return from ? obs::begin_span(from, random_hex128()) : obs::RequestTrace{};
}

void log_request(const http::ServerRequest& request,
                 int status,
                 std::int64_t took_us,
                 const obs::RequestTrace& trace) {
  const auto level = status >= 500 ? obs::Level::warn : obs::Level::info;
  if (trace.trace_id.empty()) {
    obs::log(level, "request",
             {{"request_id", request.request_id},
              {"method", request.method},
              {"path", request.path},
              {"status", status},
              {"took_us", took_us}});
    return;
  }
  obs::log(level, "request",
           {{"request_id", request.request_id},
            {"method", request.method},
            {"path", request.path},
            {"status", status},
            {"took_us", took_us},
            {"trace_id", trace.trace_id},
            {"span_id", trace.span_id}});
}

// services and rate outlive it, as Api does its requests.
Answer answer(const Services& services,
              access::RequestRate& rate,
              std::int64_t started_at,
              const http::ServerRequest& request,
              http::BodyReader& body,
              const Found& found,
              const obs::RequestTrace& trace) {
  const Gate gate = found.route ? found.route->gate : Gate::key;
  access::Caller caller;
  std::optional<access::RequestRate::Standing> standing;
  if (gate != Gate::open && (gate != Gate::metrics || services.metrics_need_key)) {
    auto known = co_await services.authenticator.authenticate(request.headers.get("Authorization"),
                                                              request.headers.get("api-key"));
    if (!known) {
      co_return known.error().code() == Errc::forbidden
          ? unauthorized(known.error())
          : error_response(known.error(), request.request_id);
    }
    caller = std::move(*known);
    standing = rate.admit(caller, std::chrono::steady_clock::now());
    if (standing && !standing->admitted) co_return rate_limited(*standing);
  }
  http::ServerResponse response;
  if (!found.route) {
    response = no_such_route(request, found.allowed);
  } else if (auto open = check_gate(gate, caller, services.authenticator.open()); !open) {
    response = error_response(open.error(), request.request_id);
  } else {
    auto id = percent_decode(found.encoded_id);
    response = co_await found.route->answer({services, request, body, std::move(caller),
                                             id.value_or(std::string(found.encoded_id)), started_at,
                                             trace});
  }
  if (standing) add_rate_headers(response, *standing);
  co_return response;
}

}  // namespace

Api::Api(Services services)
    : services_(std::move(services)), started_at_(unix_seconds(services_.clock.now())) {}

Awaitable<http::ServerResponse> Api::handle(http::ServerRequest request, http::BodyReader& body) {
  RequestWatch watch(request, body);
  const obs::RequestTrace trace = trace_of(request);
  const std::string_view path = bare_path(request.path);
  const Found found = find_route(request.method, path);
  http::ServerResponse response =
      co_await answer(services_, rate_, started_at_, request, watch.body(), found, trace);
  if (services_.sandbox) response.headers.set("x-quarry-sandbox", "true");
  const std::int64_t took_us = watch.took().count();
  response.headers.set("openai-processing-ms", fmt::format("{}", took_us / 1000));
  watch.answered(response, found.label);
  log_request(request, response.status, took_us, trace);
  co_return response;
}

http::ServerResponse Api::refuse(int status, std::string_view why, const std::string& request_id) {
  count_refused(status);
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
  response.body = json::value_text(value);
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
