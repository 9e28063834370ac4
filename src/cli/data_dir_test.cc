#include "cli/data_dir.h"

#include "base/testing/scratch_directory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

namespace quarry::cli {
namespace {

namespace fs = std::filesystem;

class DataDir : public ::testing::Test {
 protected:
  const testing::ScratchDirectory scratch_;
  const fs::path& folder_ = scratch_.path();
};

TEST_F(DataDir, IsMadeForItsOwnerAlone) {
  prepare_data_dir(folder_ / "a" / "b");
  EXPECT_EQ(fs::status(folder_ / "a" / "b").permissions(), fs::perms::owner_all);
}

TEST_F(DataDir, ThatIsThereKeepsItsOwnersWish) {
  fs::permissions(folder_, fs::perms(0755));
  prepare_data_dir(folder_);
  EXPECT_EQ(fs::status(folder_).permissions(), fs::perms(0755));
}

TEST_F(DataDir, ThatIsAFileIsRefusedWithTheReasonAndAHint) {
  const fs::path file = folder_ / "file";
  std::ofstream(file) << "text";
  for (const fs::path& path : {file, file / "below"}) {
    try {
      prepare_data_dir(path);
      ADD_FAILURE() << path;
    } catch (const std::runtime_error& error) {
      EXPECT_EQ(error.what(), fmt::format("cannot use the data directory {}: Not a directory\n"
                                          "hint: --data-dir chooses another",
                                          path.string()));
    }
  }
}

}  // namespace
}  // namespace quarry::cli
