#include "store/session.h"

namespace quarry::store {
namespace {

std::string locking(soci::session& sql, std::string_view of, std::string_view how) {
  if (!is_postgresql(sql)) return {};
  std::string clause = " FOR UPDATE";
  if (!of.empty()) clause.append(" OF ").append(of);
  return clause.append(how);
}

}  // namespace

void lock(soci::session& sql, std::string_view name) {
  if (!is_postgresql(sql)) return;
  const std::string text(name);
  sql << "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/quarry/' || "
         "CAST(:name AS TEXT), 0))",
      soci::use(text);
}

std::string for_update(soci::session& sql, std::string_view of) { return locking(sql, of, ""); }

std::string skip_locked(soci::session& sql, std::string_view of) {
  return locking(sql, of, " SKIP LOCKED");
}

long long integer(const soci::row& row, const char* column) {
  return maybe_integer(row, column).value_or(0);
}

std::optional<std::int64_t> maybe_integer(const soci::row& row, const char* column) {
  if (row.get_indicator(column) == soci::i_null) return std::nullopt;
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_string:
      return std::stoll(row.get<std::string>(column));
    case soci::dt_integer:
      return row.get<int>(column);
    case soci::dt_double:
      return static_cast<std::int64_t>(row.get<double>(column));
    default:
      return row.get<long long>(column);
  }
}

std::int64_t next_created_order(soci::session& sql, const char* table) {
  lock(sql, table);
  long long next = 0;
  sql << "SELECT COALESCE(MAX(created_order), 0) + 1 FROM " << table, soci::into(next);
  return next;
}

}  // namespace quarry::store
