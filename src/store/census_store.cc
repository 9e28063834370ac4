#include "store/census_store.h"

#include "store/batch_rows.h"
#include "store/reservations.h"
#include "store/schema.h"
#include "store/session.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::store {
namespace {

// Spelled so that batches_at_work and jobs_by_state find them.
constexpr const char* kOpenBatch = "phase IN ('planning', 'running')";
constexpr const char* kOpenJob =
    "kind IN ('bedrock', 'direct') AND state IN ('planned', 'staged', 'submitted', 'running', "
    "'ended')";

// Of batches: a new one is to be planned at once.
constexpr const char* kNewSince = "CASE phase WHEN 'planning' THEN created_at * 1000 END";

std::optional<std::int64_t> one_value(soci::session& sql, const std::string& statement) {
  soci::row row;
  sql << statement, soci::into(row);
  return sql.got_data() ? maybe_integer(row, "found") : std::nullopt;
}

std::optional<std::int64_t> earlier(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

// at_once: since when what is due at once has been so; it has the time 0 itself. NULL: nobody
// knows.
std::string due_since(std::int64_t now_ms,
                      const char* table,
                      const std::string& which,
                      const char* at_once) {
  return fmt::format(
      "SELECT MIN(CASE WHEN lease_owner IS NOT NULL THEN lease_until_ms WHEN due_ms > 0 THEN "
      "due_ms "
      "ELSE {} END) AS found FROM {} WHERE {} AND {}",
      at_once, table, which, is_due(now_ms));
}

void count_batches(soci::session& sql, Census& census) {
  const soci::rowset<soci::row> rows =
      (sql.prepare << "SELECT status, COUNT(*) AS found, MIN(expires_at) AS first_expiry FROM "
                      "batches WHERE "
                   << kOpenBatch << " GROUP BY status");
  for (const soci::row& row : rows) {
    census.batches.push_back({text(row, "status"), integer(row, "found")});
    census.first_expiry_s = earlier(census.first_expiry_s, maybe_integer(row, "first_expiry"));
  }
}

void count_jobs(soci::session& sql, Census& census) {
  const soci::rowset<soci::row> rows =
      (sql.prepare << "SELECT kind, state, COUNT(*) AS found FROM jobs WHERE " << kOpenJob
                   << " GROUP BY kind, state");
  for (const soci::row& row : rows) {
    census.jobs.push_back({text(row, "kind"), text(row, "state"), integer(row, "found")});
  }
}

std::int64_t reserved_nano_usd(soci::session& sql) {
  soci::row row;
  sql << "SELECT " << sum_in_halves("nano_usd", "reserved")
      << " FROM (SELECT MAX(nano_usd) AS nano_usd FROM reservations GROUP BY batch_id) AS "
         "of_batches",
      soci::into(row);
  return sum_of_halves(row, "reserved");
}

}  // namespace

Task<Census> CensusStore::take(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Census> {
    Census census;
    count_batches(sql, census);
    count_jobs(sql, census);
    const std::string job =
        fmt::format("{} AND NOT (kind = 'bedrock' AND state = 'staged')", kOpenJob);
    census.due_since_ms =
        earlier(one_value(sql, due_since(now_ms, "batches", kOpenBatch, kNewSince)),
                one_value(sql, due_since(now_ms, "jobs", job, "NULL")));
    census.staged_since_s = one_value(
        sql,
        "SELECT MIN(COALESCE(b.in_progress_at, b.created_at)) AS found FROM jobs j JOIN batches b "
        "ON b.id = j.batch_id WHERE j.kind = 'bedrock' AND j.state = 'staged'");
    census.reservations =
        one_value(sql, "SELECT COUNT(DISTINCT batch_id) AS found FROM reservations").value_or(0);
    census.reserved_nano_usd = reserved_nano_usd(sql);
    census.webhooks_waiting =
        one_value(sql, fmt::format("SELECT COUNT(*) AS found FROM webhook_deliveries WHERE "
                                   "delivered_ms IS NULL AND given_up_ms IS NULL AND due_ms < {}",
                                   kNeverMs))
            .value_or(0);
    return census;
  });
}

Task<void> CensusStore::check() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const std::int64_t version =
        one_value(sql, "SELECT version AS found FROM schema_version").value_or(0);
    const auto wanted = static_cast<std::int64_t>(migrations().size());
    if (version < wanted) {
      return fail(
          Error(Errc::unavailable,
                fmt::format("the database has schema version {}, not yet {}", version, wanted))
              .reason(kOldSchema));
    }
    return {};
  });
}

}  // namespace quarry::store
