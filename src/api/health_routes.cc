#include "api/errors.h"
#include "api/health.h"
#include "api/routes.h"
#include "obs/metrics.h"

#include <boost/json.hpp>

namespace quarry::api {
namespace {

boost::json::object to_json(const Dependency& dependency) {
  boost::json::object object{{"name", dependency.name},
                             {"status", dependency.healthy ? "healthy" : "unhealthy"},
                             {"latency_ms", dependency.latency.count()}};
  if (!dependency.model.empty()) object["model"] = dependency.model;
  if (!dependency.healthy) object["error"] = dependency.reason;
  return object;
}

}  // namespace

Answer get_liveliness(Call) { co_return json_response(200, "I'm alive!"); }

Answer get_readiness(Call call) {
  const Readiness now = co_await call.services.health.readiness();
  boost::json::object body{{"status", now.ready() ? "healthy" : "unhealthy"},
                           {"db", now.database ? "connected" : "not connected"},
                           {"version", QUARRY_VERSION},
                           {"sandbox", call.services.sandbox}};
  if (!now.ready()) body["error"] = now.reason;
  co_return json_response(now.ready() ? 200 : 503, body);
}

// LiteLLM's shape, and beside it the dependencies that are of no model. Which models there are is
// not for every key to know.
Answer get_health(Call call) {
  const auto dependencies = co_await call.services.health.dependencies();
  boost::json::array healthy, unhealthy, others;
  bool all = !call.services.serving.draining;
  for (const Dependency& one : dependencies) {
    all = all && one.healthy;
    if (one.model.empty()) {
      others.push_back(to_json(one));
    } else {
      (one.healthy ? healthy : unhealthy).push_back(to_json(one));
    }
  }
  boost::json::object body{
      {"status", all ? "healthy" : "unhealthy"}, {"version", QUARRY_VERSION},
      {"sandbox", call.services.sandbox},        {"draining", call.services.serving.draining},
      {"dependencies", std::move(others)},       {"healthy_count", healthy.size()},
      {"unhealthy_count", unhealthy.size()}};
  if (call.caller.admin()) {
    body["healthy_endpoints"] = std::move(healthy);
    body["unhealthy_endpoints"] = std::move(unhealthy);
  }
  co_return json_response(200, body);
}

Answer get_metrics(Call call) {
  co_await call.services.health.refresh_gauges();
  if (call.services.sample_gauges) call.services.sample_gauges();
  http::ServerResponse response;
  response.headers.set("Content-Type", std::string(obs::kMetricsContentType));
  response.body = obs::metrics_text();
  co_return response;
}

}  // namespace quarry::api
