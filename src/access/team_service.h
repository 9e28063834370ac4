#pragma once
// What administrators do with teams. A team's keys see what all of them make, and share its budget
// and limits.

#include "access/key_directory.h"
#include "access/key_service.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace quarry::access {

using TeamView = View<store::TeamRow>;

// Loop thread. What it is given outlives it. Errors of every call: internal (database).
class TeamService {
 public:
  TeamService(store::KeyStore& store, KeyDirectory& directory, const Clock& clock)
      : store_(store), directory_(directory), clock_(clock) {}

  // Without a team_id one is made. Errors: invalid_request (it is taken).
  Task<TeamView> create(TeamRequest request);
  // Errors: invalid_request (no team_id), not_found.
  Task<TeamView> update(TeamRequest request);
  Task<TeamView> set_blocked(TeamRequest request, bool blocked);
  Task<TeamView> find(std::string team_id);
  Task<std::vector<TeamView>> list();  // newest first
  // With their keys. Errors: not_found (none of them).
  Task<store::KeyStore::Removed> remove(std::vector<std::string> team_ids);

 private:
  Task<TeamView> change(std::optional<std::string> team_id,
                        std::function<void(store::TeamRow&)> change);
  Task<TeamView> view_of(store::TeamRow row);
  Task<std::vector<TeamView>> views(std::vector<store::TeamRow> rows);
  std::int64_t now_s() const { return unix_seconds(clock_.now()); }

  store::KeyStore& store_;
  KeyDirectory& directory_;
  const Clock& clock_;
};

}  // namespace quarry::access
