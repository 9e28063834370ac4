#include "store/world.h"

#include "base/testing/run.h"
#include "store/testing/scratch_database.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace quarry::store {
namespace {

TEST(World, OfASharedDatabaseIsSettledByItsFirstServer) {
  boost::asio::io_context io;
  const quarry::testing::ScratchDatabase database;
  const auto settle = [&](World world) {
    return quarry::testing::run(io, settle_world(*database, world));
  };
  EXPECT_TRUE(settle(World::aws));
  EXPECT_TRUE(settle(World::aws));
  const auto sandbox = settle(World::sandbox);
  EXPECT_EQ(sandbox.has_value(), !(*database).shared());
  if (!sandbox) {
    EXPECT_EQ(sandbox.error().code(), Errc::conflict);
    EXPECT_TRUE(sandbox.error().message().contains("DATABASE_URL"));
  }
}

}  // namespace
}  // namespace quarry::store
