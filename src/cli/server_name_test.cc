#include "cli/server_name.h"

#include "base/testing/scratch_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>

namespace quarry::cli {
namespace {

class ServerNames : public ::testing::Test {
 protected:
  std::string in_file() const {
    std::ifstream in(folder_ / "server");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const testing::ScratchDirectory scratch_;
  const std::filesystem::path& folder_ = scratch_.path();
};

TEST_F(ServerNames, AreNewEachTime) {
  EXPECT_NE(ServerName(folder_).name(), ServerName(folder_).name());
}

TEST_F(ServerNames, TheFirstHasNoPredecessor) {
  const ServerName first(folder_);
  EXPECT_EQ(first.predecessor(), "");
  EXPECT_FALSE(first.shares_directory());
}

TEST_F(ServerNames, TheNextKnowsWhoKeptItsName) {
  std::string name;
  {
    const ServerName first(folder_);
    first.keep();
    name = first.name();
  }
  EXPECT_EQ(in_file(), name + "\n");
  const ServerName next(folder_);
  EXPECT_EQ(next.predecessor(), name);
  next.keep();
  EXPECT_EQ(in_file(), next.name() + "\n");
}

TEST_F(ServerNames, OneThatDidNotKeepItsNameLeavesTheFormer) {
  std::string name;
  {
    const ServerName first(folder_);
    first.keep();
    name = first.name();
  }
  {
    const ServerName died_before_it_released_anything(folder_);
  }
  EXPECT_EQ(ServerName(folder_).predecessor(), name);
}

TEST_F(ServerNames, WhoIsAliveHasNoSuccessor) {
  const ServerName alive(folder_);
  alive.keep();
  const ServerName second(folder_);
  EXPECT_TRUE(second.shares_directory());
  EXPECT_EQ(second.predecessor(), "");
  second.keep();
  EXPECT_EQ(in_file(), alive.name() + "\n");
}

TEST_F(ServerNames, ANameOfAnotherHostIsNoPredecessor) {
  std::ofstream(folder_ / "server") << "another-host.example:12:0123456789abcdef\n";
  EXPECT_EQ(ServerName(folder_).predecessor(), "");
}

TEST_F(ServerNames, ADirectoryThatIsNotThereIsNamed) {
  try {
    const ServerName name(folder_ / "missing");
    FAIL() << name.name();
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("missing/server"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace quarry::cli
