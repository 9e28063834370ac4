// The ledger: GET /spend/logs, /spend/keys, /spend/models, /spend/teams, /global/spend/report.
#include "api/errors.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/spend_views.h"
#include "api/time_range.h"
#include "base/bytes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace quarry::api {
namespace {

constexpr std::int64_t kLogLimitMax = 1'000;
constexpr std::int64_t kReportLimitMax = 10'000;
constexpr std::int64_t kOffsetMax = 1'000'000'000;
constexpr std::size_t kGroupsMax = 4;

using Parameters = std::map<std::string, std::string, std::less<>>;

const std::string* find(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  return found == parameters.end() || found->second.empty() ? nullptr : &found->second;
}

// A key may be named by its hash, or given itself.
std::string hash_of_key(const std::string& key) {
  return key.starts_with("sk-") ? sha256_hex(key) : key;
}

Result<std::int64_t> number(const Parameters& parameters,
                            std::string_view name,
                            std::int64_t otherwise,
                            std::int64_t least,
                            std::int64_t most) {
  const std::string* given = find(parameters, name);
  return given ? integer_parameter(name, *given, least, most) : Result<std::int64_t>(otherwise);
}

Result<bool> flag(const Parameters& parameters, std::string_view name) {
  const std::string* given = find(parameters, name);
  return given ? boolean_parameter(name, *given) : Result<bool>(false);
}

// true: CSV, false: JSON.
Result<bool> wants_csv(const Call& call, const Parameters& parameters) {
  const std::string* format = find(parameters, "format");
  if (!format) {
    return call.request.headers.get("Accept").value_or("").starts_with("text/csv");
  }
  if (*format == "csv" || *format == "json") return *format == "csv";
  return fail(
      Error(Errc::invalid_request,
            fmt::format("Invalid value: '{}'. Supported values are: 'csv' and 'json'.", *format))
          .param("format")
          .reason("invalid_value"));
}

// By LiteLLM's names, of both generations.
Result<store::SpendFilter> filter_of(const Call& call, const Parameters& parameters) {
  const auto text = [&](std::string_view one, std::string_view other) {
    const std::string* given = find(parameters, one);
    if (!given) given = find(parameters, other);
    return given ? *given : std::string();
  };
  store::SpendFilter filter;
  filter.viewer = call.caller.viewer();
  filter.batch_id = text("batch_id", "session_id");
  filter.key_hash = hash_of_key(text("api_key", "key"));
  filter.user_id = text("user_id", "internal_user_id");
  filter.team_id = text("team_id", "team_id");
  filter.model = text("model", "model_group");
  const auto date = [&](std::string_view name) -> std::optional<std::string_view> {
    const std::string* given = find(parameters, name);
    return given ? std::optional<std::string_view>(*given) : std::nullopt;
  };
  auto range = parse_range_of_dates(date("start_date"), date("end_date"));
  if (!range) return fail(std::move(range.error()));
  filter.from_s = range->from_s;
  filter.to_s = range->to_s;
  return filter;
}

// A page of rows, and in a header whether there are more: neither an array nor CSV has another
// place for that.
http::ServerResponse rows_response(const boost::json::array& rows,
                                   const std::vector<std::string>& columns,
                                   bool csv,
                                   bool has_more,
                                   std::string_view filename) {
  http::ServerResponse response;
  if (csv) {
    response.status = 200;
    response.headers.set("Content-Type", "text/csv; charset=utf-8; header=present");
    response.headers.set("Content-Disposition",
                         fmt::format("attachment; filename=\"{}.csv\"", filename));
    response.body = csv_of(rows, columns);
  } else {
    response = json_response(200, rows);
  }
  response.headers.set("x-has-more", has_more ? "true" : "false");
  return response;
}

struct ReportRequest {
  store::SpendStore::ReportQuery query;
  bool csv = false;
};

Result<ReportRequest> report_request(const Call& call,
                                     const Parameters& parameters,
                                     std::vector<store::GroupBy> groups) {
  ReportRequest request;
  auto csv = wants_csv(call, parameters);
  if (!csv) return fail(std::move(csv.error()));
  auto filter = filter_of(call, parameters);
  if (!filter) return fail(std::move(filter.error()));
  auto limit = number(parameters, "limit", 1'000, 1, kReportLimitMax);
  if (!limit) return fail(std::move(limit.error()));
  auto offset = number(parameters, "offset", 0, 0, kOffsetMax);
  if (!offset) return fail(std::move(offset.error()));
  request.csv = *csv;
  request.query = {std::move(*filter), std::move(groups), *limit, *offset};
  return request;
}

// "team,model"; LiteLLM's words beside ours.
Result<std::vector<store::GroupBy>> groups_of(std::string_view list) {
  std::vector<store::GroupBy> groups;
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    if (word == "api_key") word = "key";
    if (word == "internal_user" || word == "internal_user_id") word = "user";
    if (word == "date") word = "day";
    const auto group = store::parse_group_by(word);
    if (!group || std::ranges::find(groups, *group) != groups.end() ||
        groups.size() == kGroupsMax) {
      return fail(
          Error(Errc::invalid_request,
                fmt::format("Invalid 'group_by': '{}'. Supported are up to {} of 'team', 'key', "
                            "'user', 'owner', 'model', 'deployment' and 'day', each once, with "
                            "commas between them.",
                            word.substr(0, 64), kGroupsMax))
              .param("group_by")
              .reason("invalid_value"));
    }
    groups.push_back(*group);
    if (comma == std::string_view::npos) return groups;
    list.remove_prefix(comma + 1);
  }
}

// Rows of one kind, as an array: what LiteLLM's /spend/keys and its kin answer.
Answer spend_by(Call call, store::GroupBy group, std::string_view name) {
  const auto parameters = parse_query(call.request.query);
  auto request = report_request(call, parameters, {group});
  if (!request) co_return error_response(request.error(), call.request.request_id);
  const auto groups = request->query.group_by;
  auto report = co_await call.services.spend.report(std::move(request->query));
  if (!report) co_return error_response(report.error(), call.request.request_id);
  boost::json::array rows;
  for (const store::ReportRow& row : report->rows) rows.push_back(report_object(row, groups));
  co_return rows_response(rows, report_columns(groups), request->csv, report->has_more, name);
}

}  // namespace

// An array of rows, as LiteLLM answers it.
Answer spend_logs(Call call) {
  const auto parameters = parse_query(call.request.query);
  store::SpendStore::LogQuery query;
  auto csv = wants_csv(call, parameters);
  if (!csv) co_return error_response(csv.error(), call.request.request_id);
  auto summarize = flag(parameters, "summarize");
  if (!summarize) co_return error_response(summarize.error(), call.request.request_id);
  if (*summarize) co_return co_await spend_by(std::move(call), store::GroupBy::day, "spend_days");
  auto filter = filter_of(call, parameters);
  if (!filter) co_return error_response(filter.error(), call.request.request_id);
  query.filter = std::move(*filter);
  if (const std::string* id = find(parameters, "request_id")) query.request_id = *id;
  if (const std::string* after = find(parameters, "after")) query.after = *after;
  auto limit = number(parameters, "limit", 100, 1, kLogLimitMax);
  if (!limit) co_return error_response(limit.error(), call.request.request_id);
  query.limit = *limit;
  auto page = co_await call.services.spend.logs(std::move(query));
  if (!page) co_return error_response(page.error(), call.request.request_id);
  boost::json::array rows;
  for (const store::SpendLogRow& row : page->rows) rows.push_back(log_object(row));
  co_return rows_response(rows, log_columns(), *csv, page->has_more, "spend_logs");
}

Answer spend_keys(Call call) {
  co_return co_await spend_by(std::move(call), store::GroupBy::key, "spend_keys");
}

Answer spend_models(Call call) {
  co_return co_await spend_by(std::move(call), store::GroupBy::model, "spend_models");
}

Answer spend_teams(Call call) {
  co_return co_await spend_by(std::move(call), store::GroupBy::team, "spend_teams");
}

Answer spend_report(Call call) {
  const auto parameters = parse_query(call.request.query);
  const std::string* list = find(parameters, "group_by");
  auto groups = groups_of(list ? *list : "day,team");
  if (!groups) co_return error_response(groups.error(), call.request.request_id);
  auto request = report_request(call, parameters, *groups);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  auto report = co_await call.services.spend.report(std::move(request->query));
  if (!report) co_return error_response(report.error(), call.request.request_id);
  boost::json::array rows, names;
  for (const store::ReportRow& row : report->rows) rows.push_back(report_object(row, *groups));
  if (request->csv) {
    co_return rows_response(rows, report_columns(*groups), true, report->has_more, "spend_report");
  }
  for (const store::GroupBy group : *groups) names.push_back(boost::json::string(name(group)));
  const auto given = [&](std::string_view parameter) -> boost::json::value {
    const std::string* value = find(parameters, parameter);
    return value ? boost::json::value(*value) : nullptr;
  };
  co_return json_response(200, {{"object", "spend.report"},
                                {"start_date", given("start_date")},
                                {"end_date", given("end_date")},
                                {"group_by", std::move(names)},
                                {"data", std::move(rows)},
                                {"has_more", report->has_more},
                                {"total", spent_object(report->total)}});
}

}  // namespace quarry::api
