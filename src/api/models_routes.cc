#include "api/errors.h"
#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace quarry::api {
namespace {

boost::json::value model_object(const std::string& name, std::int64_t created) {
  return {{"id", name}, {"object", "model"}, {"created", created}, {"owned_by", "quarry"}};
}

}  // namespace

Answer list_models(Call call) {
  boost::json::array data;
  for (const std::string& name : call.services.deployments.model_names()) {
    data.push_back(model_object(name, call.started_at));
  }
  co_return json_response(200, {{"object", "list"}, {"data", std::move(data)}});
}

Answer get_model(Call call) {
  const std::vector<std::string> names = call.services.deployments.model_names();
  // A wildcard is listed under the name with its star.
  if (!call.services.deployments.has(call.id) && std::ranges::find(names, call.id) == names.end()) {
    co_return error_response(404, fmt::format("The model '{}' does not exist", call.id),
                             "invalid_request_error", "model", "model_not_found");
  }
  co_return json_response(200, model_object(call.id, call.started_at));
}

}  // namespace quarry::api
