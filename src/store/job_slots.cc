// Who gets the next slot at AWS.
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quarry::store {
namespace {

// The jobs of kind bedrock that a slot is taken by; also those that are being submitted, or may
// have been. Not those of a server that died before it asked AWS.
std::string takes_slot(std::int64_t now_ms) {
  return fmt::format(
      "(state IN ('submitted', 'running') OR (state = 'staged' AND (lease_until_ms >= {} OR "
      "aws_status = 'Submitting')))",
      now_ms);
}
// Of what one owner, or one batch, has at AWS.
std::string held_by(const char* column, const char* name) {
  return fmt::format(
      "LEFT JOIN (SELECT {0} AS {1}_of, COUNT(*) AS {1} FROM jobs WHERE kind = 'bedrock' AND state "
      "IN ('submitted', 'running') GROUP BY {0}) AS {1}_rows ON {1}_of = jobs.{0} ",
      column, name);
}

std::string fair_claim(soci::session& sql, std::int64_t now_ms) {
  return fmt::format(
      "SELECT {} FROM jobs {}{}WHERE kind = 'bedrock' AND state = 'staged' AND deployment_id = "
      ":deployment AND {} ORDER BY aws_status DESC, COALESCE(owner_held, 0), COALESCE(batch_held, "
      "0), due_ms, batch_id, n LIMIT :limit{}",
      kJobColumns, held_by("owner", "owner_held"), held_by("batch_id", "batch_held"),
      is_due(now_ms), skip_locked(sql, "jobs"));
}

// How many more may be asked of AWS. Those that AWS was asked for already hold their slots.
std::int64_t slots_left(soci::session& sql, const BatchStore::Slots& at, std::int64_t now_ms) {
  if (!at.limit) return at.free;
  long long taken = 0;
  sql << "SELECT COUNT(*) FROM jobs WHERE kind = 'bedrock' AND deployment_id = :deployment AND "
      << takes_slot(now_ms),
      soci::use(at.deployment_id), soci::into(taken);
  return std::min<std::int64_t>(at.free, *at.limit - taken);
}

}  // namespace

Task<std::vector<BatchStore::Load>> BatchStore::loads(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<Load>> {
    std::vector<Load> loads;
    const std::string waits = fmt::format("state = 'staged' AND {}", is_due(now_ms));
    const std::string statement = fmt::format(
        "SELECT deployment_id, COALESCE(SUM(CASE WHEN {} THEN 1 ELSE 0 END), 0) AS taken, "
        "COALESCE(SUM(records), 0) AS open_records, COALESCE(SUM(CASE WHEN {} THEN 1 ELSE 0 END), "
        "0) AS staged_due, COALESCE(SUM(CASE WHEN {} AND aws_status = 'Submitting' THEN 1 ELSE 0 "
        "END), 0) AS asked_due FROM jobs WHERE kind = 'bedrock' AND state IN ('staged', "
        "'submitted', "
        "'running') GROUP BY deployment_id",
        takes_slot(now_ms), waits, waits);
    // Sums have no declared type for SOCI to tell, so they are read into what they are.
    Load load;
    long long taken = 0;
    long long open_records = 0;
    long long staged_due = 0;
    long long asked_due = 0;
    soci::statement select =
        (sql.prepare << statement, soci::into(load.deployment_id), soci::into(taken),
         soci::into(open_records), soci::into(staged_due), soci::into(asked_due));
    for (select.execute(); select.fetch();) {
      loads.push_back({load.deployment_id, taken, open_records, staged_due, asked_due});
    }
    return loads;
  });
}

Task<std::vector<DueJob>> BatchStore::claim_staged(std::vector<Slots> slots,
                                                   std::int64_t now_ms,
                                                   std::int64_t lease_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueJob>> {
    // Counting and taking are one, whichever server does it.
    lock(sql, "slots");
    std::vector<DueJob> claimed;
    const std::string statement = fair_claim(sql, now_ms);
    for (const Slots& at : slots) {
      std::int64_t left = slots_left(sql, at, now_ms);
      const soci::rowset<soci::row> rows =
          (sql.prepare << statement, soci::use(at.deployment_id), soci::use(at.free));
      for (const soci::row& row : rows) {
        JobRow job = job_of(row);
        if (job.aws_status != "Submitting" && left-- <= 0) continue;
        claimed.push_back({std::move(job), false, 0});
      }
    }
    lease_jobs(sql, claimed, lease_owner_, now_ms + lease_ms);
    return claimed;
  });
}

}  // namespace quarry::store
