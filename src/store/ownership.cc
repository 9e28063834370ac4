#include "store/ownership.h"

#include "store/ownership_columns.h"
#include "store/session.h"

namespace quarry::store {

std::string owner_of_key(const std::string& key_hash) { return "key:" + key_hash; }

bool sees(const Viewer& viewer, const Ownership& of) {
  return viewer.all || viewer.owner == of.owner ||
         (!viewer.key_owner.empty() && viewer.key_owner == of.owner) ||
         (viewer.team_id && viewer.team_id == of.team_id);
}

Ownership ownership_of(const soci::row& row) {
  Ownership by;
  by.owner = text(row, "owner");
  if (row.get_indicator("team_id") != soci::i_null) by.team_id = text(row, "team_id");
  by.key_hash = text(row, "key_hash");
  by.user_id = text(row, "user_id");
  return by;
}

Columns& add_ownership(Columns& columns, const Ownership& by) {
  return columns.add("owner", by.owner)
      .add("team_id", by.team_id)
      .add("key_hash", by.key_hash)
      .add("user_id", by.user_id);
}

// Nothing equals NULL, so who has no team sees nobody's team.
Sight::Sight(const Viewer& viewer)
    : condition(viewer.all ? "(CAST(:viewer AS TEXT) IS NOT NULL OR CAST(:viewer_key AS TEXT) IS "
                             "NOT NULL OR CAST(:viewer_team AS TEXT) IS NOT NULL)"
                           : "(owner = :viewer OR owner = :viewer_key OR team_id = :viewer_team)"),
      owner(viewer.owner),
      key_owner(viewer.key_owner.empty() ? viewer.owner : viewer.key_owner),
      team_id(viewer.team_id.value_or("")),
      team_indicator(viewer.team_id ? soci::i_ok : soci::i_null) {}

}  // namespace quarry::store
