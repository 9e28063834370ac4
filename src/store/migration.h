#pragma once
// For this room's .cc files only: bringing a database's schema up to date.

#include <soci/soci.h>

namespace quarry::store {

// Each version in a transaction of its own; of servers that start at once, one does it and the
// others wait. Throws std::runtime_error where it cannot be, with what to do about it, and
// soci::soci_error when the connection is lost: then it can be called again.
void migrate(soci::session& sql);

}  // namespace quarry::store
