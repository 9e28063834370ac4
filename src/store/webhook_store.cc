// A claimed row's due time is the end of its lease: who claimed it and died leaves it due again.
#include "store/webhook_store.h"

#include "store/batch_rows.h"
#include "store/session.h"
#include "store/webhook_rows.h"

#include <fmt/format.h>

namespace quarry::store {
namespace {

constexpr const char* kWebhookColumns =
    "id, batch_id, event_type, url, receiver, of_batch, body, created_ms, attempts, last_error";

WebhookRow webhook_of(const soci::row& row) {
  WebhookRow webhook;
  webhook.id = text(row, "id");
  webhook.batch_id = BatchId{text(row, "batch_id")};
  webhook.event_type = text(row, "event_type");
  webhook.url = text(row, "url");
  webhook.receiver = text(row, "receiver");
  webhook.of_batch = integer(row, "of_batch") != 0;
  webhook.body = text(row, "body");
  webhook.created_ms = integer(row, "created_ms");
  webhook.attempts = static_cast<int>(integer(row, "attempts"));
  webhook.last_error = text(row, "last_error");
  return webhook;
}

// The end of an attempt. `changes`: of the columns that the lease's end leaves open.
Result<void> end_attempt(soci::session& sql,
                         const std::string& id,
                         const std::string& lease_owner,
                         Columns& changes) {
  changes.add("lease_owner", std::optional<std::string>())
      .add("lease_until_ms", std::optional<std::int64_t>());
  Columns key;
  key.add("id", id).add("lease_owner", lease_owner);
  changes.update(sql, "webhook_deliveries", key);
  return {};
}

void count_attempt(soci::session& sql, const std::string& id, const std::string& lease_owner) {
  sql << "UPDATE webhook_deliveries SET attempts = attempts + 1 WHERE id = :id AND lease_owner = "
         ":me",
      soci::use(id), soci::use(lease_owner);
}

}  // namespace

void insert_webhooks(soci::session& sql, const std::vector<WebhookRow>& webhooks) {
  for (const WebhookRow& webhook : webhooks) {
    const std::int64_t of_batch = webhook.of_batch ? 1 : 0;
    sql << "INSERT INTO webhook_deliveries (id, batch_id, event_type, url, receiver, of_batch, "
           "body, created_ms, attempts, last_error, due_ms) VALUES (:id, :batch, :event, :url, "
           ":receiver, :of_batch, :body, :created, 0, '', :due) ON CONFLICT DO NOTHING",
        soci::use(webhook.id), soci::use(webhook.batch_id.value), soci::use(webhook.event_type),
        soci::use(webhook.url), soci::use(webhook.receiver), soci::use(of_batch),
        soci::use(webhook.body), soci::use(webhook.created_ms), soci::use(webhook.created_ms);
  }
}

Task<std::vector<WebhookRow>> WebhookStore::claim(Claim claim) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<WebhookRow>> {
        // Rows of receivers that are at their limit are read and passed over: at most as many as
        // are running.
        int running = 0;
        for (const auto& [receiver, count] : claim.running) running += count;
        auto of_receivers = claim.running;
        const std::string due =
            fmt::format("of_batch = {} AND due_ms <= {}", claim.of_batches ? 1 : 0, claim.now_ms);
        const std::string statement = fmt::format(
            "SELECT {} FROM webhook_deliveries JOIN (SELECT id AS ranked_id, ROW_NUMBER() OVER "
            "(PARTITION BY receiver ORDER BY due_ms, id) AS turn FROM webhook_deliveries WHERE "
            "{}) AS ranked ON ranked_id = id WHERE turn <= {} AND {} ORDER BY turn, due_ms, id "
            "LIMIT {}{}",
            kWebhookColumns, due, claim.per_receiver, due, claim.limit + running,
            skip_locked(sql, "webhook_deliveries"));
        std::vector<WebhookRow> claimed;
        {
          const soci::rowset<soci::row> rows = (sql.prepare << statement);
          for (const soci::row& row : rows) {
            WebhookRow webhook = webhook_of(row);
            if (static_cast<int>(claimed.size()) >= claim.limit) break;
            int& of_receiver = of_receivers[webhook.receiver];
            if (of_receiver >= claim.per_receiver) continue;
            ++of_receiver;
            claimed.push_back(std::move(webhook));
          }
        }
        const std::int64_t until = claim.now_ms + claim.lease_ms;
        for (const WebhookRow& webhook : claimed) {
          sql << "UPDATE webhook_deliveries SET lease_owner = :me, lease_until_ms = :until, due_ms "
                 "= :due WHERE id = :id",
              soci::use(lease_owner_), soci::use(until), soci::use(until), soci::use(webhook.id);
        }
        return claimed;
      });
}

Task<void> WebhookStore::delivered(std::string id, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    Columns changes;
    changes.add("delivered_ms", now_ms).add("last_error", std::string()).add("due_ms", kNeverMs);
    return end_attempt(sql, id, lease_owner_, changes);
  });
}

Task<void> WebhookStore::failed(std::string id, std::string error, std::int64_t due_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    count_attempt(sql, id, lease_owner_);
    Columns changes;
    changes.add("last_error", error).add("due_ms", due_ms);
    return end_attempt(sql, id, lease_owner_, changes);
  });
}

Task<void> WebhookStore::given_up(std::string id, std::string error, std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    count_attempt(sql, id, lease_owner_);
    Columns changes;
    changes.add("given_up_ms", now_ms).add("last_error", error).add("due_ms", kNeverMs);
    return end_attempt(sql, id, lease_owner_, changes);
  });
}

Task<std::optional<std::int64_t>> WebhookStore::next_due_ms() {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::optional<std::int64_t>> {
        long long due = 0;
        soci::indicator indicator = soci::i_ok;
        sql << "SELECT MIN(due_ms) FROM webhook_deliveries", soci::into(due, indicator);
        if (indicator == soci::i_null || due >= kNeverMs) return std::nullopt;
        return due;
      });
}

Task<void> WebhookStore::release_all(std::int64_t now_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE webhook_deliveries SET lease_owner = NULL, lease_until_ms = NULL, due_ms = :now "
           "WHERE "
        << (is_postgresql(sql) ? "lease_owner = :me" : "lease_owner IS NOT NULL AND :me <> ''"),
        soci::use(now_ms), soci::use(lease_owner_);
    return {};
  });
}

Task<std::int64_t> WebhookStore::forget(std::int64_t delivered_before_ms,
                                        std::int64_t given_up_before_ms) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::int64_t> {
    soci::statement gone = (sql.prepare << "DELETE FROM webhook_deliveries WHERE delivered_ms < "
                                           ":delivered OR given_up_ms < :given_up",
                            soci::use(delivered_before_ms), soci::use(given_up_before_ms));
    gone.execute(true);
    return gone.get_affected_rows();
  });
}

Task<std::vector<WebhookStore::Undelivered>> WebhookStore::undelivered(std::int64_t limit) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<Undelivered>> {
        std::vector<Undelivered> found;
        const soci::rowset<soci::row> rows =
            (sql.prepare << "SELECT " << kWebhookColumns
                         << ", due_ms, given_up_ms FROM webhook_deliveries WHERE delivered_ms IS "
                            "NULL ORDER BY created_ms DESC, id LIMIT :limit",
             soci::use(limit));
        for (const soci::row& row : rows) {
          found.push_back(
              {webhook_of(row), integer(row, "due_ms"), maybe_integer(row, "given_up_ms")});
        }
        return found;
      });
}

}  // namespace quarry::store
