#include "store/key_store.h"

#include "store/columns.h"
#include "store/session.h"

#include <boost/json.hpp>

namespace quarry::store {
namespace {

// Held by whoever adds or changes keys or teams: what must be unique, or be there, stays so until
// the transaction's end.
constexpr std::string_view kKeysLock = "keys";

constexpr const char* kGrantColumns =
    "models, metadata, max_budget_nano_usd, budget_duration, budget_began, rpm_limit, tpm_limit, "
    "max_parallel_requests, blocked, created_at, updated_at";
constexpr const char* kKeyColumns = "key_hash, key_name, key_alias, user_id, team_id, expires_at, ";
constexpr const char* kTeamColumns = "team_id, team_alias, ";

GrantColumns grant_of(const soci::row& row) {
  GrantColumns grant;
  grant.models =
      boost::json::value_to<std::vector<std::string>>(boost::json::parse(text(row, "models")));
  grant.metadata_json = text(row, "metadata");
  grant.max_budget_nano_usd = maybe_integer(row, "max_budget_nano_usd");
  grant.budget_duration = text(row, "budget_duration");
  grant.budget_began = integer(row, "budget_began");
  grant.rpm_limit = maybe_integer(row, "rpm_limit");
  grant.tpm_limit = maybe_integer(row, "tpm_limit");
  grant.max_parallel_requests = maybe_integer(row, "max_parallel_requests");
  grant.blocked = integer(row, "blocked") != 0;
  grant.created_at = integer(row, "created_at");
  grant.updated_at = integer(row, "updated_at");
  return grant;
}

Columns& add_grant(Columns& columns, const GrantColumns& grant) {
  return columns.add("models", boost::json::serialize(boost::json::value_from(grant.models)))
      .add("metadata", grant.metadata_json)
      .add("max_budget_nano_usd", grant.max_budget_nano_usd)
      .add("budget_duration", grant.budget_duration)
      .add("budget_began", grant.budget_began)
      .add("rpm_limit", grant.rpm_limit)
      .add("tpm_limit", grant.tpm_limit)
      .add("max_parallel_requests", grant.max_parallel_requests)
      .add("blocked", std::int64_t{grant.blocked})
      .add("created_at", grant.created_at)
      .add("updated_at", grant.updated_at);
}

std::optional<std::string> maybe_text(const soci::row& row, const char* column) {
  if (row.get_indicator(column) == soci::i_null) return std::nullopt;
  return text(row, column);
}

KeyRow key_of(const soci::row& row) {
  KeyRow key;
  key.key_hash = text(row, "key_hash");
  key.key_name = text(row, "key_name");
  key.key_alias = maybe_text(row, "key_alias");
  key.user_id = text(row, "user_id");
  key.team_id = maybe_text(row, "team_id");
  key.expires_at = maybe_integer(row, "expires_at");
  key.grant = grant_of(row);
  return key;
}

Columns& add_key(Columns& columns, const KeyRow& key) {
  columns.add("key_name", key.key_name)
      .add("key_alias", key.key_alias)
      .add("user_id", key.user_id)
      .add("team_id", key.team_id)
      .add("expires_at", key.expires_at);
  return add_grant(columns, key.grant);
}

TeamRow team_of(const soci::row& row) {
  return {text(row, "team_id"), text(row, "team_alias"), grant_of(row)};
}

std::optional<KeyRow> load_key(soci::session& sql, const char* column, const std::string& value) {
  soci::row row;
  sql << "SELECT " << kKeyColumns << kGrantColumns << " FROM api_keys WHERE " << column << " = :id",
      soci::use(value), soci::into(row);
  if (!sql.got_data()) return std::nullopt;
  return key_of(row);
}

std::optional<TeamRow> load_team(soci::session& sql, const std::string& team_id) {
  soci::row row;
  sql << "SELECT " << kTeamColumns << kGrantColumns << " FROM teams WHERE team_id = :id",
      soci::use(team_id), soci::into(row);
  if (!sql.got_data()) return std::nullopt;
  return team_of(row);
}

// What the other rows say against this one.
Result<void> check_key(soci::session& sql, const KeyRow& key) {
  if (key.key_alias) {
    const auto holder = load_key(sql, "key_alias", *key.key_alias);
    if (holder && holder->key_hash != key.key_hash) {
      return fail(Error(Errc::conflict,
                        "There is a key with the key_alias '" + *key.key_alias + "' already.")
                      .param("key_alias"));
    }
  }
  if (key.team_id && !load_team(sql, *key.team_id)) {
    return fail(
        Error(Errc::not_found, "There is no team '" + *key.team_id + "'.").param("team_id"));
  }
  return {};
}

// Whether something is left of a key or a team of that id. What it made stays when it goes, and
// would be the next one's of the same id: its to see, and its budget's to pay.
bool was_used(soci::session& sql, const char* column, const std::string& id) {
  for (const char* table : {"files", "batches", "uploads", "job_costs"}) {
    int found = 0;
    sql << "SELECT 1 FROM " << table << " WHERE " << column << " = :id LIMIT 1", soci::use(id),
        soci::into(found);
    if (sql.got_data()) return true;
  }
  return false;
}

// Whether there was one.
bool delete_row(soci::session& sql, const char* table, const char* column, const std::string& id) {
  soci::statement remove =
      (sql.prepare << "DELETE FROM " << table << " WHERE " << column << " = :id", soci::use(id));
  remove.execute(true);
  return remove.get_affected_rows() > 0;
}

std::int64_t spent_by(soci::session& sql, const Admission::Ask& ask) {
  if (!ask.spent_since || ask.party == Party::model) return 0;
  long long sum = 0;
  sql << "SELECT COALESCE(CAST(SUM(cost_nano_usd) AS BIGINT), 0) FROM job_costs WHERE "
      << (ask.party == Party::key ? "key_hash" : "team_id") << " = :id AND collected_at >= :since",
      soci::use(ask.id), soci::use(*ask.spent_since), soci::into(sum);
  return sum;
}

}  // namespace

Task<void> KeyStore::insert(KeyRow key) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock(sql, kKeysLock);
    if (load_key(sql, "key_hash", key.key_hash)) {
      return fail(Error(Errc::conflict, "This key exists already.").param("key"));
    }
    if (was_used(sql, "key_hash", key.key_hash)) {
      return fail(Error(Errc::conflict,
                        "This key was used before and deleted; its files and bills are still "
                        "there. hint: choose another key, or leave it away and one is made.")
                      .param("key"));
    }
    if (auto checked = check_key(sql, key); !checked) return checked;
    Columns columns;
    add_key(columns.add("key_hash", key.key_hash), key).insert_into(sql, "api_keys");
    return {};
  });
}

Task<KeyRow> KeyStore::update(std::string key_hash, std::function<void(KeyRow&)> change) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<KeyRow> {
    lock(sql, kKeysLock);
    auto key = load_key(sql, "key_hash", key_hash);
    if (!key) return fail(Error(Errc::not_found, "There is no such key.").param("key"));
    change(*key);
    if (auto checked = check_key(sql, *key); !checked) return fail(std::move(checked.error()));
    Columns columns;
    Columns which;
    which.add("key_hash", key_hash);
    add_key(columns, *key).update(sql, "api_keys", which);
    return std::move(*key);
  });
}

Task<std::optional<KeyRow>> KeyStore::find(std::string key_hash) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::optional<KeyRow>> {
    return load_key(sql, "key_hash", key_hash);
  });
}

Task<std::optional<KeyRow>> KeyStore::find_by_alias(std::string alias) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::optional<KeyRow>> {
    return load_key(sql, "key_alias", alias);
  });
}

Task<std::optional<KeyStore::Membership>> KeyStore::find_with_team(std::string key_hash) {
  co_return co_await transact(database_,
                              [&](soci::session& sql) -> Result<std::optional<Membership>> {
                                auto key = load_key(sql, "key_hash", key_hash);
                                if (!key) return std::nullopt;
                                Membership found{std::move(*key), std::nullopt};
                                if (found.key.team_id) {
                                  found.team = load_team(sql, *found.key.team_id);
                                }
                                return found;
                              });
}

Task<KeyStore::Listed> KeyStore::list(Query query) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Listed> {
    const int any_user = query.user_id.empty() ? 1 : 0;
    const int any_team = query.team_id.empty() ? 1 : 0;
    const int any_alias = query.key_alias.empty() ? 1 : 0;
    const int any_hash = query.key_hash.empty() ? 1 : 0;
    constexpr const char* kWhere =
        " FROM api_keys WHERE (:any_user = 1 OR user_id = :user) AND (:any_team = 1 OR team_id = "
        ":team) AND (:any_alias = 1 OR key_alias = :alias) AND (:any_hash = 1 OR key_hash = :hash)";
    Listed listed;
    long long total = 0;
    sql << "SELECT COUNT(*)" << kWhere, soci::use(any_user), soci::use(query.user_id),
        soci::use(any_team), soci::use(query.team_id), soci::use(any_alias),
        soci::use(query.key_alias), soci::use(any_hash), soci::use(query.key_hash),
        soci::into(total);
    listed.total = total;
    const soci::rowset<soci::row> rows =
        (sql.prepare << "SELECT " << kKeyColumns << kGrantColumns << kWhere
                     << " ORDER BY created_at DESC, key_hash LIMIT :limit OFFSET :offset",
         soci::use(any_user), soci::use(query.user_id), soci::use(any_team),
         soci::use(query.team_id), soci::use(any_alias), soci::use(query.key_alias),
         soci::use(any_hash), soci::use(query.key_hash), soci::use(query.limit),
         soci::use(query.offset));
    for (const soci::row& row : rows) listed.keys.push_back(key_of(row));
    return listed;
  });
}

Task<std::vector<std::string>> KeyStore::remove(std::vector<std::string> key_hashes) {
  co_return co_await transact(database_,
                              [&](soci::session& sql) -> Result<std::vector<std::string>> {
                                lock(sql, kKeysLock);
                                std::vector<std::string> removed;
                                for (const std::string& hash : key_hashes) {
                                  if (delete_row(sql, "api_keys", "key_hash", hash)) {
                                    removed.push_back(hash);
                                  }
                                }
                                return removed;
                              });
}

Task<void> KeyStore::insert_team(TeamRow team) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock(sql, kKeysLock);
    if (load_team(sql, team.team_id)) {
      return fail(Error(Errc::conflict, "There is a team '" + team.team_id + "' already.")
                      .param("team_id"));
    }
    if (was_used(sql, "team_id", team.team_id)) {
      return fail(Error(Errc::conflict, "The team_id '" + team.team_id +
                                            "' was used before and deleted; its files and bills "
                                            "are still there. hint: choose another team_id.")
                      .param("team_id"));
    }
    Columns columns;
    columns.add("team_id", team.team_id).add("team_alias", team.team_alias);
    add_grant(columns, team.grant).insert_into(sql, "teams");
    return {};
  });
}

Task<TeamRow> KeyStore::update_team(std::string team_id, std::function<void(TeamRow&)> change) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<TeamRow> {
    lock(sql, kKeysLock);
    auto team = load_team(sql, team_id);
    if (!team) {
      return fail(Error(Errc::not_found, "There is no team '" + team_id + "'.").param("team_id"));
    }
    change(*team);
    Columns columns;
    Columns which;
    which.add("team_id", team_id);
    columns.add("team_alias", team->team_alias);
    add_grant(columns, team->grant).update(sql, "teams", which);
    return std::move(*team);
  });
}

Task<std::optional<TeamRow>> KeyStore::find_team(std::string team_id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::optional<TeamRow>> {
    return load_team(sql, team_id);
  });
}

Task<std::vector<TeamRow>> KeyStore::teams() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<TeamRow>> {
    std::vector<TeamRow> teams;
    const soci::rowset<soci::row> rows =
        (sql.prepare << "SELECT " << kTeamColumns << kGrantColumns
                     << " FROM teams ORDER BY created_at DESC, team_id");
    for (const soci::row& row : rows) teams.push_back(team_of(row));
    return teams;
  });
}

Task<KeyStore::Removed> KeyStore::remove_teams(std::vector<std::string> team_ids) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Removed> {
    lock(sql, kKeysLock);
    Removed removed;
    for (const std::string& team_id : team_ids) {
      const soci::rowset<std::string> hashes =
          (sql.prepare << "SELECT key_hash FROM api_keys WHERE team_id = :id ORDER BY key_hash",
           soci::use(team_id));
      removed.key_hashes.insert(removed.key_hashes.end(), hashes.begin(), hashes.end());
      delete_row(sql, "api_keys", "team_id", team_id);
      if (delete_row(sql, "teams", "team_id", team_id)) removed.team_ids.push_back(team_id);
    }
    return removed;
  });
}

Task<std::vector<std::int64_t>> KeyStore::spent(std::vector<Admission::Ask> asks) {
  co_return co_await transact(database_,
                              [&](soci::session& sql) -> Result<std::vector<std::int64_t>> {
                                std::vector<std::int64_t> spent;
                                spent.reserve(asks.size());
                                for (const Admission::Ask& ask : asks) {
                                  spent.push_back(spent_by(sql, ask));
                                }
                                return spent;
                              });
}

}  // namespace quarry::store
