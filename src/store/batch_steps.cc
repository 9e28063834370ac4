// The steps of a batch's life, each one transaction. A step is written only by who holds the row's
// lease, and each can be done twice with the same result.
#include "obs/metrics.h"
#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/file_rows.h"
#include "store/job_costs.h"
#include "store/reservations.h"
#include "store/session.h"
#include "store/webhook_rows.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

Error lease_lost(const std::string& what) {
  return Error(Errc::conflict, "the lease on " + what + " was lost to another worker");
}

std::int64_t segment_bytes(soci::session& sql, const FileId& file, bool& any) {
  long long count = 0;
  long long bytes = 0;
  sql << "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM file_segments WHERE file_id = :id",
      soci::use(file.value), soci::into(count), soci::into(bytes);
  any = count > 0;
  return bytes;
}

void wake_batch_if_collected(soci::session& sql, const BatchId& id, std::int64_t now_ms) {
  long long open = 0;
  sql << "SELECT COUNT(*) FROM jobs WHERE batch_id = :id AND state <> 'collected'",
      soci::use(id.value), soci::into(open);
  if (open == 0) {
    sql << "UPDATE batches SET due_ms = :now WHERE id = :id", soci::use(now_ms),
        soci::use(id.value);
  }
}

SpendRow sum_of_jobs(soci::session& sql, const BatchId& id) {
  SpendRow sum;
  long long known = 1;
  sql << "SELECT COALESCE(SUM(input_tokens), 0), COALESCE(SUM(cached_tokens), 0), "
         "COALESCE(SUM(cache_write_tokens), 0), COALESCE(SUM(output_tokens), 0), "
         "COALESCE(SUM(reasoning_tokens), 0), COALESCE(SUM(cost_nano_usd), 0), "
         "COALESCE(MIN(cost_known), 1), COALESCE(SUM(succeeded), 0), COALESCE(SUM(errored), 0) "
         "FROM jobs "
         "WHERE batch_id = :id",
      soci::use(id.value), soci::into(sum.usage.input_tokens),
      soci::into(sum.usage.cached_input_tokens), soci::into(sum.usage.cache_write_tokens),
      soci::into(sum.usage.output_tokens), soci::into(sum.usage.reasoning_tokens),
      soci::into(sum.cost_nano_usd), soci::into(known), soci::into(sum.completed),
      soci::into(sum.failed);
  sum.cost_known = known != 0;
  return sum;
}

// The batch_success row. spend: of its jobs.
void insert_end(soci::session& sql,
                const BatchRow& batch,
                openai::BatchStatus status,
                SpendRow spend,
                std::int64_t now_s) {
  spend.request_id = batch.id.value + "_batch_cost";
  spend.call_type = "batch_success";
  spend.status = openai::name(status);
  spend.batch_id = batch.id;
  spend.by = batch.by;
  spend.model = batch.object.model.value_or("");
  spend.started_at = batch.object.created_at;
  spend.ended_at = now_s;
  columns_of(spend).insert_into(sql, "spend_log");
}

}  // namespace

Task<void> BatchStore::fail_validation(BatchId id,
                                       std::vector<openai::BatchError> errors,
                                       std::int64_t now_ms) {
  openai::BatchStatus status = openai::BatchStatus::failed;
  auto failed = co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const std::string text = boost::json::serialize(openai::to_json(errors));
    const std::int64_t now_s = now_ms / 1000;
    soci::statement update =
        (sql.prepare
             << "UPDATE batches SET phase = 'done', errors = :errors, failed_at = CASE status WHEN "
                "'cancelling' THEN NULL ELSE CAST(:at AS BIGINT) END, cancelled_at = CASE status "
                "WHEN 'cancelling' "
                "THEN CAST(:at2 AS BIGINT) ELSE NULL END, status = CASE status WHEN 'cancelling' "
                "THEN 'cancelled' "
                "ELSE "
                "'failed' END, lease_owner = NULL, lease_until_ms = NULL WHERE id = :id AND "
                "lease_owner = :me AND phase = 'planning'",
         soci::use(text), soci::use(now_s), soci::use(now_s), soci::use(id.value),
         soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(id.value));
    release_reservations(sql, id);
    soci::row row;
    sql << "SELECT " << kBatchColumns << " FROM batches WHERE id = :id", soci::use(id.value),
        soci::into(row);
    const BatchRow ended = batch_of(row);
    status = ended.object.status;
    // Nothing ran, so nothing is billed. Of a batch that failed the creation's row says so; one
    // that was cancelled has its end as any other.
    if (status == openai::BatchStatus::cancelled) {
      insert_end(sql, ended, status, {}, now_s);
    } else {
      sql << "UPDATE spend_log SET status = 'failure' WHERE request_id = :id", soci::use(id.value);
    }
    if (end_notices_) insert_webhooks(sql, end_notices_(ended, status, now_ms));
    return {};
  });
  if (failed) obs::count(obs::Counter::batches_ended, {openai::name(status)});
  co_return failed;
}

Task<void> BatchStore::save_plan(Plan plan, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const std::int64_t now_s = now_ms / 1000;
    soci::statement update =
        (sql.prepare
             << "UPDATE batches SET phase = 'running', total = :total, failed = :refused, "
                "refused_lines = :refused2, model = :model, in_progress_at = CASE status WHEN "
                "'validating' THEN CAST(:at AS BIGINT) ELSE NULL END, status = CASE "
                "status WHEN 'validating' THEN 'in_progress' ELSE status END, due_ms = :due, "
                "failures = 0, lease_owner = NULL, lease_until_ms = NULL WHERE id = :id AND "
                "lease_owner = :me AND phase = 'planning'",
         soci::use(plan.total), soci::use(plan.refused_lines), soci::use(plan.refused_lines),
         soci::use(plan.model), soci::use(now_s), soci::use(now_ms), soci::use(plan.id.value),
         soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(plan.id.value));
    for (const JobRow& job : plan.jobs) columns_of(job, now_ms).insert_into(sql, "jobs");
    std::string error_id;
    sql << "SELECT error_id FROM batches WHERE id = :id", soci::use(plan.id.value),
        soci::into(error_id);
    if (plan.refused_segment) put_segment(sql, FileId{error_id}, *plan.refused_segment);
    sql << "UPDATE spend_log SET model = :model WHERE request_id = :id", soci::use(plan.model),
        soci::use(plan.id.value);
    return {};
  });
}

Task<void> BatchStore::job_submitting(BatchId id, int n) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    soci::statement update = (sql.prepare << "UPDATE jobs SET aws_status = 'Submitting', failures "
                                             "= failures + 1 WHERE batch_id = :id AND n = :n AND "
                                             "lease_owner = :me",
                              soci::use(id.value), soci::use(n), soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(fmt::format("{}/{}", id.value, n)));
    return {};
  });
}

Task<void> BatchStore::job_not_submitted(
    BatchId id, int n, std::int64_t due_ms, int failures, bool maybe_at_aws) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const std::string status = maybe_at_aws ? "Submitting" : "";
    sql << "UPDATE jobs SET aws_status = :status, due_ms = LEAST(due_ms, :due), failures = "
           ":failures, lease_owner = NULL, lease_until_ms = NULL WHERE batch_id = :id AND n = :n "
           "AND lease_owner = :me",
        soci::use(status), soci::use(due_ms), soci::use(failures), soci::use(id.value),
        soci::use(n), soci::use(lease_owner_);
    return {};
  });
}

Task<void> BatchStore::job_submitted(BatchId id, int n, std::string job_arn, std::int64_t due_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    soci::statement update =
        (sql.prepare
             << "UPDATE jobs SET state = 'submitted', job_arn = :arn, due_ms = LEAST(due_ms, "
                ":due), "
                "failures = 0, lease_owner = NULL, lease_until_ms = NULL WHERE batch_id = :id AND "
                "n = :n AND lease_owner = :me",
         soci::use(job_arn), soci::use(due_ms), soci::use(id.value), soci::use(n),
         soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(fmt::format("{}/{}", id.value, n)));
    return {};
  });
}

Task<void> BatchStore::job_started_directly(BatchId id, int n) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    soci::statement update =
        (sql.prepare << "UPDATE jobs SET state = 'running' WHERE batch_id = :id AND n = :n AND "
                        "lease_owner = :me",
         soci::use(id.value), soci::use(n), soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(fmt::format("{}/{}", id.value, n)));
    return {};
  });
}

Task<void> BatchStore::job_observed(BatchId id,
                                    int n,
                                    JobState state,
                                    std::string aws_status,
                                    std::string message,
                                    std::int64_t succeeded,
                                    std::int64_t errored,
                                    std::int64_t due_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock_batch(sql, id);
    const std::string word(name(state));
    soci::statement update =
        (sql.prepare
             << "UPDATE jobs SET state = :state, aws_status = :status, message = :message, "
                "succeeded = GREATEST(succeeded, :ok), errored = GREATEST(errored, :bad), due_ms = "
                "LEAST(due_ms, :due), failures = 0, "
                "lease_owner = NULL, lease_until_ms = NULL WHERE batch_id = :id AND n = :n AND "
                "lease_owner = :me AND state <> 'collected'",
         soci::use(word), soci::use(aws_status), soci::use(message), soci::use(succeeded),
         soci::use(errored), soci::use(due_ms), soci::use(id.value), soci::use(n),
         soci::use(lease_owner_));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(lease_lost(fmt::format("{}/{}", id.value, n)));
    refresh_counts(sql, id);
    return {};
  });
}

Task<void> BatchStore::job_collected(Collected collected, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const BatchId& id = collected.id;
    lock_batch(sql, id);
    const std::int64_t failed = collected.failed - collected.unfinished;
    Columns columns;
    if (collected.successor) {
      long long lines = 0;
      sql << "SELECT lines FROM jobs WHERE batch_id = :id AND n = :n", soci::use(id.value),
          soci::use(collected.n), soci::into(lines);
      columns.add("lines", lines - collected.successor->lines);
    }
    columns.add("state", std::string("collected"))
        .add("succeeded", collected.completed)
        .add("errored", failed)
        .add("cost_nano_usd", collected.cost_nano_usd)
        .add("cost_known", std::int64_t{collected.cost_known})
        .add("due_ms", kNeverMs)
        .add("failures", std::int64_t{0})
        .add("lease_owner", std::optional<std::string>())
        .add("lease_until_ms", std::optional<std::int64_t>());
    add_usage(columns, collected.usage);
    if (!collected.given_up.status.empty()) {
      columns.add("aws_status", collected.given_up.status)
          .add("message", collected.given_up.message);
    }
    Columns key;
    key.add("batch_id", id.value)
        .add("n", std::int64_t{collected.n})
        .add("lease_owner", lease_owner_);
    if (columns.update(sql, "jobs", key) == 0) {
      return fail(lease_lost(fmt::format("{}/{}", id.value, collected.n)));
    }
    insert_job_cost(sql, collected, now_ms / 1000);
    pay_from_reservations(sql, id, collected.cost_nano_usd);
    std::string output_id;
    std::string error_id;
    sql << "SELECT output_id, error_id FROM batches WHERE id = :id", soci::use(id.value),
        soci::into(output_id), soci::into(error_id);
    if (collected.successor) columns_of(*collected.successor, now_ms).insert_into(sql, "jobs");
    if (collected.output_segment) put_segment(sql, FileId{output_id}, *collected.output_segment);
    if (collected.error_segment) put_segment(sql, FileId{error_id}, *collected.error_segment);
    sql << "DELETE FROM direct_results WHERE batch_id = :id AND n = :n", soci::use(id.value),
        soci::use(collected.n);
    refresh_counts(sql, id);
    wake_batch_if_collected(sql, id, now_ms);
    return {};
  });
}

Task<void> BatchStore::begin_stop(BatchId id, std::string aws_status, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock_batch(sql, id);
    // What AWS has not seen ends at once; what it runs is asked to stop.
    sql << "UPDATE jobs SET state = 'ended', aws_status = :status, due_ms = :now WHERE batch_id = "
           ":id AND state IN ('planned', 'staged') AND aws_status <> 'Submitting' AND lease_owner "
           "IS NULL",
        soci::use(aws_status), soci::use(now_ms), soci::use(id.value);
    sql << "UPDATE jobs SET stop_requested = 1, due_ms = :now WHERE batch_id = :id AND state NOT "
           "IN ('ended', 'collected') AND stop_requested = 0",
        soci::use(now_ms), soci::use(id.value);
    return {};
  });
}

Task<void> BatchStore::end_unreachable(BatchId id, std::string deployment_id, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock_batch(sql, id);
    sql << "UPDATE jobs SET state = 'ended', due_ms = :now WHERE batch_id = :id AND deployment_id "
           "= "
           ":deployment AND state NOT IN ('ended', 'collected') AND lease_owner IS NULL",
        soci::use(now_ms), soci::use(id.value), soci::use(deployment_id);
    return {};
  });
}

Task<void> BatchStore::run_staged_directly(BatchId id,
                                           std::string deployment_id,
                                           std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock_batch(sql, id);
    sql << "UPDATE jobs SET kind = 'direct', state = 'planned', due_ms = :now, failures = 0 WHERE "
           "batch_id = :id AND deployment_id = :deployment AND kind = 'bedrock' AND state = "
           "'staged' AND aws_status <> 'Submitting' AND lease_owner IS NULL",
        soci::use(now_ms), soci::use(id.value), soci::use(deployment_id);
    return {};
  });
}

Task<void> BatchStore::begin_finalizing(BatchId id, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    const std::int64_t now_s = now_ms / 1000;
    sql << "UPDATE batches SET status = 'finalizing', finalizing_at = :at WHERE id = :id AND "
           "status = "
           "'in_progress'",
        soci::use(now_s), soci::use(id.value);
    return {};
  });
}

Task<void> BatchStore::finish(End end, std::int64_t now_ms) {
  openai::BatchStatus status = end.status;
  auto finished = co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    soci::row row;
    sql << "SELECT " << kBatchColumns
        << " FROM batches WHERE id = :id AND lease_owner = :me AND phase = 'running'"
        << for_update(sql),
        soci::use(end.id.value), soci::use(lease_owner_), soci::into(row);
    if (!sql.got_data()) return fail(lease_lost(end.id.value));
    const BatchRow batch = batch_of(row);
    // A cancel that came while the end was being prepared wins over completed, as it was answered
    // 200.
    status = end.status;
    if (batch.object.status == openai::BatchStatus::cancelling)
      status = openai::BatchStatus::cancelled;

    const std::int64_t now_s = now_ms / 1000;
    bool has_output = false;
    bool has_error = false;
    const std::int64_t output_bytes = segment_bytes(sql, batch.output_id, has_output);
    const std::int64_t error_bytes = segment_bytes(sql, batch.error_id, has_error);
    end.output_file.bytes = output_bytes;
    end.error_file.bytes = error_bytes;
    if (has_output) insert_file(sql, end.output_file);
    if (has_error) insert_file(sql, end.error_file);

    SpendRow spend = sum_of_jobs(sql, end.id);
    spend.failed += batch.refused_lines;
    insert_end(sql, batch, status, spend, now_s);

    Columns columns;
    columns.add("status", std::string(openai::name(status)))
        .add("phase", std::string(name(BatchPhase::done)))
        .add(std::string(openai::name(status)) + "_at", now_s)
        .add("errors", boost::json::serialize(openai::to_json(end.errors)))
        .add("has_output", std::int64_t{has_output})
        .add("has_error", std::int64_t{has_error})
        .add("completed", spend.completed)
        .add("failed", spend.failed)
        .add("cost_nano_usd", spend.cost_nano_usd)
        .add("cost_known", std::int64_t{spend.cost_known})
        .add("lease_owner", std::optional<std::string>())
        .add("lease_until_ms", std::optional<std::int64_t>());
    add_usage(columns, spend.usage);
    Columns key;
    key.add("id", end.id.value);
    columns.update(sql, "batches", key);
    release_reservations(sql, end.id);
    if (end_notices_) insert_webhooks(sql, end_notices_(batch, status, now_ms));
    return {};
  });
  if (finished) obs::count(obs::Counter::batches_ended, {openai::name(status)});
  co_return finished;
}

}  // namespace quarry::store
