#include "cli/port_file.h"

#include "base/testing/scratch_directory.h"
#include "cli/sandbox_command.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <unistd.h>

namespace quarry::cli {
namespace {

class PortFile : public ::testing::Test {
 protected:
  const testing::ScratchDirectory scratch_;
  const std::filesystem::path& dir_ = scratch_.path();
};

TEST_F(PortFile, HoldsThePortAndLeavesNothingElse) {
  write_port_file(dir_ / "port", 40123);
  write_port_file(dir_ / "port", 7);
  std::ifstream in(dir_ / "port");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "7\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(PortFile, IsNotWrittenWhenNoneIsAskedFor) {
  write_port_file({}, 1);
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
}

TEST_F(PortFile, ThatCannotBeWrittenIsAnErrorThatNamesIt) {
  try {
    write_port_file(dir_ / "none" / "port", 1);
    FAIL() << "no error";
  } catch (const std::system_error& error) {
    EXPECT_NE(std::string(error.what()).find("none/port"), std::string::npos) << error.what();
  }
}

TEST(SandboxBanner, ShowsTheFixedKeysAndHowToUseThem) {
  SandboxOptions options;
  options.data_dir = "/d";
  const std::string banner = sandbox_banner(options, "http://127.0.0.1:4566");
  EXPECT_NE(banner.find("AWS_ACCESS_KEY_ID=AKIAQUARRYSANDBOX000"), std::string::npos);
  EXPECT_NE(banner.find("AWS_SECRET_ACCESS_KEY=quarry-sandbox"), std::string::npos);
  EXPECT_NE(banner.find("aws --endpoint-url http://127.0.0.1:4566 s3 ls"), std::string::npos);
}

TEST(SandboxBanner, NeverShowsASecretOfTheEnvironment) {
  SandboxOptions options;
  options.access_key_id = "AKIAMINE";
  options.secret_access_key = Secret<std::string>("my-own-secret");
  const std::string banner = sandbox_banner(options, "http://127.0.0.1:1");
  EXPECT_EQ(banner.find("my-own-secret"), std::string::npos);
  EXPECT_NE(banner.find("AKIAMINE"), std::string::npos);
}

}  // namespace
}  // namespace quarry::cli
