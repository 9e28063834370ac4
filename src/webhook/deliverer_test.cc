// What becomes of events in a real database, before receivers that this test plays and at a time
// that it sets.

#include "webhook/deliverer.h"

#include "base/bytes.h"
#include "store/batch_store.h"
#include "store/testing/scratch_database.h"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "webhook/attempt.h"
#include "webhook/signature.h"
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace quarry::webhook {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kNowMs = 1'800'000'000'000;
const Secret<std::string> kSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

class SetClock final : public Clock {
 public:
  SysTime now() const override { return from_unix_millis(now_ms); }
  std::int64_t now_ms = kNowMs;
};

// Every receiver there is. By url: answers with these statuses in turn, the last of them for ever;
// none: never.
class Receivers final : public http::Client {
 public:
  struct Post {
    std::string url, id, timestamp, signature, body;
    bool public_addresses_only = false, discard_body = false;
  };
  std::map<std::string, std::deque<int>> answers;
  std::vector<Post> posts;
  std::map<std::string, int> open, most_open;

  Task<http::ClientResponse> send(http::ClientRequest request, Deadline) override {
    const auto header = [&](std::string_view name) {
      return std::string(request.headers.get(name).value_or(""));
    };
    posts.push_back({request.url, header("webhook-id"), header("webhook-timestamp"),
                     header("webhook-signature"), std::string(as_text(request.body)),
                     request.public_addresses_only, request.discard_body});
    std::deque<int>& next = answers[request.url];
    most_open[request.url] = std::max(most_open[request.url], ++open[request.url]);
    if (next.empty()) co_await sleep_for(1h);
    --open[request.url];
    http::ClientResponse response;
    response.status = next.front();
    if (next.size() > 1) next.pop_front();
    co_return response;
  }
  int posts_to(const std::string& url) const {
    return static_cast<int>(
        std::ranges::count_if(posts, [&](const Post& post) { return post.url == url; }));
  }
};

Targets targets_of(const std::vector<std::string>& urls) {
  config::WebhookSettings settings;
  for (const std::string& url : urls) settings.targets.push_back({url, kSecret, {}});
  settings.of_batches = true;
  settings.secret_of_batches = kSecret;
  return Targets::of(std::move(settings)).value();
}

class DelivererTest : public ::testing::Test {
 protected:
  static inline const std::string kOne = "https://one.example.com/x";
  static inline const std::string kTwo = "https://two.example.com/x";

  void TearDown() override {
    if (deliverer_) stop();
  }

  // Ends of batches, told in the way that they are when one ends.
  void batches_end(int count, std::optional<std::string> url_of_batch = std::nullopt) {
    store::BatchStore batches(*database_, "engine");
    batches.tell_of_ends(
        [this](const store::BatchRow& batch, openai::BatchStatus status, std::int64_t now_ms) {
          return targets_.notices(batch, status, now_ms);
        });
    for (int i = 0; i < count; ++i) {
      store::BatchRow batch;
      batch.id = BatchId{fmt::format("batch_{}", ++ended_)};
      batch.by.owner = "me";
      batch.object.id = batch.id.value;
      batch.object.endpoint = "/v1/chat/completions";
      batch.object.input_file_id = "file-in";
      if (url_of_batch) {
        batch.object.metadata_json = fmt::format(R"({{"webhook_url":"{}"}})", *url_of_batch);
      }
      const BatchId id = batch.id;
      ASSERT_TRUE(get(batches.create(std::move(batch), std::nullopt, true, clock_.now_ms)));
      ASSERT_EQ(
          get(batches.claim_batches(store::BatchPhase::planning, clock_.now_ms, 1000, 5))->size(),
          1u);
      ASSERT_TRUE(get(batches.fail_validation(id, {}, clock_.now_ms)));
    }
  }

  void start() {
    store_.emplace(*database_, fmt::format("server-{}", ++servers_));
    deliverer_.emplace(
        DelivererWorld{io_, *store_, targets_, receivers_, clock_, wall_, [] { return 0.5; }});
    deliverer_->start();
  }
  void stop() {
    bool stopped = false;
    boost::asio::co_spawn(io_, deliverer_->stop(Deadline::after(20s)),
                          [&](const std::exception_ptr&) { stopped = true; });
    until([&] { return stopped; });
    deliverer_.reset();
  }

  template <class T>
  Result<T> get(Task<T> task) {
    std::optional<Result<T>> result;
    boost::asio::co_spawn(io_, std::move(task), [&](const std::exception_ptr&, Result<T> value) {
      result.emplace(std::move(value));
    });
    until([&] { return result.has_value(); });
    return *std::move(result);
  }
  template <class Condition>
  void until(Condition met) {
    const Deadline deadline = Deadline::after(20s);
    while (!met()) {
      ASSERT_FALSE(deadline.expired());
      if (io_.stopped()) io_.restart();
      io_.run_one_for(50ms);
    }
  }
  std::vector<store::WebhookStore::Undelivered> undelivered() {
    return get(store::WebhookStore(*database_, "looker").undelivered(1000)).value();
  }
  void wait_until_all_is_delivered() {
    until([&] { return undelivered().empty(); });
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
  SetClock clock_, wall_;
  Receivers receivers_;
  Targets targets_ = targets_of({kOne});
  std::optional<store::WebhookStore> store_;
  std::optional<Deliverer> deliverer_;
  int ended_ = 0, servers_ = 0;
};

TEST_F(DelivererTest, PostsTheEventSignedAtTheTimeOfTheAttemptToPublicAddressesOnly) {
  receivers_.answers[kOne] = {204};
  wall_.now_ms = kNowMs + 5'000'000;
  batches_end(1);
  start();
  wait_until_all_is_delivered();
  ASSERT_EQ(receivers_.posts.size(), 1u);
  const Receivers::Post& post = receivers_.posts.front();
  EXPECT_TRUE(post.id.starts_with("wh_"));
  EXPECT_EQ(post.timestamp, std::to_string(kNowMs / 1000 + 5'000));
  EXPECT_EQ(post.signature,
            signature(*signing_key(kSecret), post.id, kNowMs / 1000 + 5'000, post.body));
  EXPECT_NE(post.body.find(R"("type":"batch.failed","data":{"id":"batch_1"})"), std::string::npos);
  EXPECT_TRUE(post.public_addresses_only);
  EXPECT_TRUE(post.discard_body);
}

TEST_F(DelivererTest, TriesAgainUnderTheSameIdUntilItArrives) {
  receivers_.answers[kOne] = {500, 302, 429, 200};
  batches_end(1);
  start();
  for (std::size_t failures = 1; failures <= 3; ++failures) {
    until([&] {
      return !undelivered().empty() && undelivered()[0].webhook.attempts == int(failures);
    });
    EXPECT_EQ(receivers_.posts.size(), failures);
    clock_.now_ms = undelivered()[0].due_ms;
    wall_.now_ms += 60'000;
    deliverer_->wake();
  }
  wait_until_all_is_delivered();
  ASSERT_EQ(receivers_.posts.size(), 4u);
  std::set<std::string> ids, bodies, timestamps;
  for (const auto& post : receivers_.posts) {
    ids.insert(post.id);
    bodies.insert(post.body);
    timestamps.insert(post.timestamp);
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(bodies.size(), 1u);
  EXPECT_EQ(timestamps.size(), 4u);
}

TEST_F(DelivererTest, NothingIsTriedBeforeItIsDue) {
  receivers_.answers[kOne] = {500, 200};
  batches_end(1);
  start();
  until([&] { return !undelivered().empty() && undelivered()[0].webhook.attempts == 1; });
  clock_.now_ms = undelivered()[0].due_ms - 1;
  batches_end(1);  // which the deliverer sees, and so has looked
  until([&] { return undelivered().size() == 1; });
  EXPECT_EQ(receivers_.posts.size(), 2u);
  clock_.now_ms += 1;
  deliverer_->wake();
  wait_until_all_is_delivered();
}

TEST_F(DelivererTest, GivesUpAfterADay) {
  receivers_.answers[kOne] = {500};
  batches_end(1);
  start();
  while (true) {
    const auto before = receivers_.posts.size();
    deliverer_->wake();
    until([&] {
      return receivers_.posts.size() > before && undelivered()[0].due_ms != clock_.now_ms &&
             undelivered()[0].webhook.attempts == int(receivers_.posts.size());
    });
    const auto row = undelivered()[0];
    if (row.given_up_ms) break;
    ASSERT_LT(receivers_.posts.size(), 100u);
    clock_.now_ms = row.due_ms;
  }
  EXPECT_EQ(receivers_.posts.size(), 16u);
  EXPECT_EQ(undelivered()[0].given_up_ms, kNowMs + std::chrono::milliseconds(kTryFor).count());
  EXPECT_EQ(undelivered()[0].webhook.last_error, "it answered 500");
}

TEST_F(DelivererTest, A410EndsItAtOnce) {
  receivers_.answers[kOne] = {410};
  batches_end(1);
  start();
  until([&] { return undelivered()[0].given_up_ms.has_value(); });
  EXPECT_EQ(receivers_.posts.size(), 1u);
}

TEST_F(DelivererTest, AReceiverThatNeverAnswersHoldsUpNobodyElse) {
  targets_ = targets_of({kOne, kTwo});
  receivers_.answers[kTwo] = {200};
  batches_end(12);
  start();
  until([&] { return undelivered().size() == 12; });
  EXPECT_EQ(receivers_.posts_to(kTwo), 12);
  EXPECT_EQ(receivers_.posts_to(kOne), Deliverer::kAtOncePerReceiver);
  EXPECT_LE(receivers_.most_open[kTwo], Deliverer::kAtOncePerReceiver);
  for (const auto& row : undelivered()) EXPECT_EQ(row.webhook.url, kOne);
}

TEST_F(DelivererTest, ReceiversThatBatchesNameHoldUpNoneOfTheConfigurations) {
  receivers_.answers[kOne] = {200};
  const int dead = Deliverer::kAtOnce + 5;
  for (int i = 0; i < dead; ++i) batches_end(1, fmt::format("https://dead-{}.example.com/", i));
  start();
  until([&] { return static_cast<int>(undelivered().size()) == dead; });
  EXPECT_EQ(receivers_.posts_to(kOne), dead);
  EXPECT_EQ(static_cast<int>(receivers_.posts.size()), dead + Deliverer::kAtOnce);
}

TEST_F(DelivererTest, WhatAStoppedServerWasSendingIsSentByTheNextUnderTheSameId) {
  batches_end(1);
  start();
  until([&] { return receivers_.posts.size() == 1; });
  stop();
  receivers_.answers[kOne] = {200};
  start();
  wait_until_all_is_delivered();
  ASSERT_EQ(receivers_.posts.size(), 2u);
  EXPECT_EQ(receivers_.posts[0].id, receivers_.posts[1].id);
}

TEST_F(DelivererTest, ATargetThatTheConfigurationNamesNoMoreIsNotCalled) {
  batches_end(1);
  targets_ = targets_of({kTwo});
  start();
  until([&] { return undelivered()[0].webhook.attempts == 1; });
  EXPECT_TRUE(receivers_.posts.empty());
  EXPECT_EQ(undelivered()[0].webhook.last_error, "the configuration names it no more");
}

TEST_F(DelivererTest, WhatWasDeliveredLongAgoIsForgotten) {
  receivers_.answers[kOne] = {200};
  batches_end(2);
  start();
  wait_until_all_is_delivered();
  stop();
  const auto rows = [&] { return database_.query("SELECT COUNT(*) FROM webhook_deliveries"); };
  EXPECT_EQ(rows(), "2");
  clock_.now_ms += std::chrono::milliseconds(Deliverer::kKeepDelivered).count() + 1;
  start();
  until([&] { return rows() == "0"; });
}

}  // namespace
}  // namespace quarry::webhook
