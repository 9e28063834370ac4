#pragma once
// Leases on what has no row of its own: work that one server at a time does for all (the monitor,
// the janitor). Whoever has one renews it each third of its time. Times are Unix milliseconds of
// the servers' clocks, as those of the leases on rows (batch_store.h). Errors of every call:
// internal (database).

#include "base/task.h"
#include "store/database.h"

#include <cstdint>
#include <string>

namespace quarry::store {

class LeaseStore {
 public:
  // lease_owner: this process; unique among servers.
  LeaseStore(Database& database, std::string lease_owner)
      : database_(database), lease_owner_(std::move(lease_owner)) {}

  enum class Taken {
    no,           // another server has it
    yes,          // it was this server's, or nobody's
    from_another  // who had it let it lapse
  };
  // Takes the lease, or makes it last longer.
  Task<Taken> take(std::string name, std::int64_t now_ms, std::int64_t until_ms);
  // Nothing where it is another's.
  Task<void> release(std::string name);
  // At stop: all of this server.
  Task<void> release_own();
  // At start, where no other server can be alive.
  Task<void> release_all();

 private:
  Database& database_;
  std::string lease_owner_;
};

}  // namespace quarry::store
