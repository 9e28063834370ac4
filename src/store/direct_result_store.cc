#include "store/batch_rows.h"
#include "store/batch_store.h"
#include "store/columns.h"
#include "store/session.h"

namespace quarry::store {

Task<void> DirectResultStore::save(BatchId id, int n, Answer answer) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    // The first answer stays: it is the one that is billed.
    long long known = 0;
    sql << "SELECT COUNT(*) FROM direct_results WHERE batch_id = :id AND n = :n AND line = :line",
        soci::use(id.value), soci::use(n), soci::use(answer.line), soci::into(known);
    if (known > 0) return {};
    Columns columns;
    columns.add("batch_id", id.value)
        .add("n", std::int64_t{n})
        .add("line", answer.line)
        .add("status", std::int64_t{answer.status})
        .add("body", std::move(answer.body))
        .insert_into(sql, "direct_results");
    // Live progress for whoever polls: the same counters that a Bedrock job has.
    sql << "UPDATE jobs SET succeeded = (SELECT COUNT(*) FROM direct_results d WHERE d.batch_id = "
           "jobs.batch_id AND d.n = jobs.n AND d.status = 200), errored = (SELECT COUNT(*) FROM "
           "direct_results d WHERE d.batch_id = jobs.batch_id AND d.n = jobs.n AND d.status <> "
           "200) WHERE "
           "batch_id = :id AND n = :n",
        soci::use(id.value), soci::use(n);
    refresh_counts(sql, id);
    return {};
  });
}

Task<std::vector<std::int64_t>> DirectResultStore::answered_lines(BatchId id, int n) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<std::int64_t>> {
        std::vector<std::int64_t> lines;
        const soci::rowset<long long> rows =
            (sql.prepare
                 << "SELECT line FROM direct_results WHERE batch_id = :id AND n = :n ORDER BY line",
             soci::use(id.value), soci::use(n));
        for (const long long line : rows) lines.push_back(line);
        return lines;
      });
}

Task<std::vector<DirectResultStore::Answer>> DirectResultStore::answers(BatchId id,
                                                                        int n,
                                                                        std::int64_t after_line,
                                                                        int limit) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<Answer>> {
    std::vector<Answer> answers;
    const soci::rowset<soci::row> rows =
        (sql.prepare
             << "SELECT line, status, body FROM direct_results WHERE batch_id = :id AND n = :n "
                "AND line > :after ORDER BY line LIMIT :limit",
         soci::use(id.value), soci::use(n), soci::use(after_line), soci::use(limit));
    for (const soci::row& row : rows) {
      answers.push_back(
          {integer(row, "line"), static_cast<int>(integer(row, "status")), text(row, "body")});
    }
    return answers;
  });
}

}  // namespace quarry::store
