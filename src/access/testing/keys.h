#pragma once
// Keys and callers for tests.

#include "access/caller.h"
#include "store/key_store.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace quarry::testing {

inline std::shared_ptr<const access::Team> team_with(std::vector<std::string> models,
                                                     access::Limits limits = {}) {
  access::Team team;
  team.id = "team";
  team.grant.models = std::move(models);
  team.grant.limits = limits;
  return std::make_shared<const access::Team>(std::move(team));
}

inline access::Caller caller_with(std::vector<std::string> models,
                                  std::shared_ptr<const access::Team> team = nullptr,
                                  access::Limits limits = {}) {
  access::Key key;
  key.hash = "hash";
  key.name = "sk-...1a2b";
  key.grant.models = std::move(models);
  key.grant.limits = limits;
  key.team = std::move(team);
  return {.by = {}, .key = std::make_shared<const access::Key>(std::move(key))};
}

}  // namespace quarry::testing
