#pragma once
// What a key and its team may do, made of their rows. Pure.

#include "access/caller.h"
#include "config/batch_limits.h"
#include "store/key_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace quarry::access {

// A limit as it is written: in a key's or team's metadata, as LiteLLM has it, and at the top level
// of a request too.
struct LimitName {
  std::string_view name;
  std::optional<std::int64_t> Limits::* limit;
  std::int64_t most;      // that may be written
  std::int64_t unit = 1;  // what is written, in units of the limit
};
std::span<const LimitName> limit_names();

// Of general_settings: for keys that do not say otherwise.
Limits default_limits(const config::BatchLimits& settings);

// What in the metadata is no limit that could be written is none.
std::shared_ptr<const Team> team_of(const store::TeamRow& row);
// defaults: for what the key's metadata does not name; a team's limits hold beside the key's.
std::shared_ptr<const Key> key_of(const store::KeyRow& row,
                                  std::shared_ptr<const Team> team,
                                  const Limits& defaults);

// Whose is what the key makes.
store::Ownership ownership_of(const Key& key);

}  // namespace quarry::access
