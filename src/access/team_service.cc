#include "access/team_service.h"

#include "base/ids.h"
#include "obs/log.h"

namespace quarry::access {
namespace {

Error no_such_team(const std::string& team_id) {
  return Error(Errc::not_found, "There is no team '" + team_id + "'.").param("team_id");
}

}  // namespace

Task<TeamView> TeamService::create(TeamRequest request) {
  const std::int64_t now = now_s();
  store::TeamRow row;
  row.team_id = request.team_id.value_or(random_hex128());
  if (request.team_alias) row.team_alias = request.team_alias->value_or("");
  row.grant.created_at = now;
  row.grant.budget_began = now;
  apply(request.grant, now, row.grant);
  auto inserted = co_await store_.insert_team(row);
  if (!inserted) co_return fail(as_bad_request(std::move(inserted.error())));
  obs::info("team made", {{"team_id", row.team_id}});
  const auto reset_at = budget_reset_at(row.grant, now);
  co_return TeamView{std::move(row), 0, reset_at};
}

Task<TeamView> TeamService::view_of(store::TeamRow row) {
  std::vector<store::TeamRow> one;
  one.push_back(std::move(row));
  auto seen = co_await views(std::move(one));
  if (!seen) co_return fail(std::move(seen.error()));
  co_return std::move(seen->front());
}

Task<TeamView> TeamService::change(std::optional<std::string> team_id,
                                   std::function<void(store::TeamRow&)> change) {
  if (!team_id) {
    co_return fail(Error(Errc::invalid_request, "Missing required parameter: 'team_id'.")
                       .param("team_id")
                       .reason("missing_required_parameter"));
  }
  auto row = co_await store_.update_team(std::move(*team_id), std::move(change));
  directory_.forget_all();
  if (!row) co_return fail(std::move(row.error()));
  obs::info("team changed", {{"team_id", row->team_id}, {"blocked", row->grant.blocked}});
  co_return co_await view_of(std::move(*row));
}

Task<TeamView> TeamService::update(TeamRequest request) {
  const auto change_row = [request, now = now_s()](store::TeamRow& row) {
    if (request.team_alias) row.team_alias = request.team_alias->value_or("");
    apply(request.grant, now, row.grant);
  };
  co_return co_await change(request.team_id, change_row);
}

Task<TeamView> TeamService::set_blocked(TeamRequest request, bool blocked) {
  const auto change_row = [blocked, now = now_s()](store::TeamRow& row) {
    row.grant.blocked = blocked;
    row.grant.updated_at = now;
  };
  co_return co_await change(request.team_id, change_row);
}

Task<TeamView> TeamService::find(std::string team_id) {
  auto row = co_await store_.find_team(team_id);
  if (!row) co_return fail(std::move(row.error()));
  if (!*row) co_return fail(no_such_team(team_id));
  co_return co_await view_of(std::move(**row));
}

Task<std::vector<TeamView>> TeamService::list() {
  auto rows = co_await store_.teams();
  if (!rows) co_return fail(std::move(rows.error()));
  co_return co_await views(std::move(*rows));
}

Task<store::KeyStore::Removed> TeamService::remove(std::vector<std::string> team_ids) {
  auto removed = co_await store_.remove_teams(team_ids);
  if (!removed) co_return fail(std::move(removed.error()));
  directory_.forget_all();
  if (removed->team_ids.empty()) co_return fail(no_such_team(team_ids.front()));
  for (const std::string& id : removed->team_ids) obs::info("team deleted", {{"team_id", id}});
  co_return removed;
}

Task<std::vector<TeamView>> TeamService::views(std::vector<store::TeamRow> rows) {
  const std::int64_t now = now_s();
  std::vector<store::Admission::Ask> asks;
  for (const store::TeamRow& row : rows) {
    asks.push_back({store::Party::team, row.team_id, spent_since(row.grant, now)});
  }
  auto spent = co_await store_.spent(std::move(asks));
  if (!spent) co_return fail(std::move(spent.error()));
  std::vector<TeamView> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto reset_at = budget_reset_at(rows[i].grant, now);
    out.push_back({std::move(rows[i]), (*spent)[i], reset_at});
  }
  co_return out;
}

}  // namespace quarry::access
