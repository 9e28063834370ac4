#pragma once
// Every lease that one server holds in a shared database, of whatever kind.

#include "base/task.h"
#include "store/database.h"

#include <cstdint>
#include <string>

namespace quarry::store {

// What `lease_owner` had is nobody's, and due now. Only for a server that is known to be gone: one
// that is alive would lose its work. Suspends. now_ms: Unix milliseconds. Errors: internal
// (database).
Task<void> release_leases_of(Database& database, std::string lease_owner, std::int64_t now_ms);

}  // namespace quarry::store
