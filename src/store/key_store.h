#pragma once
// Virtual keys and teams. A key is known by the SHA-256 of its text; the text itself is nowhere.
// Errors of every call: internal (database).

#include "base/task.h"
#include "store/admission.h"
#include "store/database.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

// What keys and teams have in common. Times are Unix seconds.
struct GrantColumns {
  std::vector<std::string> models;  // public names; empty = all
  std::string metadata_json = "{}";
  std::optional<std::int64_t> max_budget_nano_usd;
  std::string budget_duration;    // "30d", as it was given; "" = for ever
  std::int64_t budget_began = 0;  // the first period's begin
  std::optional<std::int64_t> rpm_limit, tpm_limit, max_parallel_requests;
  bool blocked = false;
  std::int64_t created_at = 0, updated_at = 0;

  bool operator==(const GrantColumns&) const = default;
};

struct KeyRow {
  std::string key_hash;
  std::string key_name;                  // "sk-...1a2b"
  std::optional<std::string> key_alias;  // unique
  std::string user_id;                   // "" = none
  std::optional<std::string> team_id;
  std::optional<std::int64_t> expires_at;
  GrantColumns grant;

  bool operator==(const KeyRow&) const = default;
};

struct TeamRow {
  std::string team_id;
  std::string team_alias;
  GrantColumns grant;

  bool operator==(const TeamRow&) const = default;
};

class KeyStore {
 public:
  explicit KeyStore(Database& database) : database_(database) {}

  // Also: conflict (param key: there is one of that hash, or files, batches, uploads or costs of
  // one that is gone; param key_alias), not_found (param team_id: there is no such team).
  Task<void> insert(KeyRow key);
  // Reads the row, changes it and writes it in one transaction that no other change of keys or
  // teams comes between: two that change different fields both last. `change` runs on a thread of
  // the database's, may run more than once, and leaves the hash as it is. Gives the row as it is
  // then. Also: not_found (param key), conflict, not_found as above.
  Task<KeyRow> update(std::string key_hash, std::function<void(KeyRow&)> change);
  Task<std::optional<KeyRow>> find(std::string key_hash);
  Task<std::optional<KeyRow>> find_by_alias(std::string alias);
  // A key and the team it is of, as both were at one moment.
  struct Membership {
    KeyRow key;
    std::optional<TeamRow> team;
  };
  Task<std::optional<Membership>> find_with_team(std::string key_hash);
  struct Query {
    std::string user_id = {}, team_id = {}, key_alias = {}, key_hash = {};  // "" = any
    std::int64_t offset = 0, limit = 100;
  };
  struct Listed {
    std::vector<KeyRow> keys;  // newest first
    std::int64_t total = 0;
  };
  Task<Listed> list(Query query);
  // Gives the hashes that were there.
  Task<std::vector<std::string>> remove(std::vector<std::string> key_hashes);

  Task<void> insert_team(TeamRow team);  // also: conflict (param team_id: taken, or used before)
  // As update; `change` leaves the id as it is. Also: not_found (param team_id).
  Task<TeamRow> update_team(std::string team_id, std::function<void(TeamRow&)> change);
  Task<std::optional<TeamRow>> find_team(std::string team_id);
  Task<std::vector<TeamRow>> teams();
  // Teams go with their keys. Gives those that were there.
  struct Removed {
    std::vector<std::string> team_ids, key_hashes;
  };
  Task<Removed> remove_teams(std::vector<std::string> team_ids);

  // What the collected jobs of keys and teams cost, in nano-dollars, since a moment; in the order
  // of the questions. No `spent_since`, and a model: 0.
  Task<std::vector<std::int64_t>> spent(std::vector<Admission::Ask> asks);

 private:
  Database& database_;
};

}  // namespace quarry::store
