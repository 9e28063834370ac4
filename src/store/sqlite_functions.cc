#include "store/sqlite_functions.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <sqlite3.h>
#include <stdexcept>
#include <string>

namespace quarry::store {
namespace {

// The values of this program are integers.
template <bool greatest>
void pick(::sqlite3_context* context, int count, ::sqlite3_value** values) {
  ::sqlite3_value* best = nullptr;
  for (int i = 0; i < count; ++i) {
    if (::sqlite3_value_type(values[i]) == SQLITE_NULL) continue;
    if (best == nullptr ||
        (greatest ? ::sqlite3_value_int64(values[i]) > ::sqlite3_value_int64(best)
                  : ::sqlite3_value_int64(values[i]) < ::sqlite3_value_int64(best))) {
      best = values[i];
    }
  }
  if (best == nullptr) {
    ::sqlite3_result_null(context);
  } else {
    ::sqlite3_result_int64(context, ::sqlite3_value_int64(best));
  }
}

using Function = void (*)(::sqlite3_context*, int, ::sqlite3_value**);

}  // namespace

void add_sqlite_functions(soci::session& sql) {
  auto* backend = static_cast<soci::sqlite3_session_backend*>(sql.get_backend());
  // SOCI's header declares SQLite's types in a namespace of its own.
  auto* connection = reinterpret_cast<::sqlite3*>(backend->conn_);
  const auto add = [&](const char* name, Function function) {
    constexpr int kAnyCount = -1;
    const int result = ::sqlite3_create_function_v2(
        connection, name, kAnyCount, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, nullptr,
        function, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) throw std::runtime_error(std::string("cannot add ") + name);
  };
  add("LEAST", pick<false>);
  add("GREATEST", pick<true>);
}

}  // namespace quarry::store
