#pragma once
// Which AWS the batches of a shared database run on: the real one, or what `serve --sandbox` makes
// up. A server of the one kind must not take up what waits for the other.

#include "base/task.h"
#include "store/database.h"

namespace quarry::store {

enum class World { aws, sandbox };

// The first server to ask settles it for the database's life. Suspends. Errors: conflict (another
// has settled it otherwise), internal (database). A database that no other server can open is of
// any world.
Task<void> settle_world(Database& database, World world);

}  // namespace quarry::store
