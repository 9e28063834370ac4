#pragma once
// For this room's .cc files only: ownership as columns, and what a viewer may see as a condition.

#include "store/columns.h"
#include "store/ownership.h"

#include <soci/soci.h>

namespace quarry::store {

inline constexpr const char* kOwnershipColumns = "owner, team_id, key_hash, user_id";

Ownership ownership_of(const soci::row& row);
Columns& add_ownership(Columns& columns, const Ownership& by);

// A condition on a table with those columns, of three values that are bound in order:
//   sql << "… WHERE " << sight.condition << " AND …", soci::use(sight.owner),
//       soci::use(sight.key_owner), soci::use(sight.team_id, sight.team_indicator), …
// It must live until the statement has run.
struct Sight {
  explicit Sight(const Viewer& viewer);
  const char* condition;
  std::string owner;
  std::string key_owner;
  std::string team_id;
  soci::indicator team_indicator;
};

}  // namespace quarry::store
