#include "aws/profile_file.h"

#include "aws/credentials.h"
#include "aws/testing/identity_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using quarry::testing::IdentityDesk;
using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Ini, SectionsKeysAndCommentsAreReadAsConfigparserDoes) {
  const auto got = parse_ini(
      "# a comment\n; another\n\n[default]\nAWS_Access_Key_ID = AKID\nregion: eu-west-1\n"
      "  # not a value\n[profile a b] trailing\nx=1#2\r\n y = continued\nempty =\n");
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_THAT(
      *got, ElementsAre(
                Pair("default", IniSection{{"aws_access_key_id", "AKID"}, {"region", "eu-west-1"}}),
                Pair("profile a b", IniSection{{"x", "1#2\ny = continued"}, {"empty", ""}})));
}

TEST(Ini, NestedBlocksAreTheValueOfTheirKeyAndNotKeysOfTheProfile) {
  const auto got = parse_ini("[default]\ns3 =\n  region = nested\n  x = 1\nregion = mine\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at("default").at("region"), "mine");
  EXPECT_EQ(got->at("default").at("s3"), "\nregion = nested\nx = 1");
}

TEST(Ini, ASectionThatIsThereTwiceIsOne) {
  const auto got = parse_ini("[a]\nx = 1\ny = 1\n[b]\n[a]\nx = 2\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->at("a"), (IniSection{{"x", "2"}, {"y", "1"}}));
}

TEST(Ini, ABrokenLineIsNamedByItsNumberAndNotByItsText) {
  for (const char* text : {"[a]\nx = 1\nsecretsecret\n", "[a]\n\n[secretsecret\n",
                           "\n\nsecretsecret = 1\n", "[a]\n\n= secretsecret\n"}) {
    const auto got = parse_ini(text);
    ASSERT_FALSE(got) << text;
    EXPECT_TRUE(got.error().message().starts_with("line 3: ")) << got.error().message();
    EXPECT_FALSE(got.error().message().contains("secretsecret"));
  }
}

// The words that Python's shlex.split gives.
TEST(SplitWords, IsPythonsShlex) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"", {}},
      {"  a  b\tc ", {"a", "b", "c"}},
      {R"(a "b c" 'd "e')", {"a", "b c", "d \"e"}},
      {R"(x"y z"'w')", {"xy zw"}},
      {R"("" '')", {"", ""}},
      {R"(a\ b "c\"d" "e\f" 'g\h')", {"a b", "c\"d", "e\\f", "g\\h"}},
      {R"(a\\b # no comment)", {"a\\b", "#", "no", "comment"}},
  };
  for (const auto& [line, want] : rows) {
    const auto got = split_words(line);
    ASSERT_TRUE(got) << line;
    EXPECT_EQ(*got, want) << line;
  }
  for (const char* broken : {"a 'b", "a \"b", "a\\"}) EXPECT_FALSE(split_words(broken)) << broken;
}

TEST(ProfileFiles, TheCredentialsFileGoesBeforeTheConfigFile) {
  IdentityDesk desk;
  desk.config(
      "[profile a]\nregion = r\naws_access_key_id = config\n[default]\nregion = d\n"
      "[b]\nregion = no profile\n[sso-session s]\nsso_region = x\n");
  desk.credentials("[a]\naws_access_key_id = credentials\n[c]\nk = v\n");
  const auto files = read_profile_files(desk.world().environment);
  ASSERT_TRUE(files) << files.error().message();
  EXPECT_EQ(files->profile("a"),
            (IniSection{{"region", "r"}, {"aws_access_key_id", "credentials"}}));
  EXPECT_EQ(files->names(), "a, c, default");
  EXPECT_FALSE(files->profile("b"));
  EXPECT_EQ(files->sso_sessions.at("s").at("sso_region"), "x");
}

TEST(ProfileFiles, MayBeElsewhereAndMayBeMissing) {
  IdentityDesk desk;
  desk.home.write("sub/my config", "[profile \"my own\"]\nregion = here\n");
  desk.variables["AWS_CONFIG_FILE"] = "~/$PLACE/my config";
  desk.variables["PLACE"] = "sub";
  const auto files = read_profile_files(desk.world().environment);
  ASSERT_TRUE(files) << files.error().message();
  EXPECT_EQ(files->config_path, desk.home.path("sub/my config"));
  EXPECT_EQ(files->names(), "my own");
}

TEST(ExpandPath, KnowsHomeAndVariables) {
  IdentityDesk desk;
  desk.variables = {{"HOME", "/h"}, {"A", "x"}};
  const auto environment = desk.world().environment;
  EXPECT_EQ(expand_path("~/f", environment), "/h/f");
  EXPECT_EQ(expand_path("/$A/${A}b/$NONE/$/${A", environment), "/x/xb/$NONE/$/${A");
  EXPECT_EQ(expand_path("/a~/~", environment), "/a~/~");
}

TEST(ProfileRegion, IsThatOfTheNamedElseTheChosenElseTheDefaultProfile) {
  IdentityDesk desk;
  desk.config("[default]\nregion = d\n[profile a]\nregion = r\n[profile none]\nk = v\n");
  EXPECT_EQ(profile_region("a", desk.world().environment), "r");
  EXPECT_EQ(profile_region("", desk.world().environment), "d");
  desk.variables["AWS_PROFILE"] = "a";
  EXPECT_EQ(profile_region("", desk.world().environment), "r");
  EXPECT_EQ(profile_region("none", desk.world().environment), std::nullopt);
  EXPECT_EQ(profile_region("unknown", desk.world().environment), std::nullopt);
}

TEST(SmallFile, IsReadWholeUpToAMegabyte) {
  quarry::testing::ScratchDirectory scratch;
  const std::string most(std::size_t{1} << 20, 'x');
  EXPECT_EQ(read_small_file(scratch.write("a", most)).value(), most);
  EXPECT_FALSE(read_small_file(scratch.write("b", most + "x")));
  EXPECT_EQ(read_small_file(scratch.path("none")).value(), std::nullopt);
}

}  // namespace
}  // namespace quarry::aws
