#include "aws/endpoint.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace quarry::aws
