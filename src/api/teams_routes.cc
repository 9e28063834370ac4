#include "access/team_service.h"
#include "api/errors.h"
#include "api/grant_objects.h"
#include "api/query.h"
#include "api/routes.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t kKeysOfTeamMax = 1'000;

Task<access::TeamRequest> read_request(http::BodyReader& body) {
  auto text = co_await read_small_body(body);
  if (!text) co_return fail(std::move(text.error()));
  co_return access::parse_team_request(*text);
}

Answer set_blocked(Call call, bool blocked) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  auto team = co_await call.services.teams.set_blocked(std::move(*request), blocked);
  if (!team) co_return error_response(team.error(), call.request.request_id);
  co_return json_response(200, team_object(*team));
}

}  // namespace

Answer new_team(Call call) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  const std::vector<std::string> ignored = request->ignored;
  auto team = co_await call.services.teams.create(std::move(*request));
  if (!team) co_return error_response(team.error(), call.request.request_id);
  json::object object = team_object(*team);
  add_warnings(object, ignored);
  co_return json_response(200, object);
}

Answer update_team(Call call) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  const std::vector<std::string> ignored = request->ignored;
  auto team = co_await call.services.teams.update(std::move(*request));
  if (!team) co_return error_response(team.error(), call.request.request_id);
  json::object object{{"team_id", team->row.team_id}, {"data", team_object(*team)}};
  add_warnings(object, ignored);
  co_return json_response(200, object);
}

// Teams that were not there are a warning, as keys are.
Answer delete_teams(Call call) {
  auto body = co_await read_small_body(call.body);
  if (!body) co_return error_response(body.error(), call.request.request_id);
  auto ids = access::parse_delete_teams(*body);
  if (!ids) co_return error_response(ids.error(), call.request.request_id);
  auto removed = co_await call.services.teams.remove(*ids);
  if (!removed) co_return error_response(removed.error(), call.request.request_id);
  json::array warnings;
  for (const std::string& id : *ids) {
    if (std::ranges::find(removed->team_ids, id) != removed->team_ids.end()) continue;
    warnings.emplace_back(fmt::format("there is no team '{}'", id));
  }
  json::object object{{"deleted_teams", json::value_from(removed->team_ids)},
                      {"deleted_keys", json::value_from(removed->key_hashes)}};
  if (!warnings.empty()) object["warnings"] = std::move(warnings);
  co_return json_response(200, object);
}

Answer block_team(Call call) { co_return co_await set_blocked(std::move(call), true); }

Answer unblock_team(Call call) { co_return co_await set_blocked(std::move(call), false); }

Answer team_info(Call call) {
  const auto parameters = parse_query(call.request.query);
  const auto named = parameters.find("team_id");
  if (named == parameters.end() || named->second.empty()) {
    co_return error_response(400, "Missing required parameter: 'team_id'.", "invalid_request_error",
                             "team_id", "missing_required_parameter");
  }
  auto team = co_await call.services.teams.find(named->second);
  if (!team) co_return error_response(team.error(), call.request.request_id);
  store::KeyStore::Query query;
  query.team_id = named->second;
  query.limit = kKeysOfTeamMax;
  auto keys = co_await call.services.keys.list(std::move(query), true);
  if (!keys) co_return error_response(keys.error(), call.request.request_id);
  json::array objects;
  for (const access::KeyView& key : keys->keys) objects.push_back(key_object(key));
  co_return json_response(200, {{"team_id", team->row.team_id},
                                {"team_info", team_object(*team)},
                                {"keys", std::move(objects)},
                                {"team_memberships", json::array()}});
}

Answer list_teams(Call call) {
  auto teams = co_await call.services.teams.list();
  if (!teams) co_return error_response(teams.error(), call.request.request_id);
  json::array objects;
  for (const access::TeamView& team : *teams) objects.push_back(team_object(team));
  co_return json_response(200, objects);
}

}  // namespace quarry::api
