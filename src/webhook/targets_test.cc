#include "webhook/targets.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::webhook {
namespace {

using openai::BatchStatus;
using ::testing::HasSubstr;

constexpr std::int64_t kNowMs = 1'800'000'000'123;
const Secret<std::string> kSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

config::WebhookSettings two_targets() {
  config::WebhookSettings settings;
  settings.targets = {{"https://all.example.com/x?token=hidden", kSecret, {}},
                      {"http://ends.example.com:8080", kSecret, {"batch.failed", "batch.expired"}}};
  return settings;
}

config::WebhookSettings of_batches() {
  config::WebhookSettings settings;
  settings.of_batches = true;
  settings.secret_of_batches = kSecret;
  return settings;
}

Targets made(config::WebhookSettings settings) {
  auto targets = Targets::of(std::move(settings));
  if (!targets) throw std::runtime_error(targets.error().message());
  return *std::move(targets);
}

store::BatchRow batch(std::optional<std::string> metadata_json = std::nullopt) {
  store::BatchRow row;
  row.id = BatchId{"batch_1"};
  row.object.metadata_json = std::move(metadata_json);
  return row;
}

std::string refusal_of(config::WebhookSettings settings) {
  const auto targets = Targets::of(std::move(settings));
  return targets ? "" : targets.error().message();
}

TEST(Targets, EachGetsARowOfItsOwnWithOpenAisEvent) {
  const auto rows = made(two_targets()).notices(batch(), BatchStatus::failed, kNowMs);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_NE(rows[0].id, rows[1].id);
  EXPECT_THAT(rows[0].id, ::testing::MatchesRegex("wh_[0-9a-f]{32}"));
  EXPECT_EQ(rows[0].batch_id.value, "batch_1");
  EXPECT_EQ(rows[0].event_type, "batch.failed");
  EXPECT_EQ(rows[0].url, "https://all.example.com/x?token=hidden");
  EXPECT_EQ(rows[0].receiver, "all.example.com:443");
  EXPECT_EQ(rows[1].receiver, "ends.example.com:8080");
  EXPECT_EQ(rows[0].created_ms, kNowMs);
  EXPECT_FALSE(rows[0].of_batch);
  EXPECT_EQ(rows[0].body, rows[1].body);
  const boost::json::object event = boost::json::parse(rows[0].body).as_object();
  EXPECT_EQ(event.size(), 5u);
  EXPECT_THAT(std::string(event.at("id").as_string()), ::testing::MatchesRegex("evt_[0-9a-f]{32}"));
  EXPECT_EQ(event.at("object"), "event");
  EXPECT_EQ(event.at("created_at").as_int64(), kNowMs / 1000);
  EXPECT_EQ(event.at("type"), "batch.failed");
  EXPECT_EQ(event.at("data"), boost::json::value({{"id", "batch_1"}}));
}

TEST(Targets, HearOnlyOfTheEventsTheyWant) {
  const Targets targets = made(two_targets());
  const auto count = [&](BatchStatus status) {
    return targets.notices(batch(), status, kNowMs).size();
  };
  EXPECT_EQ(count(BatchStatus::completed), 1u);
  EXPECT_EQ(count(BatchStatus::cancelled), 1u);
  EXPECT_EQ(count(BatchStatus::expired), 2u);
  EXPECT_EQ(count(BatchStatus::failed), 2u);
}

TEST(Targets, AreSignedForByTheirSecretsAndByNoneOnceTheyAreGone) {
  const Targets targets = made(two_targets());
  const auto rows = targets.notices(batch(), BatchStatus::completed, kNowMs);
  ASSERT_NE(targets.key_for(rows[0]), nullptr);
  EXPECT_EQ(targets.key_for(rows[0])->reveal().size(), 24u);
  EXPECT_EQ(made({}).key_for(rows[0]), nullptr);
  store::WebhookRow of_a_batch = rows[0];
  of_a_batch.of_batch = true;
  EXPECT_EQ(targets.key_for(of_a_batch), nullptr);
  EXPECT_NE(made(of_batches()).key_for(of_a_batch), nullptr);
}

TEST(Targets, ABatchsOwnUrlIsCalledWhereThatIsAllowed) {
  const auto row = batch(R"({"webhook_url":"https://mine.example.com/x"})");
  const auto rows = made(of_batches()).notices(row, BatchStatus::expired, kNowMs);
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].url, "https://mine.example.com/x");
  EXPECT_EQ(rows[0].event_type, "batch.expired");
  EXPECT_TRUE(rows[0].of_batch);
  EXPECT_TRUE(made({}).notices(row, BatchStatus::expired, kNowMs).empty());
}

TEST(Targets, ABatchWithoutAUrlOrWithOneThatMayNotBeCalledIsToldToNobody) {
  const Targets targets = made(of_batches());
  for (const char* metadata :
       {"{}", R"({"url":"https://mine.example.com"})", R"({"webhook_url":""})",
        R"({"webhook_url":"http://mine.example.com"})", R"({"webhook_url":"https://10.0.0.1"})",
        R"({"webhook_url":7})", "[]", "nonsense"}) {
    EXPECT_TRUE(targets.notices(batch(metadata), BatchStatus::completed, kNowMs).empty())
        << metadata;
  }
  EXPECT_TRUE(targets.notices(batch(), BatchStatus::completed, kNowMs).empty());
}

TEST(Check, SaysWhatIsWrongWithABatchsUrl) {
  const auto fine = [](const config::WebhookSettings& settings, const char* metadata) {
    return made(settings).check(metadata);
  };
  EXPECT_TRUE(fine(of_batches(), R"({"webhook_url":"https://mine.example.com"})"));
  EXPECT_TRUE(fine(of_batches(), R"({"other":"x"})"));
  EXPECT_TRUE(made(of_batches()).check(std::nullopt));
  const auto wrong = fine(of_batches(), R"({"webhook_url":"https://169.254.169.254/x?token=t"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Errc::invalid_request);
  EXPECT_EQ(wrong.error().param(), "metadata.webhook_url");
  EXPECT_EQ(wrong.error().message(),
            "Invalid 'metadata.webhook_url': it leads to 169.254.169.254, which is not a public "
            "address.");
  EXPECT_FALSE(fine(of_batches(), R"({"webhook_url":"http://mine.example.com"})"));
}

TEST(Check, LeavesMetadataAloneWhereNoBatchsUrlIsCalled) {
  EXPECT_TRUE(made({}).check(R"({"webhook_url":"anything at all"})"));
}

TEST(Check, TakesPrivateAddressesWhereTheyAreAllowed) {
  auto settings = of_batches();
  settings.private_addresses = true;
  EXPECT_TRUE(made(settings).check(R"({"webhook_url":"https://127.0.0.1:8000/x"})"));
}

TEST(Targets, WhatCannotBeUsedIsNamedByItsKeyWithoutTheSecret) {
  auto settings = two_targets();
  settings.targets[1].url = "https://127.0.0.1/";
  EXPECT_THAT(refusal_of(settings), HasSubstr("general_settings.webhooks[1].url leads to"));
  settings = two_targets();
  settings.targets[1].secret = Secret<std::string>("whsec_abcde");
  EXPECT_THAT(refusal_of(settings), HasSubstr("general_settings.webhooks[1].secret must be"));
  EXPECT_THAT(refusal_of(settings), ::testing::Not(HasSubstr("abcde")));
  settings = two_targets();
  settings.targets[1].url = settings.targets[0].url;
  EXPECT_THAT(refusal_of(settings), HasSubstr("webhooks[1].url is that of webhooks[0] too"));
  settings = of_batches();
  settings.secret_of_batches = Secret<std::string>("plain");
  EXPECT_THAT(refusal_of(settings), HasSubstr("general_settings.webhook_secret must be"));
}

}  // namespace
}  // namespace quarry::webhook
