// What clients do to batches: create, look, list, cancel.
#include "store/batch_store.h"

#include "store/batch_rows.h"
#include "store/ownership_columns.h"
#include "store/pages.h"
#include "store/reservations.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

// Longer than any claim is valid.
constexpr std::int64_t kClaimsKeptMs = 48 * 3'600'000;

Error no_such_batch(const BatchId& id) {
  return Error(Errc::not_found, "No batch found with id '" + id.value + "'.")
      .reason("batch_not_found");
}

Result<BatchRow> load(soci::session& sql, const BatchId& id, const Viewer& viewer) {
  Sight sight(viewer);
  soci::row row;
  sql << "SELECT " << kBatchColumns << " FROM batches WHERE id = :id AND " << sight.condition,
      soci::use(id.value), soci::use(sight.owner), soci::use(sight.key_owner),
      soci::use(sight.team_id, sight.team_indicator), soci::into(row);
  if (!sql.got_data()) return fail(no_such_batch(id));
  return batch_of(row);
}

// The batch that an earlier, equal request made; nullopt when this is the first.
Result<std::optional<BatchRow>> claimed_before(soci::session& sql,
                                               const std::string& owner,
                                               const IdempotencyClaim& claim,
                                               std::int64_t now_ms) {
  std::string hash;
  std::string batch_id;
  const std::int64_t oldest_ms = now_ms - claim.valid_for_ms;
  sql << "SELECT request_hash, batch_id FROM idempotency WHERE owner = :owner AND idempotency_key "
         "= "
         ":key AND created_ms >= :oldest",
      soci::use(owner), soci::use(claim.key), soci::use(oldest_ms), soci::into(hash),
      soci::into(batch_id);
  if (!sql.got_data()) return std::nullopt;
  if (hash != claim.request_hash) {
    return fail(
        Error(Errc::conflict,
              "This Idempotency-Key was used before with another request body. hint: use a new "
              "key for a new batch")
            .reason("idempotency_key_reused"));
  }
  auto batch = load(sql, BatchId{batch_id}, Viewer{owner, std::nullopt});
  if (!batch) return fail(std::move(batch.error()));
  return std::move(*batch);
}

void remember(soci::session& sql,
              const BatchRow& batch,
              const IdempotencyClaim& claim,
              std::int64_t now_ms) {
  const std::int64_t oldest_ms = now_ms - kClaimsKeptMs;
  sql << "DELETE FROM idempotency WHERE (owner = :owner AND idempotency_key = :key) OR created_ms "
         "< :oldest",
      soci::use(batch.by.owner), soci::use(claim.key), soci::use(oldest_ms);
  Columns columns;
  columns.add("owner", batch.by.owner)
      .add("idempotency_key", claim.key)
      .add("request_hash", claim.request_hash)
      .add("batch_id", batch.id.value)
      .add("created_ms", now_ms)
      .insert_into(sql, "idempotency");
}

}  // namespace

Task<std::optional<BatchRow>> BatchStore::claimed(std::string owner,
                                                  IdempotencyClaim claim,
                                                  std::int64_t now_ms) {
  co_return co_await transact(database_,
                              [&](soci::session& sql) -> Result<std::optional<BatchRow>> {
                                return claimed_before(sql, owner, claim, now_ms);
                              });
}

Task<BatchRow> BatchStore::create(BatchRow batch,
                                  std::optional<IdempotencyClaim> claim,
                                  bool remember_only,
                                  std::int64_t now_ms,
                                  Admission admission) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<BatchRow> {
    // First, so that of two equal requests the second sees the first's claim, and of two that ask
    // for the same room the second what the first has taken.
    lock(sql, "batches");
    if (claim && !remember_only) {
      auto before = claimed_before(sql, batch.by.owner, *claim, now_ms);
      if (!before) return fail(std::move(before.error()));
      if (*before) return std::move(**before);
    }
    if (auto admitted = admit(sql, batch.id, admission); !admitted) {
      return fail(std::move(admitted.error()));
    }
    columns_of(batch)
        .add("created_order", next_created_order(sql, "batches"))
        .insert_into(sql, "batches");
    SpendRow spend;
    spend.request_id = batch.id.value;
    spend.call_type = "acreate_batch";
    spend.status = "success";
    spend.batch_id = batch.id;
    spend.by = batch.by;
    spend.model = batch.object.model.value_or("");
    spend.started_at = spend.ended_at = batch.object.created_at;
    columns_of(spend).insert_into(sql, "spend_log");
    if (claim) remember(sql, batch, *claim, now_ms);
    return batch;
  });
}

Task<BatchRow> BatchStore::find(BatchId id, Viewer viewer) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<BatchRow> { return load(sql, id, viewer); });
}

Task<BatchRow> BatchStore::find_any(BatchId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<BatchRow> {
    soci::row row;
    sql << "SELECT " << kBatchColumns << " FROM batches WHERE id = :id", soci::use(id.value),
        soci::into(row);
    if (!sql.got_data()) return fail(no_such_batch(id));
    return batch_of(row);
  });
}

Task<Page<BatchRow>> BatchStore::list(ListQuery query) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Page<BatchRow>> {
    const PageOf batches{.table = "batches", .columns = kBatchColumns};
    const auto place = place_of(sql, batches, query);
    if (!place) {
      return fail(Error(Errc::invalid_request, "No batch found with id '" + query.after + "'.")
                      .param("after"));
    }
    if (query.limit == 0) return Page<BatchRow>();
    return page_at<BatchRow>(sql, batches, query, *place, batch_of);
  });
}

Task<BatchRow> BatchStore::cancel(BatchId id, Viewer viewer, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<BatchRow> {
    lock_batch(sql, id);
    auto batch = load(sql, id, viewer);
    if (!batch) return batch;
    const openai::BatchStatus status = batch->object.status;
    if (status == openai::BatchStatus::cancelling || status == openai::BatchStatus::cancelled) {
      return batch;
    }
    if (openai::terminal(status)) {
      return fail(Errc::conflict,
                  fmt::format("Cannot cancel a batch with status '{}'.", openai::name(status)));
    }
    const std::int64_t now_s = now_ms / 1000;
    sql << "UPDATE batches SET status = 'cancelling', cancelling_at = :at, due_ms = :due WHERE id "
           "= :id",
        soci::use(now_s), soci::use(now_ms), soci::use(id.value);
    return load(sql, id, viewer);
  });
}

Task<std::vector<JobRow>> BatchStore::jobs(BatchId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<JobRow>> {
    std::vector<JobRow> jobs;
    const std::string statement =
        fmt::format("SELECT {} FROM jobs WHERE batch_id = :id ORDER BY n", kJobColumns);
    const soci::rowset<soci::row> rows = (sql.prepare << statement, soci::use(id.value));
    for (const soci::row& row : rows) jobs.push_back(job_of(row));
    return jobs;
  });
}

}  // namespace quarry::store
