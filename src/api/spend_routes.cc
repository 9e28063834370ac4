#include "api/errors.h"
#include "api/query.h"
#include "api/routes.h"

namespace quarry::api {
namespace {

constexpr double kNanoPerUsd = 1e9;

boost::json::value row_object(const store::SpendRow& row) {
  const boost::json::value spend =
      row.cost_known ? boost::json::value(static_cast<double>(row.cost_nano_usd) / kNanoPerUsd)
                     : nullptr;
  return {{"request_id", row.request_id},
          {"call_type", row.call_type},
          {"batch_id", row.batch_id.value},
          {"model", row.model},
          {"spend", spend},
          {"spend_nano_usd", row.cost_known ? boost::json::value(row.cost_nano_usd) : nullptr},
          {"prompt_tokens", row.usage.input_tokens},
          {"completion_tokens", row.usage.output_tokens},
          {"total_tokens", row.usage.total_tokens()},
          {"cached_tokens", row.usage.cached_input_tokens},
          {"startTime", iso8601(SysTime(std::chrono::seconds(row.started_at)))},
          {"endTime", iso8601(SysTime(std::chrono::seconds(row.ended_at)))},
          {"metadata",
           {{"batch_successful_requests", row.completed}, {"batch_failed_requests", row.failed}}}};
}

}  // namespace

// An array of rows, as LiteLLM answers it.
Answer spend_logs(Call call) {
  const auto parameters = parse_query(call.request.query);
  store::SpendStore::LogQuery query;
  query.filter.viewer = call.caller.viewer();
  if (const auto found = parameters.find("request_id"); found != parameters.end())
    query.request_id = found->second;
  if (const auto found = parameters.find("batch_id"); found != parameters.end())
    query.filter.batch_id = found->second;
  if (const auto found = parameters.find("limit"); found != parameters.end()) {
    auto limit = integer_parameter("limit", found->second, 1, 10'000);
    if (!limit) co_return error_response(limit.error(), call.request.request_id);
    query.limit = *limit;
  }
  auto page = co_await call.services.spend.logs(std::move(query));
  if (!page) co_return error_response(page.error(), call.request.request_id);
  boost::json::array data;
  for (const store::SpendLogRow& row : page->rows) data.push_back(row_object(row.row));
  co_return json_response(200, data);
}

}  // namespace quarry::api
