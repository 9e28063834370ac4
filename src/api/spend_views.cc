#include "api/spend_views.h"

#include "base/clock.h"
#include "catalog/prices.h"
#include "json/value_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quarry::api {
namespace {

namespace json = boost::json;

constexpr double kNanoPerUsd = 1e9;

double usd(std::int64_t nano_usd) { return static_cast<double>(nano_usd) / kNanoPerUsd; }

json::value usd_if(bool known, std::int64_t nano_usd) {
  return known ? json::value(usd(nano_usd)) : nullptr;
}

std::string time_of(std::int64_t unix_s) { return iso8601(SysTime(std::chrono::seconds(unix_s))); }

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object usage_object(const openai::Usage& usage) {
  return {{"prompt_tokens", usage.input_tokens},
          {"completion_tokens", usage.output_tokens},
          {"total_tokens", usage.total_tokens()},
          {"prompt_tokens_details",
           {{"cached_tokens", usage.cached_input_tokens},
            {"cache_creation_tokens", usage.cache_write_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}},
          {"cache_read_input_tokens", usage.cached_input_tokens},
          {"cache_creation_input_tokens", usage.cache_write_tokens}};
}

json::value price_object(const std::optional<store::PriceOfJob>& price) {
  if (!price) return nullptr;
  return json::object{{"input", catalog::dollars_per_million(price->input_pico_usd)},
                      {"output", catalog::dollars_per_million(price->output_pico_usd)},
                      {"cache_read", catalog::dollars_per_million(price->cache_read_pico_usd)},
                      {"cache_write", catalog::dollars_per_million(price->cache_write_pico_usd)}};
}

json::object bill_object(const store::BillRow& bill) {
  json::object object{{"model", bill.model_name},
                      {"bedrock_model", bill.model_id},
                      {"deployment", bill.deployment_id},
                      {"kind", bill.kind == store::JobKind::direct ? "on_demand" : "batch"},
                      {"usd_per_million_tokens", price_object(bill.price)},
                      {"price_source", text_or_null(bill.price_source)},
                      {"price_date", text_or_null(bill.price_date)}};
  for (auto& member : spent_object(bill.spent)) {
    if (member.key() != "batches") object.insert(member);
  }
  return object;
}

json::object metadata_of(const store::SpendLogRow& log) {
  const store::SpendRow& row = log.row;
  std::set<std::string> models;
  std::int64_t input = 0, output = 0, unpriced = 0;
  json::array bills;
  for (const store::BillRow& bill : log.bills) {
    models.insert(bill.model_name);
    input += bill.spent.input_nano_usd;
    output += bill.spent.output_nano_usd;
    unpriced += bill.spent.unpriced_jobs;
    bills.push_back(bill_object(bill));
  }
  if (models.empty() && !row.model.empty()) models.insert(row.model);
  return {{"batch_models", json::value_from(models)},
          {"batch_successful_requests", row.completed},
          {"batch_failed_requests", row.failed},
          {"unpriced", unpriced > 0},
          {"cost_breakdown",
           {{"input_cost", usd_if(row.cost_known, input)},
            {"output_cost", usd_if(row.cost_known, output)},
            {"total_cost", usd_if(row.cost_known, row.cost_nano_usd)}}},
          {"usage_object", usage_object(row.usage)},
          {"batch_cost", std::move(bills)}};
}

std::string text_of(const json::value& value) {
  if (value.is_null()) return "";
  return value.is_string() ? std::string(value.get_string()) : quarry::json::value_text(value);
}

}  // namespace

json::object log_object(const store::SpendLogRow& log) {
  const store::SpendRow& row = log.row;
  const bool failure = row.status == "failure" || row.status == "failed";
  const bool ended = row.call_type == "batch_success";
  std::int64_t unpriced = 0;
  for (const store::BillRow& bill : log.bills) unpriced += bill.spent.unpriced_jobs;
  return {{"request_id", row.request_id},
          {"call_type", row.call_type},
          {"status", failure ? "failure" : "success"},
          {"batch_id", row.batch_id.value},
          {"batch_status", ended ? text_or_null(row.status) : json::value(nullptr)},
          {"session_id", row.batch_id.value},
          {"api_key", row.by.key_hash},
          {"user", row.by.user_id},
          {"team_id", row.by.team_id ? json::value(*row.by.team_id) : nullptr},
          {"owner", row.by.owner},
          {"model", row.model},
          {"model_group", row.model},
          {"custom_llm_provider", "bedrock"},
          {"spend", usd_if(row.cost_known, row.cost_nano_usd)},
          {"spend_nano_usd", row.cost_known ? json::value(row.cost_nano_usd) : nullptr},
          {"unpriced", unpriced > 0},
          {"prompt_tokens", row.usage.input_tokens},
          {"completion_tokens", row.usage.output_tokens},
          {"total_tokens", row.usage.total_tokens()},
          {"cached_tokens", row.usage.cached_input_tokens},
          {"cache_creation_tokens", row.usage.cache_write_tokens},
          {"reasoning_tokens", row.usage.reasoning_tokens},
          {"startTime", time_of(row.started_at)},
          {"endTime", time_of(row.ended_at)},
          {"metadata", metadata_of(log)}};
}

json::object spent_object(const store::Spent& spent) {
  const bool known = spent.unknown_jobs == 0;
  return {{"spend", usd_if(known, spent.cost_nano_usd)},
          {"spend_nano_usd", known ? json::value(spent.cost_nano_usd) : nullptr},
          {"known_spend_nano_usd", spent.cost_nano_usd},
          {"input_cost_nano_usd", spent.input_nano_usd},
          {"output_cost_nano_usd", spent.output_nano_usd},
          {"unpriced", spent.unpriced_jobs > 0},
          {"unpriced_jobs", spent.unpriced_jobs},
          {"unknown_jobs", spent.unknown_jobs},
          {"prompt_tokens", spent.usage.input_tokens},
          {"completion_tokens", spent.usage.output_tokens},
          {"total_tokens", spent.usage.total_tokens()},
          {"cached_tokens", spent.usage.cached_input_tokens},
          {"cache_creation_tokens", spent.usage.cache_write_tokens},
          {"reasoning_tokens", spent.usage.reasoning_tokens},
          {"successful_requests", spent.completed},
          {"failed_requests", spent.failed},
          {"batches", spent.batches},
          {"jobs", spent.jobs},
          {"jobs_counted_by_manifest", spent.from_manifest_jobs},
          {"jobs_manifest_differs", spent.manifest_differs_jobs}};
}

namespace {

// LiteLLM's names of what is grouped by.
std::string_view column_of(store::GroupBy group) {
  switch (group) {
    case store::GroupBy::day:
      return "date";
    case store::GroupBy::team:
      return "team_id";
    case store::GroupBy::key:
      return "api_key";
    case store::GroupBy::user:
      return "user";
    case store::GroupBy::owner:
      return "owner";
    case store::GroupBy::model:
      return "model";
    case store::GroupBy::deployment:
      return "deployment";
  }
  return "";
}

}  // namespace

json::object report_object(const store::ReportRow& row, const std::vector<store::GroupBy>& groups) {
  json::object object;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    object[column_of(groups[i])] = row.groups[i];
    if (groups[i] == store::GroupBy::key) {
      object["key_name"] = text_or_null(row.key_name);
      object["key_alias"] = text_or_null(row.key_alias);
    } else if (groups[i] == store::GroupBy::team) {
      object["team_alias"] = text_or_null(row.team_alias);
    }
  }
  for (auto& member : spent_object(row.spent)) object.insert(member);
  return object;
}

std::string csv_of(const json::array& objects, const std::vector<std::string>& columns) {
  std::string out;
  std::vector<CsvField> fields;
  for (const std::string& column : columns) fields.push_back({column, false});
  append_csv_record(out, fields);
  for (const json::value& value : objects) {
    fields.clear();
    for (const std::string& column : columns) {
      const json::value* const cell = value.as_object().if_contains(column);
      if (cell) {
        fields.push_back({text_of(*cell), cell->is_number() || cell->is_bool()});
      } else {
        fields.emplace_back();
      }
    }
    append_csv_record(out, fields);
  }
  return out;
}

std::vector<std::string> log_columns() {
  std::vector<std::string> columns;
  for (const auto& member : log_object({})) columns.emplace_back(member.key());
  return columns;
}

std::vector<std::string> report_columns(const std::vector<store::GroupBy>& groups) {
  store::ReportRow row;
  row.groups.resize(groups.size());
  std::vector<std::string> columns;
  for (const auto& member : report_object(row, groups)) columns.emplace_back(member.key());
  return columns;
}

}  // namespace quarry::api
