#include "aws/credentials.h"

#include "base/testing/run.h"

#include <gtest/gtest.h>

#include <map>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using Variables = std::map<std::string, std::string>;

Result<Credentials> from_environment(Variables variables) {
  const auto provider = environment_credentials(
      [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      });
  return run(provider->get(Deadline::after(1s)));
}

TEST(StaticCredentials, GiveWhatTheConfigSays) {
  const auto provider =
      static_credentials({"AKID", Secret<std::string>("secret"), Secret<std::string>("token")});
  provider->forget();
  const auto got = run(provider->get(Deadline::after(1s)));
  ASSERT_TRUE(got);
  EXPECT_EQ(got->access_key_id, "AKID");
  EXPECT_EQ(got->secret_access_key.reveal(), "secret");
  EXPECT_EQ(got->session_token.reveal(), "token");
}

TEST(EnvironmentCredentials, AreTheThreeVariables) {
  const auto got = from_environment({{"AWS_ACCESS_KEY_ID", "AKID"},
                                     {"AWS_SECRET_ACCESS_KEY", "secret"},
                                     {"AWS_SESSION_TOKEN", "token"}});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->access_key_id, "AKID");
  EXPECT_EQ(got->session_token.reveal(), "token");
}

TEST(EnvironmentCredentials, NeedNoToken) {
  const auto got =
      from_environment({{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "secret"}});
  ASSERT_TRUE(got);
  EXPECT_EQ(got->session_token.reveal(), "");
}

TEST(EnvironmentCredentials, SayWhichVariableIsMissingAndWhatToDo) {
  const auto none = from_environment({});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Errc::forbidden);
  EXPECT_TRUE(none.error().message().contains("AWS_ACCESS_KEY_ID is not set"));
  EXPECT_TRUE(none.error().message().contains("hint:"));
  const auto half =
      from_environment({{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", ""}});
  ASSERT_FALSE(half);
  EXPECT_TRUE(half.error().message().contains("AWS_SECRET_ACCESS_KEY is not set"));
}

}  // namespace
}  // namespace quarry::aws
