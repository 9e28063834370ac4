#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/ownership_columns.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {

Task<std::vector<SpendRow>> SpendStore::list(Query query) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<SpendRow>> {
    std::vector<SpendRow> spends;
    Sight sight(query.viewer);
    const int any_request = query.request_id.empty() ? 1 : 0;
    const int any_batch = query.batch_id.empty() ? 1 : 0;
    const soci::rowset<soci::row> rows =
        (sql.prepare
             << "SELECT request_id, call_type, batch_id, owner, team_id, key_hash, user_id, model, "
                "started_at, ended_at, "
                "input_tokens, cached_tokens, cache_write_tokens, output_tokens, "
                "reasoning_tokens, cost_nano_usd, cost_known, completed, failed FROM spend_log "
                "WHERE "
             << sight.condition
             << " AND (:any_request = 1 OR request_id = :request) AND "
                "(:any_batch = 1 OR batch_id = :batch) ORDER BY ended_at DESC, request_id LIMIT "
                ":limit",
         soci::use(sight.owner), soci::use(sight.team_id, sight.team_indicator),
         soci::use(any_request), soci::use(query.request_id), soci::use(any_batch),
         soci::use(query.batch_id), soci::use(query.limit));
    for (const soci::row& row : rows) {
      SpendRow spend;
      spend.request_id = text(row, "request_id");
      spend.call_type = text(row, "call_type");
      spend.batch_id = BatchId{text(row, "batch_id")};
      spend.by = ownership_of(row);
      spend.model = text(row, "model");
      spend.started_at = integer(row, "started_at");
      spend.ended_at = integer(row, "ended_at");
      spend.usage = usage_of(row);
      spend.cost_nano_usd = integer(row, "cost_nano_usd");
      spend.cost_known = integer(row, "cost_known") != 0;
      spend.completed = integer(row, "completed");
      spend.failed = integer(row, "failed");
      spends.push_back(std::move(spend));
    }
    return spends;
  });
}

}  // namespace quarry::store
