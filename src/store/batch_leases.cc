// Work is claimed, not scheduled. A claimed row's due time is set to never, and whoever wants the
// row looked at again sets a due time, claimed or not: so a wish made while the row is being worked
// on is not lost.
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

enum class Renewal { done, lost, locked };

Renewal renew(soci::session& sql,
              const BatchStore::Lease& lease,
              const std::string& me,
              std::int64_t until_ms) {
  const char* table = lease.n == 0 ? "batches" : "jobs";
  const std::string row = lease.n == 0 ? std::string(" WHERE id = :id")
                                       : fmt::format(" WHERE batch_id = :id AND n = {}", lease.n);
  std::string owner;
  soci::indicator indicator = soci::i_ok;
  sql << "SELECT lease_owner FROM " << table << row << " AND lease_owner = :me" << skip_locked(sql),
      soci::use(lease.batch_id.value), soci::use(me), soci::into(owner);
  if (sql.got_data()) {
    sql << "UPDATE " << table << " SET lease_until_ms = :until" << row, soci::use(until_ms),
        soci::use(lease.batch_id.value);
    return Renewal::done;
  }
  sql << "SELECT lease_owner FROM " << table << row, soci::use(lease.batch_id.value),
      soci::into(owner, indicator);
  const bool mine = sql.got_data() && indicator == soci::i_ok && owner == me;
  return mine ? Renewal::locked : Renewal::lost;
}

}  // namespace

std::string is_due(std::int64_t now_ms) {
  return fmt::format(
      "((lease_owner IS NULL AND due_ms <= {0}) OR (lease_owner IS NOT NULL AND lease_until_ms < "
      "{0}))",
      now_ms);
}

void lease_jobs(soci::session& sql,
                std::vector<DueJob>& jobs,
                const std::string& me,
                std::int64_t until_ms) {
  for (DueJob& due : jobs) {
    std::string before;
    soci::indicator indicator = soci::i_ok;
    sql << "SELECT lease_owner FROM jobs WHERE batch_id = :id AND n = :n",
        soci::use(due.job.batch_id.value), soci::use(due.job.n), soci::into(before, indicator);
    due.taken_over = indicator == soci::i_ok && before != me;
    sql << "UPDATE jobs SET lease_owner = :me, lease_until_ms = :until, due_ms = :never WHERE "
           "batch_id = :id AND n = :n",
        soci::use(me), soci::use(until_ms), soci::use(kNeverMs), soci::use(due.job.batch_id.value),
        soci::use(due.job.n);
    std::string status;
    sql << "SELECT status, expires_at FROM batches WHERE id = :id",
        soci::use(due.job.batch_id.value), soci::into(status), soci::into(due.batch_expires_at);
    due.batch_cancelling = status == "cancelling";
  }
}

Task<void> BatchStore::release_all_leases() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    for (const char* table : {"batches", "jobs"}) {
      sql << "UPDATE " << table
          << " SET lease_owner = NULL, lease_until_ms = NULL, due_ms = 0 WHERE lease_owner IS NOT "
             "NULL";
    }
    return {};
  });
}

Task<void> BatchStore::release_own_leases(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    for (const char* table : {"batches", "jobs"}) {
      sql << "UPDATE " << table
          << " SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, :now) WHERE "
             "lease_owner = :me",
          soci::use(now_ms), soci::use(lease_owner_);
    }
    return {};
  });
}

Task<std::vector<DueBatch>> BatchStore::claim_batches(BatchPhase phase,
                                                      std::int64_t now_ms,
                                                      std::int64_t lease_ms,
                                                      int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueBatch>> {
    std::vector<DueBatch> claimed;
    // Of those that wait to be planned, owners who have the least at work come first: one with many
    // batches does not hold up others.
    const bool planning = phase == BatchPhase::planning;
    const std::string statement = fmt::format(
        "SELECT {} FROM batches {} WHERE phase = '{}' AND {} ORDER BY {} due_ms, created_order "
        "LIMIT :limit{}",
        kBatchColumns,
        planning ? "LEFT JOIN (SELECT owner AS at_work_of, COUNT(*) AS at_work FROM batches WHERE "
                   "phase = 'running' GROUP BY owner) AS at_work_rows ON at_work_of = owner"
                 : "",
        name(phase), is_due(now_ms), planning ? "COALESCE(at_work, 0)," : "",
        skip_locked(sql, "batches"));
    {
      const soci::rowset<soci::row> rows = (sql.prepare << statement, soci::use(limit));
      for (const soci::row& row : rows) claimed.push_back({batch_of(row)});
    }
    const std::int64_t until = now_ms + lease_ms;
    for (DueBatch& due : claimed) {
      std::string before;
      soci::indicator indicator = soci::i_ok;
      sql << "SELECT lease_owner FROM batches WHERE id = :id", soci::use(due.batch.id.value),
          soci::into(before, indicator);
      due.taken_over = indicator == soci::i_ok && before != lease_owner_;
      sql << "UPDATE batches SET lease_owner = :me, lease_until_ms = :until, due_ms = :never WHERE "
             "id = "
             ":id",
          soci::use(lease_owner_), soci::use(until), soci::use(kNeverMs),
          soci::use(due.batch.id.value);
    }
    return claimed;
  });
}

Task<std::vector<DueJob>> BatchStore::claim_jobs(std::optional<JobKind> kind,
                                                 std::vector<JobState> states,
                                                 std::int64_t now_ms,
                                                 std::int64_t lease_ms,
                                                 int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueJob>> {
    std::vector<DueJob> claimed;
    std::string words;
    for (const JobState state : states) {
      if (!words.empty()) words += ", ";
      words += fmt::format("'{}'", name(state));
    }
    const std::string statement = fmt::format(
        "SELECT {} FROM jobs WHERE kind IN ({}) AND state IN ({}) AND {} ORDER BY due_ms LIMIT "
        ":limit{}",
        kJobColumns, kind ? fmt::format("'{}'", name(*kind)) : "'bedrock', 'direct'", words,
        is_due(now_ms), skip_locked(sql));
    {
      const soci::rowset<soci::row> rows = (sql.prepare << statement, soci::use(limit));
      for (const soci::row& row : rows) claimed.push_back({job_of(row), false, 0});
    }
    lease_jobs(sql, claimed, lease_owner_, now_ms + lease_ms);
    return claimed;
  });
}

Task<BatchStore::NotRenewed> BatchStore::renew_leases(std::vector<Lease> leases,
                                                      std::int64_t until_ms) {
  co_return co_await transact_for_leases(database_, [&](soci::session& sql) -> Result<NotRenewed> {
    NotRenewed left;
    for (const Lease& lease : leases) {
      switch (renew(sql, lease, lease_owner_, until_ms)) {
        case Renewal::done:
          break;
        case Renewal::lost:
          left.lost.push_back(lease);
          break;
        case Renewal::locked:
          left.locked.push_back(lease);
          break;
      }
    }
    return left;
  });
}

Task<std::set<BatchId>> BatchStore::cancelling_of(std::set<BatchId> ids) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::set<BatchId>> {
    std::set<BatchId> cancelling;
    for (const BatchId& id : ids) {
      long long found = 0;
      sql << "SELECT COUNT(*) FROM batches WHERE id = :id AND status = 'cancelling'",
          soci::use(id.value), soci::into(found);
      if (found > 0) cancelling.insert(id);
    }
    return cancelling;
  });
}

Task<void> BatchStore::release_batch(BatchId id, std::int64_t due_ms, int failures) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE batches SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, "
           ":due), "
           "failures = :failures WHERE id = :id AND lease_owner = :me",
        soci::use(due_ms), soci::use(failures), soci::use(id.value), soci::use(lease_owner_);
    return {};
  });
}

Task<void> BatchStore::release_job(BatchId id, int n, std::int64_t due_ms, int failures) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE jobs SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, "
           ":due), "
           "failures = :failures WHERE batch_id = :id AND n = :n AND lease_owner = :me",
        soci::use(due_ms), soci::use(failures), soci::use(id.value), soci::use(n),
        soci::use(lease_owner_);
    return {};
  });
}

Task<std::optional<std::int64_t>> BatchStore::next_due_ms(std::int64_t now_ms) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::optional<std::int64_t>> {
        std::optional<std::int64_t> next;
        // What waits for a slot is woken by what frees one.
        const std::string jobs = fmt::format(
            "jobs WHERE state <> 'collected' AND NOT (kind = 'bedrock' AND state IN ('submitted', "
            "'running')) AND NOT (state = 'staged' AND due_ms <= {})",
            now_ms);
        for (const std::string& open : {std::string("batches WHERE phase <> 'done'"), jobs}) {
          long long due = 0;
          soci::indicator indicator = soci::i_ok;
          // Rows that this process works on end by themselves; those of another may be abandoned.
          sql << "SELECT MIN(CASE WHEN lease_owner IS NULL THEN due_ms ELSE lease_until_ms END) "
                 "FROM "
              << open << " AND (lease_owner IS NULL OR lease_owner <> :me)",
              soci::use(lease_owner_), soci::into(due, indicator);
          if (indicator == soci::i_ok && due < kNeverMs)
            next = std::min<std::int64_t>(next.value_or(due), due);
        }
        return next;
      });
}

}  // namespace quarry::store
