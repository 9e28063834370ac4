#include "store/job_costs.h"

#include "store/batch_rows.h"
#include "store/columns.h"
#include "store/conditions.h"
#include "store/ownership_columns.h"
#include "store/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace quarry::store {
namespace {

// Fewer than the values that any statement may have.
constexpr std::size_t kBatchesAtOnce = 500;

void add_price(Columns& columns, const JobBill& bill) {
  const auto part = [&](std::int64_t PriceOfJob::* member) {
    return bill.price ? std::optional((*bill.price).*member) : std::nullopt;
  };
  columns.add("unpriced", std::int64_t{!bill.price})
      .add("input_pico_usd", part(&PriceOfJob::input_pico_usd))
      .add("output_pico_usd", part(&PriceOfJob::output_pico_usd))
      .add("cache_read_pico_usd", part(&PriceOfJob::cache_read_pico_usd))
      .add("cache_write_pico_usd", part(&PriceOfJob::cache_write_pico_usd))
      .add("price_source", bill.price_source)
      .add("price_date", bill.price_date);
}

std::optional<PriceOfJob> price_of(const soci::row& row) {
  const auto input = maybe_integer(row, "input_pico_usd");
  if (!input) return std::nullopt;
  return PriceOfJob{*input, integer(row, "output_pico_usd"), integer(row, "cache_read_pico_usd"),
                    integer(row, "cache_write_pico_usd")};
}

BillRow bill_of(const soci::row& row) {
  BillRow bill;
  bill.model_name = text(row, "model_name");
  bill.model_id = text(row, "model_id");
  bill.deployment_id = text(row, "deployment_id");
  bill.kind = parse_kind(text(row, "kind"));
  bill.price = price_of(row);
  bill.price_source = text(row, "price_source");
  bill.price_date = text(row, "price_date");
  bill.spent = spent_of(row);
  return bill;
}

}  // namespace

const char* const kSpentColumns =
    "CAST(COUNT(DISTINCT batch_id) AS BIGINT) AS batches, CAST(COUNT(*) AS BIGINT) AS jobs, "
    "CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT) AS input_tokens, "
    "CAST(COALESCE(SUM(cached_tokens), 0) AS BIGINT) AS cached_tokens, "
    "CAST(COALESCE(SUM(cache_write_tokens), 0) AS BIGINT) AS cache_write_tokens, "
    "CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT) AS output_tokens, "
    "CAST(COALESCE(SUM(reasoning_tokens), 0) AS BIGINT) AS reasoning_tokens, "
    "CAST(COALESCE(SUM(input_nano_usd), 0) AS BIGINT) AS input_nano_usd, "
    "CAST(COALESCE(SUM(output_nano_usd), 0) AS BIGINT) AS output_nano_usd, "
    "CAST(COALESCE(SUM(cost_nano_usd), 0) AS BIGINT) AS cost_nano_usd, "
    "CAST(COALESCE(SUM(1 - cost_known), 0) AS BIGINT) AS unknown_jobs, "
    "CAST(COALESCE(SUM(unpriced), 0) AS BIGINT) AS unpriced_jobs, "
    "CAST(COALESCE(SUM(from_manifest), 0) AS BIGINT) AS from_manifest_jobs, "
    "CAST(COALESCE(SUM(manifest_differs), 0) AS BIGINT) AS manifest_differs_jobs, "
    "CAST(COALESCE(SUM(completed), 0) AS BIGINT) AS completed, "
    "CAST(COALESCE(SUM(failed), 0) AS BIGINT) AS failed";

Spent spent_of(const soci::row& row) {
  Spent spent;
  spent.batches = integer(row, "batches");
  spent.jobs = integer(row, "jobs");
  spent.usage = usage_of(row);
  spent.input_nano_usd = integer(row, "input_nano_usd");
  spent.output_nano_usd = integer(row, "output_nano_usd");
  spent.cost_nano_usd = integer(row, "cost_nano_usd");
  spent.unknown_jobs = integer(row, "unknown_jobs");
  spent.unpriced_jobs = integer(row, "unpriced_jobs");
  spent.from_manifest_jobs = integer(row, "from_manifest_jobs");
  spent.manifest_differs_jobs = integer(row, "manifest_differs_jobs");
  spent.completed = integer(row, "completed");
  spent.failed = integer(row, "failed");
  return spent;
}

void insert_job_cost(soci::session& sql,
                     const BatchStore::Collected& collected,
                     std::int64_t now_s) {
  soci::row of;
  sql << "SELECT jobs.kind AS kind, jobs.model_name AS model_name, jobs.deployment_id AS "
         "deployment_id, batches.owner AS owner, batches.team_id AS team_id, batches.key_hash AS "
         "key_hash, batches.user_id AS user_id FROM jobs JOIN batches ON batches.id = "
         "jobs.batch_id WHERE jobs.batch_id = :id AND jobs.n = :n",
      soci::use(collected.id.value), soci::use(collected.n), soci::into(of);
  if (!sql.got_data()) {
    throw std::runtime_error(fmt::format("no job {}/{}", collected.id.value, collected.n));
  }
  Columns columns;
  columns.add("batch_id", collected.id.value)
      .add("n", std::int64_t{collected.n})
      .add("kind", text(of, "kind"))
      .add("model_name", text(of, "model_name"))
      .add("model_id", collected.bill.model_id)
      .add("deployment_id", text(of, "deployment_id"))
      .add("input_nano_usd", collected.bill.input_nano_usd)
      .add("output_nano_usd", collected.bill.output_nano_usd)
      .add("cost_nano_usd", collected.cost_nano_usd)
      .add("cost_known", std::int64_t{collected.cost_known})
      .add("from_manifest", std::int64_t{collected.bill.from_manifest})
      .add("manifest_differs", std::int64_t{collected.bill.manifest_differs})
      .add("completed", collected.completed)
      .add("failed", collected.failed - collected.unfinished)
      .add("collected_at", now_s);
  add_ownership(columns, ownership_of(of));
  add_usage(columns, collected.usage);
  add_price(columns, collected.bill);
  columns.insert_into(sql, "job_costs");
}

std::map<std::string, std::vector<BillRow>> bills_of(soci::session& sql,
                                                     std::span<const std::string> batch_ids) {
  constexpr const char* kWay =
      "model_name, model_id, deployment_id, kind, input_pico_usd, output_pico_usd, "
      "cache_read_pico_usd, cache_write_pico_usd, price_source, price_date";
  std::map<std::string, std::vector<BillRow>> bills;
  while (!batch_ids.empty()) {
    const auto some = batch_ids.first(std::min(batch_ids.size(), kBatchesAtOnce));
    batch_ids = batch_ids.subspan(some.size());
    Conditions values(Viewer{.all = true});
    std::vector<std::string> places;
    for (const std::string& id : some) places.push_back(values.bind(id));
    const std::string statement = fmt::format(
        "SELECT batch_id, {0}, {1} FROM job_costs WHERE batch_id IN ({2}) GROUP BY batch_id, {0} "
        "ORDER BY cost_nano_usd DESC, model_name, deployment_id, kind",
        kWay, kSpentColumns, fmt::join(places, ", "));
    values.select(sql, statement, [&](const soci::row& row) {
      bills[text(row, "batch_id")].push_back(bill_of(row));
    });
  }
  return bills;
}

}  // namespace quarry::store
