#include "api/gate.h"

#include "access/testing/keys.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::api {
namespace {

const access::Caller kMaster;
const access::Caller kKey = testing::caller_with({});

std::string reason_of(Gate gate, const access::Caller& caller, bool open_server) {
  const auto open = check_gate(gate, caller, open_server);
  return open ? "" : open.error().reason();
}

TEST(Gate, OfAdministratorsLetsTheMasterKeyInAlone) {
  EXPECT_EQ(reason_of(Gate::key_admin, kMaster, false), "");
  const auto refused = check_gate(Gate::key_admin, kKey, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::denied);
  EXPECT_EQ(refused.error().reason(), "admin_only");
}

TEST(Gate, OfKeysLetsAnyKeyIn) {
  for (const Gate gate : {Gate::key, Gate::own_key, Gate::open, Gate::metrics}) {
    EXPECT_EQ(reason_of(gate, kKey, false), "");
    EXPECT_EQ(reason_of(gate, kMaster, false), "");
  }
}

TEST(Gate, WithoutAMasterKeyThereAreNoKeysToSpeakOf) {
  for (const Gate gate : {Gate::own_key, Gate::key_admin}) {
    const auto refused = check_gate(gate, kMaster, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::invalid_request);
    EXPECT_TRUE(refused.error().message().contains("general_settings.master_key"));
  }
  EXPECT_EQ(reason_of(Gate::key, kMaster, true), "");
}

TEST(RateHeaders, SayWhatIsLeftAndNeverThatItIsOverNow) {
  access::RequestRate::Standing standing;
  standing.limit = 5;
  standing.remaining = 2;
  standing.until_reset = std::chrono::milliseconds(59'001);
  http::ServerResponse response;
  add_rate_headers(response, standing);
  EXPECT_EQ(response.headers.get("x-ratelimit-limit-requests"), "5");
  EXPECT_EQ(response.headers.get("x-ratelimit-remaining-requests"), "2");
  EXPECT_EQ(response.headers.get("x-ratelimit-reset-requests"), "60s");
  standing.until_reset = std::chrono::milliseconds(0);
  EXPECT_EQ(rate_limited(standing).headers.get("Retry-After"), "1");
}

TEST(RateLimited, IsOpenAIsErrorAndNamesTheLimit) {
  access::RequestRate::Standing standing;
  standing.admitted = false;
  standing.limit = 3;
  standing.remaining = -1;
  standing.until_reset = std::chrono::seconds(20);
  standing.whose = "the key sk-...1a2b";
  const auto response = rate_limited(standing);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers.get("Retry-After"), "20");
  EXPECT_EQ(response.headers.get("x-ratelimit-remaining-requests"), "0");
  const auto error = boost::json::parse(response.body).at("error");
  EXPECT_EQ(error.at("code"), "rate_limit_exceeded");
  EXPECT_TRUE(std::string(error.at("message").as_string()).contains("sk-...1a2b"));
  EXPECT_TRUE(std::string(error.at("message").as_string()).contains("3 requests a minute"));
}

}  // namespace
}  // namespace quarry::api
