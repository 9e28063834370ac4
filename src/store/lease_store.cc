#include "store/lease_store.h"

#include "store/session.h"

namespace quarry::store {

Task<LeaseStore::Taken> LeaseStore::take(std::string name,
                                         std::int64_t now_ms,
                                         std::int64_t until_ms) {
  co_return co_await transact_for_leases(database_, [&](soci::session& sql) -> Result<Taken> {
    std::string before;
    sql << "SELECT lease_owner FROM leases WHERE name = :name", soci::use(name), soci::into(before);
    const bool was_another = sql.got_data() && before != lease_owner_;
    // One statement decides, whoever else asks at this moment.
    soci::statement take =
        (sql.prepare << "INSERT INTO leases (name, lease_owner, lease_until_ms) VALUES (:name, "
                        ":me, :until) ON CONFLICT (name) DO UPDATE SET lease_owner = "
                        "excluded.lease_owner, lease_until_ms = excluded.lease_until_ms WHERE "
                        "leases.lease_owner = excluded.lease_owner OR leases.lease_until_ms < "
                        ":now",
         soci::use(name), soci::use(lease_owner_), soci::use(until_ms), soci::use(now_ms));
    take.execute(true);
    if (take.get_affected_rows() == 0) return Taken::no;
    return was_another ? Taken::from_another : Taken::yes;
  });
}

Task<void> LeaseStore::release(std::string name) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "DELETE FROM leases WHERE name = :name AND lease_owner = :me", soci::use(name),
        soci::use(lease_owner_);
    return {};
  });
}

Task<void> LeaseStore::release_own() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "DELETE FROM leases WHERE lease_owner = :me", soci::use(lease_owner_);
    return {};
  });
}

Task<void> LeaseStore::release_all() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "DELETE FROM leases";
    return {};
  });
}

}  // namespace quarry::store
