// Watching the jobs that AWS holds: they may be ten thousand, so each statement is prepared once
// for many rows, and a look that saw nothing new writes no more than the next one's time.
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace quarry::store {
namespace {

constexpr std::size_t kRowsATransaction = 500;
constexpr const char* kAtAws = "kind = 'bedrock' AND state IN ('submitted', 'running')";

// " AND deployment_id NOT IN (:d0, :d1)", and the values with the statement.
std::string none_of(const std::vector<std::string>& deployments) {
  if (deployments.empty()) return "";
  std::string text = " AND deployment_id NOT IN (";
  for (std::size_t i = 0; i < deployments.size(); ++i) {
    text += fmt::format("{}:d{}", i == 0 ? "" : ", ", i);
  }
  return text + ")";
}
// Not `bind`: with a vector that is not const, std::bind would be the better match and do nothing.
void bind_names(soci::statement& statement, const std::vector<std::string>& deployments) {
  for (const std::string& id : deployments) statement.exchange(soci::use(id));
}

std::vector<DueJob> due_jobs(soci::session& sql,
                             std::int64_t now_ms,
                             int limit,
                             const std::vector<std::string>& but_of) {
  std::vector<DueJob> due;
  soci::row row;
  soci::statement select(sql);
  select.exchange(soci::into(row));
  select.exchange(soci::use(now_ms));
  bind_names(select, but_of);
  select.exchange(soci::use(limit));
  select.alloc();
  select.prepare(fmt::format(
      "SELECT {} FROM jobs WHERE {} AND lease_owner IS NULL AND due_ms <= :now{} ORDER BY due_ms "
      "LIMIT :limit{}",
      kJobColumns, kAtAws, none_of(but_of), skip_locked(sql)));
  select.define_and_bind();
  if (!select.execute(true)) return due;
  do {
    DueJob& job = due.emplace_back();
    job.job = job_of(row);
  } while (select.fetch());
  return due;
}

struct BatchTimes {
  bool cancelling = false;
  std::int64_t expires_at = 0, created_at = 0;
};
BatchTimes times_of(soci::session& sql, const BatchId& id) {
  BatchTimes times;
  std::string status;
  sql << "SELECT status, expires_at, created_at FROM batches WHERE id = :id", soci::use(id.value),
      soci::into(status), soci::into(times.expires_at), soci::into(times.created_at);
  times.cancelling = status == "cancelling";
  return times;
}

// One transaction's share. Gives the number of rows written.
Result<std::int64_t> write_looks(soci::session& sql,
                                 const std::string& lease_owner,
                                 std::span<const BatchStore::Look> looks) {
  BatchStore::Look look;
  BatchStore::Observed seen;
  std::string state;
  const char* const give_back =
      "due_ms = LEAST(due_ms, :due), failures = :failures, lease_owner = NULL, lease_until_ms = "
      "NULL "
      "WHERE batch_id = :id AND n = :n AND lease_owner = :me AND state <> 'collected'";
  soci::statement same = (sql.prepare << "UPDATE jobs SET " << give_back, soci::use(look.due_ms),
                          soci::use(look.failures), soci::use(look.batch_id.value),
                          soci::use(look.n), soci::use(lease_owner));
  soci::statement changed =
      (sql.prepare << "UPDATE jobs SET state = :state, aws_status = :status, message = :message, "
                      "succeeded = GREATEST(succeeded, :ok), errored = GREATEST(errored, :bad), "
                   << give_back,
       soci::use(state), soci::use(seen.aws_status), soci::use(seen.message),
       soci::use(seen.succeeded), soci::use(seen.errored), soci::use(look.due_ms),
       soci::use(look.failures), soci::use(look.batch_id.value), soci::use(look.n),
       soci::use(lease_owner));
  std::int64_t written = 0;
  std::set<BatchId> touched;
  for (const BatchStore::Look& next : looks) {
    if (next.changed) touched.insert(next.batch_id);
  }
  for (const BatchId& id : touched) lock_batch(sql, id);
  for (const BatchStore::Look& next : looks) {
    look = next;
    soci::statement& statement = next.changed ? changed : same;
    if (next.changed) {
      seen = *next.changed;
      state = name(seen.state);
    }
    statement.execute(true);
    if (statement.get_affected_rows() == 0) continue;
    ++written;
  }
  for (const BatchId& id : touched) refresh_counts(sql, id);
  return written;
}

}  // namespace

Task<std::vector<BatchStore::DueLook>> BatchStore::claim_looks(
    std::int64_t now_ms,
    std::int64_t lease_ms,
    int limit,
    std::vector<std::string> but_of_deployments) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueLook>> {
    std::vector<DueLook> claimed;
    std::map<BatchId, BatchTimes> times;
    const std::int64_t until = now_ms + lease_ms;
    BatchId id;
    int n = 0;
    soci::statement lease =
        (sql.prepare << "UPDATE jobs SET lease_owner = :me, lease_until_ms = :until, due_ms = "
                        ":never WHERE batch_id = :id AND n = :n",
         soci::use(lease_owner_), soci::use(until), soci::use(kNeverMs), soci::use(id.value),
         soci::use(n));
    for (DueJob& due : due_jobs(sql, now_ms, limit, but_of_deployments)) {
      id = due.job.batch_id;
      n = due.job.n;
      lease.execute(true);
      auto known = times.find(id);
      if (known == times.end()) known = times.emplace(id, times_of(sql, id)).first;
      due.batch_cancelling = known->second.cancelling;
      due.batch_expires_at = known->second.expires_at;
      claimed.push_back({std::move(due), known->second.created_at});
    }
    return claimed;
  });
}

Task<std::optional<std::int64_t>> BatchStore::next_look_ms(
    std::vector<std::string> but_of_deployments) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::optional<std::int64_t>> {
        std::optional<std::int64_t> next;
        // State by state, so that the index gives the first row of each and no more is read.
        for (const char* state : {"submitted", "running"}) {
          long long due = 0;
          soci::statement select(sql);
          select.exchange(soci::into(due));
          bind_names(select, but_of_deployments);
          select.alloc();
          select.prepare(
              fmt::format("SELECT due_ms FROM jobs WHERE kind = 'bedrock' AND state = '{}' AND "
                          "lease_owner IS NULL{} ORDER BY due_ms LIMIT 1",
                          state, none_of(but_of_deployments)));
          select.define_and_bind();
          if (select.execute(true) && due < kNeverMs) {
            next = std::min<std::int64_t>(next.value_or(due), due);
          }
        }
        return next;
      });
}

Task<void> BatchStore::release_lapsed_looks(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE jobs SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, "
           ":now) "
           "WHERE "
        << kAtAws << " AND lease_owner IS NOT NULL AND lease_until_ms < :now2",
        soci::use(now_ms), soci::use(now_ms);
    return {};
  });
}

Task<void> BatchStore::release_all_looks(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE jobs SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, "
           ":now) WHERE "
        << kAtAws << " AND lease_owner IS NOT NULL",
        soci::use(now_ms);
    return {};
  });
}

Task<std::map<std::string, std::int64_t>> BatchStore::open_jobs() {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::map<std::string, std::int64_t>> {
        std::map<std::string, std::int64_t> open;
        std::string id;
        long long count = 0;
        soci::statement select = (sql.prepare << "SELECT deployment_id, COUNT(*) FROM jobs WHERE "
                                              << kAtAws << " GROUP BY deployment_id",
                                  soci::into(id), soci::into(count));
        select.execute();
        while (select.fetch()) open[id] = count;
        return open;
      });
}

Task<std::int64_t> BatchStore::record_looks(std::vector<Look> looks) {
  std::int64_t written = 0;
  for (std::size_t begin = 0; begin < looks.size(); begin += kRowsATransaction) {
    const auto share = std::span<const Look>(looks).subspan(
        begin, std::min(kRowsATransaction, looks.size() - begin));
    const auto rows = co_await transact(
        database_, [&](soci::session& sql) { return write_looks(sql, lease_owner_, share); });
    if (!rows) co_return fail(rows.error());
    written += *rows;
  }
  co_return written;
}

Task<void> BatchStore::request_stops(std::vector<Lease> jobs) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    Lease job;
    soci::statement update =
        (sql.prepare << "UPDATE jobs SET stop_requested = 1 WHERE batch_id = :id AND n = :n AND "
                        "state <> 'collected'",
         soci::use(job.batch_id.value), soci::use(job.n));
    for (const Lease& next : jobs) {
      job = next;
      update.execute(true);
    }
    return {};
  });
}

}  // namespace quarry::store
