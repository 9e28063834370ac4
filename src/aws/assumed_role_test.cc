#include "aws/assumed_role.h"

#include "aws/endpoint.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

// The host is where the signature must be for, whatever region the deployment is in.
TEST(StsSigningRegion, IsThatOfTheHostsName) {
  EXPECT_EQ(sts_signing_region("sts.eu-west-1.amazonaws.com", "us-west-2"), "eu-west-1");
  EXPECT_EQ(sts_signing_region("sts-fips.us-east-2.amazonaws.com", "us-west-2"), "us-east-2");
  EXPECT_EQ(sts_signing_region("sts.cn-north-1.amazonaws.com.cn", "us-west-2"), "cn-north-1");
  EXPECT_EQ(sts_signing_region("sts.amazonaws.com", "us-west-2"), "us-east-1");
  EXPECT_EQ(sts_signing_region("vpce-1-a.sts.eu-west-1.vpce.amazonaws.com:443", "us-west-2"),
            "eu-west-1");
}

TEST(StsSigningRegion, IsTheDeploymentsWhereTheHostNamesNone) {
  for (const char* host : {"localhost:4566", "127.0.0.1", "sts.corp.example", "sts", "sts.",
                           "sts.eu-west-1.corp.example"}) {
    EXPECT_EQ(sts_signing_region(host, "us-west-2"), "us-west-2") << host;
  }
}

}  // namespace
}  // namespace quarry::aws
