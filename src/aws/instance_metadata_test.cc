#include "aws/instance_metadata.h"

#include "aws/testing/identity_desk.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::IdentityDesk;

struct InstanceMetadata : ::testing::Test {
  Result<Found> look() { return desk.look(*instance_metadata_source(desk.world())); }
  std::string get() {
    const auto found = look();
    if (!found) return "error: " + found.error().message();
    return found->credentials ? quarry::testing::words(*found->credentials)
                              : "none: " + found->absent;
  }
  IdentityDesk desk;
};

TEST_F(InstanceMetadata, ATokenThenTheRoleThenItsCredentials) {
  desk.client.answer(200, "the-token");
  desk.client.answer(200, "my-role");
  desk.client.answer(200, IdentityDesk::document("ASIAI"));
  EXPECT_EQ(get(), "ASIAI s-ASIAI t-ASIAI");
  const auto& sent = desk.client.sent();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].method + " " + sent[0].url, "PUT http://169.254.169.254/latest/api/token");
  EXPECT_EQ(sent[0].headers.get("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(sent[1].url, "http://169.254.169.254/latest/meta-data/iam/security-credentials/");
  EXPECT_EQ(sent[2].url, sent[1].url + "my-role");
  EXPECT_EQ(sent[2].headers.get("x-aws-ec2-metadata-token"), "the-token");
}

TEST_F(InstanceMetadata, WithoutATokenVersionOneIsAskedUnlessThatIsOff) {
  for (int i = 0; i < 2; ++i) {
    i == 0 ? desk.client.answer(404) : desk.client.answer(Error(Errc::deadline_exceeded, "slow"));
    desk.client.answer(200, "my-role");
    desk.client.answer(200, IdentityDesk::document("ASIAI"));
    EXPECT_EQ(get(), "ASIAI s-ASIAI t-ASIAI");
    EXPECT_FALSE(desk.client.sent().back().headers.get("x-aws-ec2-metadata-token"));
  }
  desk.variables["AWS_EC2_METADATA_V1_DISABLED"] = "true";
  desk.client.answer(404);
  EXPECT_EQ(get(),
            "none: http://169.254.169.254 gives no token, and AWS_EC2_METADATA_V1_DISABLED "
            "is true");
}

TEST_F(InstanceMetadata, IsElsewhereOrOffWhereTheEnvironmentSaysSo) {
  desk.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv6";
  EXPECT_EQ(instance_metadata_url(desk.world().environment), "http://[fd00:ec2::254]");
  desk.variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1338/";
  EXPECT_EQ(instance_metadata_url(desk.world().environment), "http://127.0.0.1:1338");
  desk.variables["AWS_EC2_METADATA_DISABLED"] = "TRUE";
  EXPECT_EQ(get(), "none: AWS_EC2_METADATA_DISABLED is true");
  EXPECT_TRUE(desk.client.sent().empty());
}

TEST_F(InstanceMetadata, AMachineThatIsNoInstanceHasNoneAndSaysWhy) {
  desk.client.answer(Error(Errc::unavailable, "cannot connect"));
  desk.client.answer(Error(Errc::unavailable, "cannot connect"));
  EXPECT_EQ(get(), "none: instance metadata at http://169.254.169.254: cannot connect");
}

TEST_F(InstanceMetadata, AnInstanceWithoutARoleHasNone) {
  desk.client.answer(200, "the-token");
  desk.client.answer(404, "<html>");
  EXPECT_EQ(get(), "none: instance metadata at http://169.254.169.254: HTTP 404");
}

TEST_F(InstanceMetadata, ARoleThatEc2MayNotTakeHasNoneAndSaysSo) {
  desk.client.answer(200, "the-token");
  desk.client.answer(200, "my-role\n");
  desk.client.answer(200, R"({"Code":"AssumeRoleUnauthorizedAccess","Message":"no trust"})");
  EXPECT_EQ(get(),
            "none: http://169.254.169.254 gives nothing for role my-role: "
            "AssumeRoleUnauthorizedAccess: no trust");
}

TEST_F(InstanceMetadata, WhatItGivesTooLateIsUsedForSeventeenToTwentyFiveMinutes) {
  desk.client.answer(200, "the-token");
  desk.client.answer(200, "my-role");
  desk.client.answer(200, IdentityDesk::document("ASIAI", "2026-01-02T02:59:00Z"));
  const auto found = look();
  ASSERT_TRUE(found && found->credentials);
  EXPECT_TRUE(found->stable);
  EXPECT_GE(*found->credentials->expires_at, desk.clock.now() + 17min);
  EXPECT_LE(*found->credentials->expires_at, desk.clock.now() + 25min);
}

}  // namespace
}  // namespace quarry::aws
