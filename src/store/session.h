#pragma once
// For this room's .cc files only: running SQL on the database's thread.

#include "base/blocking_pool.h"
#include "base/task.h"
#include "store/database.h"

#include <soci/soci.h>

#include <exception>
#include <string>
#include <utility>

namespace quarry::store {

struct Database::Impl {
  explicit Impl(const std::filesystem::path& data_dir);
  ~Impl();

  int lock_fd = -1;
  soci::session session;
  BlockingPool thread{1};
};

// Runs fn(session) as one transaction on the database's thread. fn returns Result<T>; an error, or
// a SOCI exception (which becomes Errc::internal), rolls back.
template <class F, class R = std::invoke_result_t<F&, soci::session&>>
Awaitable<R> transact(Database& database, F fn) {
  Database::Impl& impl = database.impl();
  co_return co_await run_blocking(impl.thread, [&impl, &fn]() -> R {
    try {
      soci::transaction transaction(impl.session);
      R result = fn(impl.session);
      if (result) transaction.commit();
      return result;
    } catch (
        const std::exception& e) {  // SOCI's, and what a row that is not ours makes of reading it
      return fail(Errc::internal, std::string("database: ") + e.what());
    }
  });
}

// SOCI takes what is computed (a SUM, a COUNT) for text, because SQLite names no type of it.
inline long long integer(const soci::row& row, const char* column) {
  if (row.get_properties(column).get_data_type() == soci::dt_string) {
    return std::stoll(row.get<std::string>(column, "0"));
  }
  return row.get<long long>(column, 0);
}
inline std::string text(const soci::row& row, const char* column) {
  return row.get<std::string>(column, std::string());
}
inline std::optional<std::int64_t> maybe_integer(const soci::row& row, const char* column) {
  if (row.get_indicator(column) == soci::i_null) return std::nullopt;
  return row.get<long long>(column);
}

// The place of the next row of `table` (files, batches) in the order of creation: seconds alone
// would shuffle what one second made.
inline std::int64_t next_created_order(soci::session& sql, const char* table) {
  long long next = 0;
  sql << "SELECT COALESCE(MAX(created_order), 0) + 1 FROM " << table, soci::into(next);
  return next;
}

// Binds an optional as NULL. The object must live until the statement has run.
struct Nullable {
  explicit Nullable(const std::optional<std::int64_t>& v)
      : value(v.value_or(0)), indicator(v ? soci::i_ok : soci::i_null) {}
  long long value;
  soci::indicator indicator;
};

}  // namespace quarry::store
