#include "store/spend_store.h"

#include "store/batch_rows.h"
#include "store/conditions.h"
#include "store/job_costs.h"
#include "store/ownership_columns.h"
#include "store/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>

namespace quarry::store {
namespace {

constexpr std::array<std::string_view, 7> kGroups{"day",   "team",  "key",       "user",
                                                  "owner", "model", "deployment"};
constexpr std::array<std::string_view, 7> kGroupColumns{
    "collected_at / 86400", "COALESCE(team_id, '')", "key_hash", "user_id", "owner",
    "model_name",           "deployment_id"};

constexpr const char* kLogColumns =
    "request_id, call_type, status, batch_id, owner, team_id, key_hash, user_id, model, "
    "started_at, ended_at, input_tokens, cached_tokens, cache_write_tokens, output_tokens, "
    "reasoning_tokens, cost_nano_usd, cost_known, completed, failed";

constexpr std::string_view kEndOfBatch = "batch_success";

SpendRow spend_of(const soci::row& row) {
  SpendRow spend;
  spend.request_id = text(row, "request_id");
  spend.call_type = text(row, "call_type");
  spend.status = text(row, "status");
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
  return spend;
}

// model and time are columns of different names in the two tables.
Conditions conditions_of(const SpendFilter& filter, std::string_view time) {
  Conditions where(filter.viewer);
  where.add_if_any("batch_id = ", filter.batch_id)
      .add_if_any("key_hash = ", filter.key_hash)
      .add_if_any("user_id = ", filter.user_id)
      .add_if_any("team_id = ", filter.team_id);
  if (filter.from_s) where.add(fmt::format("{} >= {}", time, *filter.from_s));
  if (filter.to_s) where.add(fmt::format("{} < {}", time, *filter.to_s));
  return where;
}

// What comes after the row of that name, in the order of the log; the viewer must see it.
Result<void> add_after(soci::session& sql,
                       const Viewer& viewer,
                       const std::string& after,
                       Conditions& where) {
  if (after.empty()) return {};
  std::optional<std::int64_t> ended_at;
  Conditions row_of(viewer);
  row_of.add("request_id = ", after);
  row_of.select(sql, "SELECT ended_at FROM spend_log WHERE " + row_of.text(),
                [&](const soci::row& row) { ended_at = integer(row, "ended_at"); });
  if (!ended_at) {
    return fail(
        Error(Errc::invalid_request, "No row of the spend log has the request_id '" + after + "'.")
            .param("after"));
  }
  // The first of the two bounds the walk through the index.
  where.add(fmt::format("ended_at <= {0} AND (ended_at < {0} OR request_id > ", *ended_at), after,
            ")");
  return {};
}

void add_bills(soci::session& sql, std::vector<SpendLogRow>& rows) {
  std::vector<std::string> ended;
  for (const SpendLogRow& row : rows) {
    if (row.row.call_type == kEndOfBatch) ended.push_back(row.row.batch_id.value);
  }
  auto bills = bills_of(sql, ended);
  for (SpendLogRow& row : rows) {
    if (row.row.call_type == kEndOfBatch) row.bills = std::move(bills[row.row.batch_id.value]);
  }
}

std::string day_of(std::int64_t number) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{number}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::string column_of(std::size_t place) { return fmt::format("group_{}", place); }

void add_names(soci::session& sql, const std::vector<GroupBy>& groups, ReportRow& row) {
  soci::indicator null = soci::i_ok;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == GroupBy::key && !row.groups[i].empty()) {
      sql << "SELECT key_name, key_alias FROM api_keys WHERE key_hash = :id",
          soci::use(row.groups[i]), soci::into(row.key_name), soci::into(row.key_alias, null);
    } else if (groups[i] == GroupBy::team && !row.groups[i].empty()) {
      sql << "SELECT team_alias FROM teams WHERE team_id = :id", soci::use(row.groups[i]),
          soci::into(row.team_alias);
    }
  }
}

ReportRow report_row_of(const soci::row& row, const std::vector<GroupBy>& groups) {
  ReportRow out;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string column = column_of(i);
    out.groups.push_back(groups[i] == GroupBy::day ? day_of(integer(row, column.c_str()))
                                                   : text(row, column.c_str()));
  }
  out.spent = spent_of(row);
  return out;
}

// Days in their order; within them, and without them, what cost most is first.
std::string report_statement(const SpendStore::ReportQuery& query, const Conditions& where) {
  std::vector<std::string> columns, names, order;
  for (std::size_t i = 0; i < query.group_by.size(); ++i) {
    const GroupBy group = query.group_by[i];
    names.push_back(column_of(i));
    columns.push_back(
        fmt::format("{} AS {}", kGroupColumns[static_cast<std::size_t>(group)], names.back()));
    if (group == GroupBy::day) order.push_back(names.back());
  }
  order.emplace_back("cost_nano_usd DESC");
  order.insert(order.end(), names.begin(), names.end());
  return fmt::format(
      "SELECT {}, {} FROM job_costs WHERE {} GROUP BY {} ORDER BY {} LIMIT {} OFFSET {}",
      fmt::join(columns, ", "), kSpentColumns, where.text(), fmt::join(names, ", "),
      fmt::join(order, ", "), query.limit + 1, query.offset);
}

}  // namespace

std::string_view name(GroupBy group) { return kGroups[static_cast<std::size_t>(group)]; }

std::optional<GroupBy> parse_group_by(std::string_view word) {
  for (std::size_t i = 0; i < kGroups.size(); ++i) {
    if (kGroups[i] == word) return static_cast<GroupBy>(i);
  }
  return std::nullopt;
}

Task<SpendStore::LogPage> SpendStore::logs(LogQuery query) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<LogPage> {
    Conditions where = conditions_of(query.filter, "ended_at");
    where.add_if_any("request_id = ", query.request_id);
    // A batch of several models has one row, under the name of one of them.
    if (!query.filter.model.empty()) {
      where.add("(model = ", query.filter.model);
      where.add_or("batch_id IN (SELECT batch_id FROM job_costs WHERE model_name = ",
                   query.filter.model, "))");
    }
    if (auto after = add_after(sql, query.filter.viewer, query.after, where); !after) {
      return fail(std::move(after.error()));
    }
    LogPage page;
    where.select(sql,
                 fmt::format("SELECT {} FROM spend_log WHERE {} ORDER BY ended_at DESC, request_id "
                             "LIMIT {}",
                             kLogColumns, where.text(), query.limit + 1),
                 [&](const soci::row& row) { page.rows.push_back({spend_of(row), {}}); });
    page.has_more = static_cast<std::int64_t>(page.rows.size()) > query.limit;
    if (page.has_more) page.rows.pop_back();
    add_bills(sql, page.rows);
    return page;
  });
}

Task<Report> SpendStore::report(ReportQuery query) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Report> {
    Conditions where = conditions_of(query.filter, "collected_at");
    where.add_if_any("model_name = ", query.filter.model);
    Report report;
    where.select(sql, fmt::format("SELECT {} FROM job_costs WHERE {}", kSpentColumns, where.text()),
                 [&](const soci::row& row) { report.total = spent_of(row); });
    if (query.group_by.empty()) {
      if (query.offset == 0 && report.total.jobs > 0)
        report.rows.push_back({{}, {}, {}, {}, report.total});
      return report;
    }
    where.select(sql, report_statement(query, where), [&](const soci::row& row) {
      report.rows.push_back(report_row_of(row, query.group_by));
    });
    report.has_more = static_cast<std::int64_t>(report.rows.size()) > query.limit;
    if (report.has_more) report.rows.pop_back();
    for (ReportRow& row : report.rows) add_names(sql, query.group_by, row);
    return report;
  });
}

}  // namespace quarry::store
