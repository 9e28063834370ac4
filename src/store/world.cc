#include "store/world.h"

#include "store/session.h"

#include <string>

namespace quarry::store {

Task<void> settle_world(Database& database, World world) {
  if (!database.shared()) co_return Result<void>();
  co_return co_await transact(database, [&](soci::session& sql) -> Result<void> {
    const std::string asked = world == World::sandbox ? "sandbox" : "aws";
    lock(sql, "world");
    std::string settled;
    sql << "SELECT name FROM world", soci::into(settled);
    if (!sql.got_data()) {
      sql << "INSERT INTO world (name) VALUES (:name)", soci::use(asked);
      return {};
    }
    if (settled == asked) return {};
    return fail(
        Errc::conflict,
        world == World::sandbox
            ? "this database belongs to servers that work with AWS, whose batches the sandbox "
              "would answer; hint: take database_url and DATABASE_URL away, or name another "
              "database for --sandbox"
            : "this database belongs to servers with --sandbox, whose batches are made up; hint: "
              "name another database, or start with --sandbox");
  });
}

}  // namespace quarry::store
