#pragma once
// Who is calling, and what they are allowed. Values; a Caller is copied along with its request.

#include "store/ownership.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::access {

// What is given to a key or to a team. Unset is unlimited.
struct Limits {
  std::optional<std::int64_t> files_per_day;  // uploads in a UTC day
  std::optional<std::int64_t> file_bytes, file_lines;
  std::optional<std::int64_t> open_batches;         // not yet ended
  std::optional<std::int64_t> enqueued_tokens;      // of open batches, in and out
  std::optional<std::int64_t> requests_per_minute;  // of the API, never of a batch's lines
};

struct Budget {
  std::int64_t max_nano_usd = 0;
  std::string duration;    // "" = for ever
  std::int64_t began = 0;  // Unix seconds: the first period
};

struct Grant {
  std::vector<std::string>
      models;  // public names, "*" and wildcards as model_name has them; empty = all
  Limits limits;
  std::optional<Budget> budget;
  bool blocked = false;
  std::string metadata_json = "{}";
};

struct Team {
  std::string id;
  std::string alias;
  Grant grant;
};

struct Key {
  std::string hash;
  std::string name;   // "sk-...1a2b"
  std::string alias;  // "" = none
  std::string user_id;
  std::optional<std::int64_t> expires_at;
  Grant grant;
  std::shared_ptr<const Team> team;  // nullptr = none
};

struct Caller {
  store::Ownership by;             // written to what this request makes
  std::shared_ptr<const Key> key;  // nullptr: the master key, or an open server

  bool admin() const { return key == nullptr; }
  store::Viewer viewer() const {
    return {by.owner, by.team_id, admin(),
            by.user_id.empty() ? std::string() : store::owner_of_key(by.key_hash)};
  }
};

}  // namespace quarry::access
