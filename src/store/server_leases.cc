#include "store/server_leases.h"

#include "store/session.h"

namespace quarry::store {

Task<void> release_leases_of(Database& database, std::string lease_owner, std::int64_t now_ms) {
  co_return co_await transact(database, [&](soci::session& sql) -> Result<void> {
    for (const char* table : {"batches", "jobs", "webhook_deliveries"}) {
      sql << "UPDATE " << table
          << " SET lease_owner = NULL, lease_until_ms = NULL, due_ms = LEAST(due_ms, :now) WHERE "
             "lease_owner = :owner",
          soci::use(now_ms), soci::use(lease_owner);
    }
    sql << "DELETE FROM leases WHERE lease_owner = :owner", soci::use(lease_owner);
    return {};
  });
}

}  // namespace quarry::store
