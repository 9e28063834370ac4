#include "api/grant_objects.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <chrono>

namespace quarry::api {
namespace {

namespace json = boost::json;

constexpr double kNanoPerUsd = 1e9;

json::value time_or_null(const std::optional<std::int64_t>& unix_s) {
  if (!unix_s) return nullptr;
  return json::value_from(iso8601(SysTime(std::chrono::seconds(*unix_s))));
}

json::value usd_or_null(const std::optional<std::int64_t>& nano_usd) {
  if (!nano_usd) return nullptr;
  return static_cast<double>(*nano_usd) / kNanoPerUsd;
}

json::value number_or_null(const std::optional<std::int64_t>& number) {
  if (!number) return nullptr;
  return *number;
}

json::value text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return json::value_from(text);
}

template <class Row>
void add_grant(json::object& object, const access::View<Row>& view) {
  const store::GrantColumns& grant = view.row.grant;
  object["models"] = json::value_from(grant.models);
  object["metadata"] = json::parse(grant.metadata_json);
  object["spend"] = usd_or_null(view.spent_nano_usd);
  object["max_budget"] = usd_or_null(grant.max_budget_nano_usd);
  object["budget_duration"] = text_or_null(grant.budget_duration);
  object["budget_reset_at"] = time_or_null(view.budget_reset_at);
  object["rpm_limit"] = number_or_null(grant.rpm_limit);
  object["tpm_limit"] = number_or_null(grant.tpm_limit);
  object["max_parallel_requests"] = number_or_null(grant.max_parallel_requests);
  object["blocked"] = grant.blocked;
  object["created_at"] = time_or_null(grant.created_at);
  object["updated_at"] = time_or_null(grant.updated_at);
}

}  // namespace

json::object key_object(const access::KeyView& key) {
  const store::KeyRow& row = key.row;
  json::object object{{"token", row.key_hash},
                      {"key_name", row.key_name},
                      {"key_alias", text_or_null(row.key_alias.value_or(""))},
                      {"user_id", text_or_null(row.user_id)},
                      {"team_id", text_or_null(row.team_id.value_or(""))},
                      {"expires", time_or_null(row.expires_at)}};
  add_grant(object, key);
  // LiteLLM's clients read these too.
  object["aliases"] = json::object();
  object["config"] = json::object();
  object["permissions"] = json::object();
  return object;
}

json::object team_object(const access::TeamView& team) {
  json::object object{{"team_id", team.row.team_id},
                      {"team_alias", text_or_null(team.row.team_alias)}};
  add_grant(object, team);
  object["admins"] = json::array();
  object["members"] = json::array();
  object["members_with_roles"] = json::array();
  return object;
}

void add_warnings(json::object& object, const std::vector<std::string>& ignored) {
  if (ignored.empty()) return;
  json::array warnings;
  for (const std::string& name : ignored) {
    warnings.emplace_back(fmt::format("'{}' does nothing here", name));
  }
  object["warnings"] = std::move(warnings);
}

}  // namespace quarry::api
