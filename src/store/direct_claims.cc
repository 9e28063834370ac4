// Whose lines run on demand next.
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

// A row's number among its owner's due ones, and what the owner has running already, make its turn.
// What is due is asked twice: PostgreSQL looks again at the row that it locks, not at the ranking.
std::string fair_claim(soci::session& sql, std::int64_t now_ms) {
  const std::string due =
      fmt::format("kind = 'direct' AND state IN ('planned', 'running') AND {}", is_due(now_ms));
  return fmt::format(
      "SELECT {0} FROM jobs JOIN (SELECT batch_id AS ranked_batch, n AS ranked_n, "
      "COALESCE(running, 0) + ROW_NUMBER() OVER (PARTITION BY owner ORDER BY due_ms, batch_id, n) "
      "AS turn FROM jobs LEFT JOIN (SELECT owner AS running_of, COUNT(*) AS running FROM jobs "
      "WHERE kind = 'direct' AND state IN ('planned', 'running') AND lease_until_ms >= {1} GROUP "
      "BY owner) AS running_rows ON running_of = jobs.owner WHERE {2}) AS ranked ON ranked_batch = "
      "jobs.batch_id AND ranked_n = jobs.n WHERE {2} ORDER BY turn, due_ms, batch_id, n LIMIT "
      ":limit{3}",
      kJobColumns, now_ms, due, skip_locked(sql, "jobs"));
}

}  // namespace

Task<std::vector<DueJob>> BatchStore::claim_direct(std::int64_t now_ms,
                                                   std::int64_t lease_ms,
                                                   int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueJob>> {
    std::vector<DueJob> claimed;
    const std::string statement = fair_claim(sql, now_ms);
    {
      const soci::rowset<soci::row> rows = (sql.prepare << statement, soci::use(limit));
      for (const soci::row& row : rows) claimed.push_back({job_of(row), false, 0});
    }
    lease_jobs(sql, claimed, lease_owner_, now_ms + lease_ms);
    return claimed;
  });
}

}  // namespace quarry::store
