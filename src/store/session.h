#pragma once
// For this room's .cc files only: running SQL on the database's threads.

#include "base/blocking_pool.h"
#include "base/task.h"
#include "store/connections.h"
#include "store/database.h"

#include <soci/soci.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace quarry::store {

struct Database::Impl {
  explicit Impl(std::unique_ptr<Connections> opened);
  ~Impl();

  std::unique_ptr<Connections> connections;
  BlockingPool threads;  // together with the next: as many as connections
  std::optional<BlockingPool> for_leases;
};

// Runs fn(session) as one transaction on a thread of the database's. fn returns Result<T>; an error
// of its own, and whatever the statements throw, rolls back. On PostgreSQL fn is called again when
// the connection was lost before the end, or when the transaction and another one were in each
// other's way: it must not move from, or change, what it captured by reference.
template <class F, class R = std::invoke_result_t<F&, soci::session&>>
Awaitable<R> transact_on(BlockingPool& threads, Database& database, F fn) {
  Database::Impl& impl = database.impl();
  co_return co_await run_blocking(threads, [&impl, &fn]() -> R {
    std::optional<R> result;
    auto done = impl.connections->transaction([&](soci::session& sql) {
      result.emplace(fn(sql));
      return result->has_value();
    });
    if (!done) return fail(std::move(done.error()));
    return std::move(*result);
  });
}
template <class F, class R = std::invoke_result_t<F&, soci::session&>>
Awaitable<R> transact(Database& database, F fn) {
  return transact_on(database.impl().threads, database, std::move(fn));
}

// For what keeps leases, and waits for no lock: on PostgreSQL it has a thread and a connection that
// nothing else uses, so that transactions that wait for each other let no lease lapse.
template <class F, class R = std::invoke_result_t<F&, soci::session&>>
Awaitable<R> transact_for_leases(Database& database, F fn) {
  Database::Impl& impl = database.impl();
  return transact_on(impl.for_leases ? *impl.for_leases : impl.threads, database, std::move(fn));
}

// What the two engines say differently. On SQLite a transaction is alone, so there is nothing to
// lock.
inline bool is_postgresql(soci::session& sql) { return sql.get_backend_name() == "postgresql"; }

// Waits until no other transaction holds the lock of that name, and holds it until this one ends.
// Two locks in one transaction are taken in the order in which all others take them. Names are of
// one schema: another Quarry in the same database has its own.
void lock(soci::session& sql, std::string_view name);

// The end of a SELECT whose rows nobody else may change, or lock, until this transaction ends; `of`
// names the table of a join. skip_locked: rows that somebody else holds are left out.
std::string for_update(soci::session& sql, std::string_view of = {});
std::string skip_locked(soci::session& sql, std::string_view of = {});

// NULL is 0. What is computed (a SUM, a COUNT) is text to SOCI on SQLite, which names no type of
// it, and may be an INTEGER or a NUMERIC on PostgreSQL.
long long integer(const soci::row& row, const char* column);
std::optional<std::int64_t> maybe_integer(const soci::row& row, const char* column);
inline std::string text(const soci::row& row, const char* column) {
  return row.get<std::string>(column, std::string());
}

// The place of the next row of `table` (files, batches) in the order of creation: seconds alone
// would shuffle what one second made. Takes lock(sql, table), so that no row is seen before one of
// a lower place, and a list that is read page by page misses none.
std::int64_t next_created_order(soci::session& sql, const char* table);

// Binds an optional as NULL. The object must live until the statement has run.
struct Nullable {
  explicit Nullable(const std::optional<std::int64_t>& v)
      : value(v.value_or(0)), indicator(v ? soci::i_ok : soci::i_null) {}
  long long value;
  soci::indicator indicator;
};

}  // namespace quarry::store
