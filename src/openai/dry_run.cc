#include "openai/dry_run.h"

#include <boost/json.hpp>

namespace quarry::openai {
namespace {

namespace json = boost::json;

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value or_null(const std::optional<std::int64_t>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value usd_or_null(const std::optional<std::int64_t>& nano_usd) {
  return nano_usd ? json::value(static_cast<double>(*nano_usd) / 1e9) : json::value(nullptr);
}

json::object estimate_json(const DryRunEstimate& estimate) {
  return {{"input_tokens", estimate.input_tokens},
          {"output_tokens_max", or_null(estimate.output_tokens_max)},
          {"input_cost_usd", usd_or_null(estimate.input_cost_nano_usd)},
          {"batch_cost_usd", usd_or_null(estimate.cost_nano_usd)},
          {"on_demand_cost_usd", usd_or_null(estimate.on_demand_cost_nano_usd)}};
}

json::object job_json(const DryRunJob& job) {
  return {{"model", job.model},
          {"kind", job.on_demand ? "on_demand" : "batch"},
          {"deployment", job.deployment},
          {"model_id", job.model_id},
          {"region", text_or_null(job.region)},
          {"bucket", text_or_null(job.bucket)},
          {"invocation", job.invocation},
          {"lines", job.lines},
          {"records", job.records},
          {"bytes", job.bytes},
          {"estimate", estimate_json(job.estimate)}};
}

json::object list_json(const std::vector<DryRunFinding>& findings, std::int64_t count) {
  json::array data;
  for (const DryRunFinding& finding : findings) data.push_back(to_json(finding));
  return {{"object", "list"}, {"data", std::move(data)}, {"total", count}};
}

}  // namespace

json::object to_json(const DryRunFinding& finding) {
  return {{"code", text_or_null(finding.code)},
          {"message", finding.message},
          {"param", text_or_null(finding.param)},
          {"line", or_null(finding.line)},
          {"custom_id", text_or_null(finding.custom_id)}};
}

json::object summary_json(const DryRun& run) {
  json::array models, jobs;
  for (const DryRunModel& model : run.models) {
    models.push_back({{"model", model.model},
                      {"lines", model.lines},
                      {"refused", model.refused},
                      {"known", model.known}});
  }
  for (const DryRunJob& job : run.jobs) jobs.push_back(job_json(job));
  json::object estimate = estimate_json(run.estimate);
  estimate["unpriced"] = json::value_from(run.unpriced);
  estimate["unbounded"] = json::value_from(run.unbounded);
  return {{"object", "batch.dry_run"},
          {"would", run.would_fail() ? "fail" : "complete_validation"},
          {"input_file_id", run.input_file_id ? json::value(*run.input_file_id) : nullptr},
          {"endpoint", run.endpoint},
          {"bytes", run.bytes},
          {"request_counts", {{"total", run.lines}, {"refused", run.refused}}},
          {"models", std::move(models)},
          {"jobs", std::move(jobs)},
          {"estimate", std::move(estimate)}};
}

json::object to_json(const DryRun& run) {
  json::object object = summary_json(run);
  object["errors"] = list_json(run.errors, run.error_count);
  object["refused"] = list_json(run.refusals, run.refusal_count);
  return object;
}

}  // namespace quarry::openai
