#include "access/model_access.h"
#include "api/errors.h"
#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace quarry::api {
namespace {

boost::json::value model_object(const std::string& name, std::int64_t created) {
  return {{"id", name}, {"object", "model"}, {"created", created}, {"owned_by", "quarry"}};
}

// Those of the server that the caller may use, and those that its key or team names where the
// server has a wildcard for them. Sorted.
std::set<std::string> models_of(const Call& call) {
  std::set<std::string> names;
  const aws::DeploymentSet& served = call.services.deployments;
  for (std::string& name : served.model_names()) {
    if (access::may_use(call.caller, name)) names.insert(std::move(name));
  }
  if (call.caller.admin()) return names;
  const auto add_named = [&](const access::Grant& grant) {
    for (const std::string& name : grant.models) {
      const bool is_one = !name.contains('*') && served.has(name);
      if (is_one && access::may_use(call.caller, name)) names.insert(name);
    }
  };
  add_named(call.caller.key->grant);
  if (call.caller.key->team) add_named(call.caller.key->team->grant);
  return names;
}

}  // namespace

Answer list_models(Call call) {
  boost::json::array data;
  for (const std::string& name : models_of(call)) {
    data.push_back(model_object(name, call.started_at));
  }
  co_return json_response(200, {{"object", "list"}, {"data", std::move(data)}});
}

Answer get_model(Call call) {
  const std::vector<std::string> names = call.services.deployments.model_names();
  // A wildcard is listed under the name with its star. What may not be used is as if it were not.
  const bool served =
      call.services.deployments.has(call.id) || std::ranges::find(names, call.id) != names.end();
  if (!served || !access::may_use(call.caller, call.id)) {
    co_return error_response(404, fmt::format("The model '{}' does not exist", call.id),
                             "invalid_request_error", "model", "model_not_found");
  }
  co_return json_response(200, model_object(call.id, call.started_at));
}

}  // namespace quarry::api
