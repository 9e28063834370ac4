#pragma once
// Word of a batch's end to those who wait for it: written in the transaction that ends the batch,
// claimed and sent until it has arrived or is given up. Each method is one transaction. Errors of
// every call: internal (database).

#include "base/task.h"
#include "openai/objects.h"
#include "store/database.h"
#include "store/rows.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quarry::store {

// One event to one receiver.
struct WebhookRow {
  std::string id;  // the webhook-id, the same at every attempt: "wh_" + 32 hex
  BatchId batch_id;
  std::string event_type;  // "batch.completed", …
  std::string url;
  std::string receiver;   // host:port of the url: those of one share its turn
  bool of_batch = false;  // the url is the batch's own, metadata.webhook_url
  std::string body;
  std::int64_t created_ms = 0;
  int attempts = 0;        // that failed
  std::string last_error;  // of the last of them
};

// Who is to be told that the batch ends with this status. Called on the database's thread, inside
// the transaction: pure, and it does not throw.
using EndNotices = std::function<std::vector<WebhookRow>(
    const BatchRow& batch, openai::BatchStatus status, std::int64_t now_ms)>;

class WebhookStore {
 public:
  // lease_owner: this process; unique among replicas.
  WebhookStore(Database& database, std::string lease_owner)
      : database_(database), lease_owner_(std::move(lease_owner)) {}

  struct Claim {
    bool of_batches = false;  // those of batches' own urls, or those of the configuration's
    int limit = 0;
    int per_receiver = 0;  // `running` counted
    std::map<std::string, int> running;
    std::int64_t now_ms = 0;
    std::int64_t lease_ms = 0;
  };
  // Takes due rows. Receivers come in turn: everybody's first before anybody's second.
  Task<std::vector<WebhookRow>> claim(Claim claim);

  // What came of an attempt; the lease ends. Changes nothing where the lease was lost meanwhile.
  Task<void> delivered(std::string id, std::int64_t now_ms);
  Task<void> failed(std::string id, std::string error, std::int64_t due_ms);
  Task<void> given_up(std::string id, std::string error, std::int64_t now_ms);

  // When the next row is due, or a lease of somebody who is gone runs out; nullopt: there is none.
  Task<std::optional<std::int64_t>> next_due_ms();
  // Gives back what this process has claimed, and on SQLite what anybody has: the directory's lock
  // proves that whoever held it is gone.
  Task<void> release_all(std::int64_t now_ms);
  // Deletes what was delivered, or given up, before these times. Gives the number of rows.
  Task<std::int64_t> forget(std::int64_t delivered_before_ms, std::int64_t given_up_before_ms);

  // For operators: what is under way or was given up, latest first.
  struct Undelivered {
    WebhookRow webhook;
    std::int64_t due_ms = 0;
    std::optional<std::int64_t> given_up_ms;
  };
  Task<std::vector<Undelivered>> undelivered(std::int64_t limit);

 private:
  Database& database_;
  std::string lease_owner_;
};

}  // namespace quarry::store
