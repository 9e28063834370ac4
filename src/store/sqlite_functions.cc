#include "store/sqlite_functions.h"

#include <soci/sqlite3/soci-sqlite3.h>

#include <stdexcept>
#include <string>

namespace quarry::store {
namespace {

namespace api = sqlite_api;  // where SOCI's header puts sqlite3.h

// The values of this program are integers.
template <bool greatest>
void pick(api::sqlite3_context* context, int count, api::sqlite3_value** values) {
  api::sqlite3_value* best = nullptr;
  for (int i = 0; i < count; ++i) {
    if (api::sqlite3_value_type(values[i]) == SQLITE_NULL) continue;
    if (best == nullptr ||
        (greatest ? api::sqlite3_value_int64(values[i]) > api::sqlite3_value_int64(best)
                  : api::sqlite3_value_int64(values[i]) < api::sqlite3_value_int64(best))) {
      best = values[i];
    }
  }
  if (best == nullptr) {
    api::sqlite3_result_null(context);
  } else {
    api::sqlite3_result_int64(context, api::sqlite3_value_int64(best));
  }
}

using Function = void (*)(api::sqlite3_context*, int, api::sqlite3_value**);

}  // namespace

void add_sqlite_functions(soci::session& sql) {
  auto* backend = static_cast<soci::sqlite3_session_backend*>(sql.get_backend());
  const auto add = [&](const char* name, Function function) {
    constexpr int kAnyCount = -1;
    const int result = api::sqlite3_create_function_v2(
        backend->conn_, name, kAnyCount, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
        nullptr, function, nullptr, nullptr, nullptr);
    if (result != SQLITE_OK) throw std::runtime_error(std::string("cannot add ") + name);
  };
  add("LEAST", pick<false>);
  add("GREATEST", pick<true>);
}

}  // namespace quarry::store
