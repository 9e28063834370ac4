// Whose lines run on demand next.
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

// A row's number among its owner's due ones, and what the owner has running already, make its turn.
std::string fair_claim(std::int64_t now_ms) {
  return fmt::format(
      "SELECT {0} FROM jobs LEFT JOIN (SELECT owner AS running_of, COUNT(*) AS running FROM jobs "
      "WHERE kind = 'direct' AND state IN ('planned', 'running') AND lease_until_ms >= {1} GROUP "
      "BY owner) AS running_rows ON running_of = jobs.owner WHERE kind = 'direct' AND state IN "
      "('planned', 'running') AND {2} ORDER BY COALESCE(running, 0) + ROW_NUMBER() OVER "
      "(PARTITION BY owner ORDER BY due_ms, batch_id, n), due_ms, batch_id, n LIMIT :limit",
      kJobColumns, now_ms, is_due(now_ms));
}

}  // namespace

Task<std::vector<DueJob>> BatchStore::claim_direct(std::int64_t now_ms,
                                                   std::int64_t lease_ms,
                                                   int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<DueJob>> {
    std::vector<DueJob> claimed;
    const std::string statement = fair_claim(now_ms);
    {
      const soci::rowset<soci::row> rows = (sql.prepare << statement, soci::use(limit));
      for (const soci::row& row : rows) claimed.push_back({job_of(row), false, 0});
    }
    lease_jobs(sql, claimed, lease_owner_, now_ms + lease_ms);
    return claimed;
  });
}

}  // namespace quarry::store
