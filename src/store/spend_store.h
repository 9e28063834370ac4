#pragma once
// The ledger, read: what batches cost (spend_log, a row at a batch's creation and one at its end),
// and what their jobs cost (job_costs, a row a job from the moment that it is collected). Errors of
// every call: internal (database).

#include "base/task.h"
#include "store/bills.h"
#include "store/database.h"
#include "store/ownership.h"
#include "store/rows.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

// "" and nullopt = any.
struct SpendFilter {
  Viewer viewer;
  std::string batch_id, key_hash, user_id, team_id, model;  // model: the public name
  std::optional<std::int64_t> from_s, to_s;  // Unix seconds: from <= t < to; t: when it was paid
};

// A row of spend_log, with what it is made of.
struct SpendLogRow {
  SpendRow row;
  std::vector<BillRow> bills;  // of a batch's end: largest cost first
};

enum class GroupBy { day, team, key, user, owner, model, deployment };
std::string_view name(GroupBy group);
std::optional<GroupBy> parse_group_by(std::string_view word);

struct ReportRow {
  std::vector<std::string> groups;  // as many as were asked for; a day as "2026-08-31"
  std::string key_name, key_alias;  // where it is grouped by key and the key still exists
  std::string team_alias;           // as it is grouped by team
  Spent spent;
};

struct Report {
  std::vector<ReportRow> rows;  // by day, then largest cost first
  bool has_more = false;
  Spent total;  // of all rows, not only of this page's
};

class SpendStore {
 public:
  explicit SpendStore(Database& database) : database_(database) {}

  struct LogQuery {
    SpendFilter filter;
    std::string request_id;  // "" = any
    std::string after;       // a request_id: what comes after it
    std::int64_t limit = 100;
  };
  struct LogPage {
    std::vector<SpendLogRow> rows;  // latest first
    bool has_more = false;
  };
  // Also: invalid_request (param after: no such row).
  Task<LogPage> logs(LogQuery query);

  struct ReportQuery {
    SpendFilter filter;
    std::vector<GroupBy> group_by;  // none: one row of all
    std::int64_t limit = 1'000, offset = 0;
  };
  // Of the jobs that are collected, whether or not their batch has ended.
  Task<Report> report(ReportQuery query);

 private:
  Database& database_;
};

}  // namespace quarry::store
