#include "api/gate.h"

#include "api/errors.h"

#include <fmt/format.h>

#include <chrono>

namespace quarry::api {
namespace {

// Never 0: who waits for it must not come too early.
std::chrono::seconds seconds_until_reset(const access::RequestRate::Standing& standing) {
  return std::max(std::chrono::seconds(1),
                  std::chrono::ceil<std::chrono::seconds>(standing.until_reset));
}

}  // namespace

Result<void> check_gate(Gate gate, const access::Caller& caller, bool open_server) {
  const bool of_keys = gate == Gate::own_key || gate == Gate::key_admin;
  if (of_keys && open_server) {
    return fail(Error(Errc::invalid_request,
                      "This server has no master key, so there are no virtual keys and no teams. "
                      "hint: set general_settings.master_key in its configuration.")
                    .reason("no_master_key"));
  }
  if (gate == Gate::key_admin && !caller.admin()) {
    return fail(Error(Errc::denied, "Only the master key may do this.").reason("admin_only"));
  }
  return {};
}

http::ServerResponse rate_limited(const access::RequestRate::Standing& standing) {
  const std::int64_t seconds = seconds_until_reset(standing).count();
  auto response = error_response(
      429,
      fmt::format("Rate limit reached for {}: {} requests a minute. Please try again in {}s.",
                  standing.whose, standing.limit, seconds),
      "requests", "", "rate_limit_exceeded");
  response.headers.set("Retry-After", fmt::format("{}", seconds));
  add_rate_headers(response, standing);
  return response;
}

void add_rate_headers(http::ServerResponse& response,
                      const access::RequestRate::Standing& standing) {
  response.headers.set("x-ratelimit-limit-requests", fmt::format("{}", standing.limit));
  response.headers.set("x-ratelimit-remaining-requests",
                       fmt::format("{}", std::max<std::int64_t>(0, standing.remaining)));
  response.headers.set("x-ratelimit-reset-requests",
                       fmt::format("{}s", seconds_until_reset(standing).count()));
}

}  // namespace quarry::api
