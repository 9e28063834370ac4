#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/columns.h"
#include "store/session.h"

#include <fmt/format.h>

namespace quarry::store {

Task<void> DirectResultStore::save(BatchId id, int n, Answer answer, Progress progress) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    lock_batch(sql, id);
    // Of a job that was collected meanwhile the counts are exact, and its answers are gone.
    long long held = 0;
    sql << "SELECT COUNT(*) FROM jobs WHERE batch_id = :id AND n = :n AND lease_owner = :me",
        soci::use(id.value), soci::use(n), soci::use(lease_owner_), soci::into(held);
    if (held == 0) {
      return fail(Errc::conflict,
                  fmt::format("the lease on {}/{} was lost to another worker", id.value, n));
    }
    // The first answer stays: it is the one that is billed.
    long long known = 0;
    sql << "SELECT COUNT(*) FROM direct_results WHERE batch_id = :id AND n = :n AND line = :line "
           "AND part = :part",
        soci::use(id.value), soci::use(n), soci::use(answer.key.line), soci::use(answer.key.part),
        soci::into(known);
    if (known > 0) return {};
    Columns columns;
    columns.add("batch_id", id.value)
        .add("n", std::int64_t{n})
        .add("line", answer.key.line)
        .add("part", answer.key.part)
        .add("status", std::int64_t{answer.status})
        .add("body", answer.body)
        .add("input_tokens", answer.input_tokens)
        .add("output_tokens", answer.output_tokens)
        .insert_into(sql, "direct_results");
    // Live progress for whoever polls: the same counters that a Bedrock job has.
    sql << "UPDATE jobs SET succeeded = GREATEST(succeeded, :ok), errored = GREATEST(errored, "
           ":bad) WHERE "
           "batch_id = :id AND n = :n",
        soci::use(progress.succeeded), soci::use(progress.errored), soci::use(id.value),
        soci::use(n);
    refresh_counts(sql, id);
    return {};
  });
}

Task<DirectResultStore::Answered> DirectResultStore::answered(BatchId id, int n) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Answered> {
    Answered answered;
    const soci::rowset<soci::row> rows =
        (sql.prepare << "SELECT line, part, status FROM direct_results WHERE batch_id = :id AND n "
                        "= :n ORDER BY line, part",
         soci::use(id.value), soci::use(n));
    for (const soci::row& row : rows) {
      answered.keys.push_back({integer(row, "line"), integer(row, "part")});
      ++(integer(row, "status") == 200 ? answered.succeeded : answered.errored);
    }
    return answered;
  });
}

Task<std::vector<DirectResultStore::Answer>> DirectResultStore::answers(BatchId id,
                                                                        int n,
                                                                        Key after,
                                                                        int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<Answer>> {
    std::vector<Answer> answers;
    const soci::rowset<soci::row> rows =
        (sql.prepare << "SELECT line, part, status, body, input_tokens, output_tokens FROM "
                        "direct_results WHERE batch_id = :id AND n = :n AND (line > :line OR (line "
                        "= :line2 AND part > :part)) ORDER BY line, part LIMIT :limit",
         soci::use(id.value), soci::use(n), soci::use(after.line), soci::use(after.line),
         soci::use(after.part), soci::use(limit));
    for (const soci::row& row : rows) {
      answers.push_back({{integer(row, "line"), integer(row, "part")},
                         static_cast<int>(integer(row, "status")),
                         text(row, "body"),
                         maybe_integer(row, "input_tokens"),
                         maybe_integer(row, "output_tokens")});
    }
    return answers;
  });
}

}  // namespace quarry::store
