#include "config/webhook_settings.h"

#include "config/testing/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::config {
namespace {

using quarry::testing::config_file;
using quarry::testing::loaded;
using quarry::testing::with;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kRegion = "s3_region_name: us-west-2\n";
const std::string kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

// The one error of a file with these general_settings.
ConfigError refusal(const std::string& general) {
  const auto settings = load(config_file(kRegion, "general_settings:\n" + general), with({}));
  if (settings || settings.error().size() != 1) {
    ADD_FAILURE() << (settings ? "it loaded" : "more than one error");
    return {};
  }
  return settings.error()[0];
}

TEST(WebhookSettings, AreNobodyWhereNothingIsSaid) {
  const WebhookSettings got = loaded(config_file(kRegion)).webhooks;
  EXPECT_TRUE(got.targets.empty());
  EXPECT_FALSE(got.of_batches);
  EXPECT_FALSE(got.private_addresses);
}

TEST(WebhookSettings, AreReadWithTheirSecretsFromTheEnvironment) {
  const WebhookSettings got =
      loaded(config_file(
                 kRegion,
                 "general_settings:\n  webhooks:\n    - url: https://a.example/hook?token=t\n"
                 "      secret: os.environ/HOOK\n      events: [batch.failed]\n"
                 "    - {url: 'https://b.example', secret: " +
                     kSecret + "}\n  allow_batch_webhooks: true\n  webhook_secret: " + kSecret +
                     "\n  webhook_allow_private_addresses: true\n"),
             {{"HOOK", kSecret}})
          .webhooks;
  ASSERT_EQ(got.targets.size(), 2u);
  EXPECT_EQ(got.targets[0].url, "https://a.example/hook?token=t");
  EXPECT_EQ(got.targets[0].secret.reveal(), kSecret);
  EXPECT_THAT(got.targets[0].events, ElementsAre("batch.failed"));
  EXPECT_TRUE(got.targets[1].events.empty());
  EXPECT_TRUE(got.of_batches);
  EXPECT_EQ(got.secret_of_batches.reveal(), kSecret);
  EXPECT_TRUE(got.private_addresses);
}

TEST(WebhookSettings, NameWhatATargetLacks) {
  EXPECT_EQ(refusal("  webhooks: [{secret: " + kSecret + "}]\n").key,
            "general_settings.webhooks[0].url");
  EXPECT_EQ(refusal("  webhooks: [{url: 'https://a.example'}]\n").key,
            "general_settings.webhooks[0].secret");
  EXPECT_EQ(refusal("  webhooks: [{url: a.example, secret: " + kSecret + "}]\n").key,
            "general_settings.webhooks[0].url");
  EXPECT_THAT(refusal("  webhooks: [{url: 'https://a.example', events: [batch.done], secret: " +
                      kSecret + "}]\n")
                  .message,
              HasSubstr("batch.completed"));
  EXPECT_EQ(refusal("  allow_batch_webhooks: true\n").key, "general_settings.allow_batch_webhooks");
}

TEST(WebhookSettings, RefuseAWeakSecretAndDoNotRepeatIt) {
  for (const char* weak : {"hunter2hunter2", "whsec_c2hvcnQ=", "whsec_not*base64*at*all*********",
                           "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3OD"}) {
    const ConfigError error =
        refusal(std::string("  webhooks: [{url: 'https://a.example', secret: '") + weak + "'}]\n");
    EXPECT_EQ(error.key, "general_settings.webhooks[0].secret");
    EXPECT_THAT(error.message, Not(HasSubstr(weak)));
    EXPECT_THAT(error.message, HasSubstr("openssl rand"));
  }
}

}  // namespace
}  // namespace quarry::config
