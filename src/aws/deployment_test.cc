#include "aws/deployment.h"

#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;
using Variables = std::map<std::string, std::string>;

struct Deployments : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  config::DeploymentSettings settings = basic();

  static config::DeploymentSettings basic() {
    config::DeploymentSettings out;
    out.id = "d1";
    out.bedrock_region = "us-west-2";
    out.s3_region = "us-east-1";
    out.bucket = "bkt";
    out.identity.keys = config::StaticCredentials{"AKBEDROCK", Secret<std::string>("s"), {}};
    return out;
  }
  std::shared_ptr<const Deployment> make(Variables variables = {}) {
    const IdentityWorld world{
        http, clock, pool,
        [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
          const auto found = variables.find(name);
          if (found == variables.end()) return std::nullopt;
          return found->second;
        }};
    resolvers.push_back(std::make_unique<CredentialResolver>(world));
    return make_deployment(settings, world, *resolvers.back());
  }
  std::vector<std::unique_ptr<CredentialResolver>> resolvers;
  // Where its three clients send to, and as whom.
  std::vector<std::string> urls(const Deployment& deployment) {
    std::vector<std::string> out;
    for (int i = 0; i < 3; ++i) http.answer(403);
    const Deadline deadline = Deadline::after(5s);
    const std::size_t before = http.sent().size();
    (void)run(deployment.s3->remove({"bkt", "k"}, deadline));
    (void)run(deployment.bedrock->get_job("a", deadline));
    (void)run(deployment.runtime->invoke_model("m", "{}", deadline));
    for (std::size_t i = before; i < http.sent().size(); ++i) out.push_back(http.sent()[i].url);
    return out;
  }
};

TEST_F(Deployments, GoToAwsByTheirOwnRegions) {
  EXPECT_EQ(urls(*make()), (std::vector<std::string>{
                               "https://bkt.s3.us-east-1.amazonaws.com/k",
                               "https://bedrock.us-west-2.amazonaws.com/model-invocation-job/a",
                               "https://bedrock-runtime.us-west-2.amazonaws.com/model/m/invoke"}));
}

TEST_F(Deployments, PreferTheirSettingThenTheServicesVariableThenTheCommonOne) {
  settings.s3_endpoint = "http://setting";
  EXPECT_EQ(
      urls(*make({{"AWS_ENDPOINT_URL", "http://common"},
                  {"AWS_ENDPOINT_URL_S3", "http://s3"},
                  {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://runtime"}})),
      (std::vector<std::string>{"http://setting/bkt/k", "http://common/model-invocation-job/a",
                                "http://runtime/model/m/invoke"}));
}

TEST_F(Deployments, SignForS3WithItsOwnCredentialsWhereGiven) {
  settings.s3_credentials = config::StaticCredentials{"AKS3", Secret<std::string>("s"), {}};
  urls(*make());
  EXPECT_TRUE(http.sent().at(0).headers.get("Authorization")->contains("Credential=AKS3/"));
  EXPECT_TRUE(http.sent().at(1).headers.get("Authorization")->contains("Credential=AKBEDROCK/"));
  EXPECT_TRUE(http.sent().at(2).headers.get("Authorization")->contains("Credential=AKBEDROCK/"));
}

TEST_F(Deployments, FallBackToTheEnvironmentsCredentials) {
  settings.identity.keys.reset();
  urls(*make({{"AWS_ACCESS_KEY_ID", "AKENV"}, {"AWS_SECRET_ACCESS_KEY", "s"}}));
  ASSERT_EQ(http.sent().size(), 3u);
  for (const auto& sent : http.sent()) {
    EXPECT_TRUE(sent.headers.get("Authorization")->contains("Credential=AKENV/"));
  }
}

TEST_F(Deployments, AreNotMadeWithAnEndpointThatIsNone) {
  settings.bedrock_endpoint = "bedrock.example.com";
  EXPECT_THROW(make(), std::invalid_argument);
}

TEST_F(Deployments, NameTheirObjectsUnderThePrefix) {
  const S3Uri object = make()->object("files/file-1/0");
  EXPECT_EQ(to_string(object), "s3://bkt/quarry/files/file-1/0");
}

}  // namespace
}  // namespace quarry::aws
