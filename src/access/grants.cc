#include "access/grants.h"

#include <boost/json.hpp>

#include <array>

namespace quarry::access {
namespace {

constexpr std::int64_t kCountMax = 1'000'000'000;
constexpr std::int64_t kTokensMax = 1'000'000'000'000'000;
constexpr std::int64_t kMegabytesMax = std::int64_t{1} << 24;

constexpr std::array<LimitName, 5> kLimitNames{{
    {"max_batch_file_uploads_per_day", &Limits::files_per_day, kCountMax},
    {"max_batch_file_size_mb", &Limits::file_bytes, kMegabytesMax, std::int64_t{1} << 20},
    {"max_batch_file_records", &Limits::file_lines, kCountMax},
    {"max_open_batches", &Limits::open_batches, kCountMax},
    {"batch_enqueued_token_limit", &Limits::enqueued_tokens, kTokensMax},
}};

void read_limits(const std::string& metadata_json, Limits& limits) {
  boost::system::error_code broken;
  const boost::json::value metadata = boost::json::parse(metadata_json, broken);
  if (broken || !metadata.is_object()) return;
  for (const LimitName& known : kLimitNames) {
    const boost::json::value* value = metadata.get_object().if_contains(known.name);
    if (!value || !value->is_int64()) continue;
    const std::int64_t number = value->get_int64();
    if (number >= 1 && number <= known.most) limits.*known.limit = number * known.unit;
  }
}

Grant grant_of(const store::GrantColumns& row, const Limits& defaults) {
  Grant grant;
  grant.models = row.models;
  grant.limits = defaults;
  read_limits(row.metadata_json, grant.limits);
  grant.limits.requests_per_minute = row.rpm_limit;
  if (row.max_budget_nano_usd) {
    grant.budget = Budget{*row.max_budget_nano_usd, row.budget_duration, row.budget_began};
  }
  grant.blocked = row.blocked;
  grant.metadata_json = row.metadata_json;
  return grant;
}

}  // namespace

std::span<const LimitName> limit_names() { return kLimitNames; }

Limits default_limits(const config::BatchLimits& settings) {
  Limits limits;
  limits.files_per_day = settings.files_per_day;
  limits.file_lines = settings.file_lines;
  limits.open_batches = settings.open_batches;
  limits.enqueued_tokens = settings.enqueued_tokens;
  return limits;
}

std::shared_ptr<const Team> team_of(const store::TeamRow& row) {
  return std::make_shared<const Team>(Team{row.team_id, row.team_alias, grant_of(row.grant, {})});
}

std::shared_ptr<const Key> key_of(const store::KeyRow& row,
                                  std::shared_ptr<const Team> team,
                                  const Limits& defaults) {
  return std::make_shared<const Key>(Key{.hash = row.key_hash,
                                         .name = row.key_name,
                                         .alias = row.key_alias.value_or(""),
                                         .user_id = row.user_id,
                                         .expires_at = row.expires_at,
                                         .grant = grant_of(row.grant, defaults),
                                         .team = std::move(team)});
}

store::Ownership ownership_of(const Key& key) {
  store::Ownership by;
  by.owner = key.user_id.empty() ? store::owner_of_key(key.hash) : "user:" + key.user_id;
  if (key.team) by.team_id = key.team->id;
  by.key_hash = key.hash;
  by.user_id = key.user_id;
  return by;
}

}  // namespace quarry::access
