#include "aws/endpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace quarry::aws {
namespace {

TEST(AwsEndpoint, FollowsThePartitionOfTheRegion) {
  EXPECT_EQ(aws_endpoint("s3", "us-east-1").authority, "s3.us-east-1.amazonaws.com");
  EXPECT_EQ(aws_endpoint("bedrock-runtime", "eu-central-1").authority,
            "bedrock-runtime.eu-central-1.amazonaws.com");
  EXPECT_EQ(aws_endpoint("s3", "cn-north-1").authority, "s3.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(aws_endpoint("bedrock", "us-gov-west-1").authority,
            "bedrock.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(aws_endpoint("bedrock", "eusc-de-east-1").authority,
            "bedrock.eusc-de-east-1.amazonaws.eu");
  EXPECT_EQ(aws_endpoint("bedrock", "us-iso-east-1").authority, "bedrock.us-iso-east-1.c2s.ic.gov");
  EXPECT_EQ(aws_endpoint("bedrock", "us-isob-east-1").authority,
            "bedrock.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_TRUE(aws_endpoint("s3", "us-east-1").https);
  EXPECT_FALSE(aws_endpoint("s3", "us-east-1").overridden);
}

TEST(ParseEndpoint, GivesWhatTheHostHeaderWillSay) {
  EXPECT_EQ(parse_endpoint("http://127.0.0.1:4566")->authority, "127.0.0.1:4566");
  EXPECT_EQ(parse_endpoint("http://LocalHost:80/")->authority, "localhost");
  EXPECT_EQ(parse_endpoint("https://s3.example.com:443")->authority, "s3.example.com");
  EXPECT_EQ(parse_endpoint("https://s3.example.com:80")->authority, "s3.example.com:80");
  EXPECT_EQ(parse_endpoint("http://[::1]:9000")->authority, "[::1]:9000");
  EXPECT_EQ(parse_endpoint("http://[::1]")->authority, "[::1]");
}

TEST(ParseEndpoint, KeepsSchemeAndBasePath) {
  const auto endpoint = parse_endpoint("http://gateway/aws/s3/");
  ASSERT_TRUE(endpoint);
  EXPECT_FALSE(endpoint->https);
  EXPECT_EQ(endpoint->base_path, "/aws/s3");
  EXPECT_TRUE(endpoint->overridden);
  EXPECT_EQ(parse_endpoint("https://host/")->base_path, "");
}

TEST(ParseEndpoint, RefusesWhatIsNoEndpoint) {
  for (const char* url : {"", "host", "ftp://host", "http://", "http://:80", "http://host:0",
                          "http://host:65536", "http://host:", "http://host:8a", "http://host/?q=1",
                          "http://host/#f", "http://ho st", "http://a\r\nb"}) {
    const auto endpoint = parse_endpoint(url);
    ASSERT_FALSE(endpoint) << url;
    EXPECT_EQ(endpoint.error().code(), Errc::invalid_request) << url;
  }
}

TEST(ParseEndpoint, DoesNotEchoAPassword) {
  const auto endpoint = parse_endpoint("http://user:hunter2@host");
  ASSERT_FALSE(endpoint);
  EXPECT_FALSE(endpoint.error().message().contains("hunter2"));
}

// --- AWS's own hosts, as botocore resolves them (testdata/endpoints.tsv) ------------------------

TEST(AwsEndpoint, IsBotocoresInEveryRegionAndVariant) {
  std::ifstream table(std::filesystem::path(QUARRY_SOURCE_DIR) / "src/aws/testdata/endpoints.tsv");
  std::string line;
  std::getline(table, line);  // what the columns are
  int compared = 0;
  while (std::getline(table, line)) {
    std::istringstream row(line);
    std::string service, region, expected;
    row >> service >> region;
    for (const auto& [fips, dual_stack] : {std::pair{false, false}, std::pair{false, true},
                                           std::pair{true, false}, std::pair{true, true}}) {
      ASSERT_TRUE(row >> expected) << line;
      const EndpointVariant variant{.fips = fips, .dual_stack = dual_stack};
      if (expected == "-") {
        EXPECT_EQ(service, "s3") << line;
        EXPECT_EQ(partition_of(region), "aws-cn") << line;
        continue;
      }
      EXPECT_EQ(aws_endpoint(service, region, variant).authority, expected);
      ++compared;
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(PartitionOf, IsWhatARegionsArnsSay) {
  EXPECT_EQ(partition_of("us-east-1"), "aws");
  EXPECT_EQ(partition_of("us-gov-west-1"), "aws-us-gov");
  EXPECT_EQ(partition_of("cn-north-1"), "aws-cn");
  EXPECT_EQ(partition_of("eusc-de-east-1"), "aws-eusc");
  EXPECT_EQ(partition_of("us-iso-east-1"), "aws-iso");
  EXPECT_EQ(partition_of("us-isob-east-1"), "aws-iso-b");
  EXPECT_EQ(partition_of("eu-isoe-west-1"), "aws-iso-e");
  EXPECT_EQ(partition_of("us-isof-south-1"), "aws-iso-f");
  EXPECT_EQ(partition_of("xx-new-1"), "aws");
}

// --- What the environment says ------------------------------------------------------------------

Result<Endpoint> find(std::string_view service,
                      std::map<std::string, std::string> variables,
                      const std::string& setting = {},
                      const std::string& region = "us-east-1") {
  const auto environment = [&variables](const std::string& variable) -> std::optional<std::string> {
    const auto found = variables.find(variable);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  return find_endpoint(service, region, setting, environment);
}

TEST(FindEndpoint, TakesEveryServicesVariableByItsServiceId) {
  for (const auto& [service, variable] :
       {std::pair{"s3", "AWS_ENDPOINT_URL_S3"}, std::pair{"bedrock", "AWS_ENDPOINT_URL_BEDROCK"},
        std::pair{"bedrock-runtime", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"},
        std::pair{"sts", "AWS_ENDPOINT_URL_STS"},
        std::pair{"servicequotas", "AWS_ENDPOINT_URL_SERVICE_QUOTAS"},
        std::pair{"portal.sso", "AWS_ENDPOINT_URL_SSO"},
        std::pair{"oidc", "AWS_ENDPOINT_URL_SSO_OIDC"}}) {
    const auto own = find(service, {{variable, "http://own"}, {"AWS_ENDPOINT_URL", "http://all"}});
    ASSERT_TRUE(own) << service;
    EXPECT_EQ(own->authority, "own") << service;
    EXPECT_TRUE(own->overridden);
    EXPECT_EQ(find(service, {{"AWS_ENDPOINT_URL", "http://all"}})->authority, "all");
  }
  EXPECT_EQ(find("s3", {{"AWS_ENDPOINT_URL_BEDROCK", "http://b"}})->authority,
            "s3.us-east-1.amazonaws.com");
}

TEST(FindEndpoint, TheSettingWinsOverEveryVariable) {
  EXPECT_EQ(find("s3", {{"AWS_ENDPOINT_URL_S3", "http://own"}}, "http://set")->authority, "set");
  EXPECT_EQ(find("s3", {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}}, "http://set")->authority,
            "set");
}

TEST(FindEndpoint, IgnoresTheVariablesWhereToldTo) {
  const auto endpoint = find("sts", {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE"},
                                     {"AWS_ENDPOINT_URL_STS", "http://own"},
                                     {"AWS_ENDPOINT_URL", "http://all"}});
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->authority, "sts.us-east-1.amazonaws.com");
  EXPECT_FALSE(endpoint->overridden);
}

TEST(FindEndpoint, TakesTheVariantFromTheEnvironment) {
  EXPECT_EQ(find("bedrock", {{"AWS_USE_FIPS_ENDPOINT", "true"}})->authority,
            "bedrock-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(find("bedrock", {{"AWS_USE_DUALSTACK_ENDPOINT", "True"}})->authority,
            "bedrock.us-east-1.api.aws");
  EXPECT_EQ(find("bedrock", {{"AWS_USE_FIPS_ENDPOINT", "false"}})->authority,
            "bedrock.us-east-1.amazonaws.com");
}

TEST(FindEndpoint, NamesTheVariableThatIsNoUrl) {
  const auto own = find("s3", {{"AWS_ENDPOINT_URL_S3", "localhost"}});
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code(), Errc::invalid_request);
  EXPECT_TRUE(own.error().message().starts_with("AWS_ENDPOINT_URL_S3: ")) << own.error().message();
  const auto all = find("s3", {{"AWS_ENDPOINT_URL", "localhost"}});
  EXPECT_TRUE(all.error().message().starts_with("AWS_ENDPOINT_URL: ")) << all.error().message();
}

TEST(FindEndpoint, RefusesAHostThatAwsDoesNotHave) {
  const auto fips = find("s3", {{"AWS_USE_FIPS_ENDPOINT", "true"}}, "", "cn-north-1");
  ASSERT_FALSE(fips);
  EXPECT_TRUE(fips.error().message().starts_with("AWS_USE_FIPS_ENDPOINT: "))
      << fips.error().message();
  for (const char* region : {"", "us-east-1.evil.example/", "us east"}) {
    EXPECT_EQ(find("s3", {}, "", region).error().code(), Errc::invalid_request) << region;
  }
}

}  // namespace
}  // namespace quarry::aws
