// Databases of older versions go on where they were, whichever the engine.
#include "base/testing/run.h"
#include "store/batch_store.h"
#include "store/file_store.h"
#include "store/schema.h"
#include "store/spend_store.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace quarry::store {
namespace {

class Migration : public ::testing::Test {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(std::move(task));
  }

  // The database as a Quarry of that schema version made it.
  void make_version(std::size_t version) {
    database_.make_empty();
    for (std::size_t i = 0; i < version; ++i) {
      std::string_view script = migrations()[i];
      while (!script.empty()) {
        const std::size_t end = script.find(";\n");
        query(std::string(script.substr(0, end)));
        script = end == std::string_view::npos ? std::string_view() : script.substr(end + 2);
      }
    }
    query("CREATE TABLE schema_version (version BIGINT NOT NULL)");
    query(fmt::format("INSERT INTO schema_version (version) VALUES ({})", version));
  }
  std::string query(const std::string& statement) { return database_.query(statement); }

  testing::ScratchDatabase database_;
};

TEST_F(Migration, ADatabaseOfTheFirstVersionGoesOnWhereItWas) {
  make_version(1);
  query(
      "INSERT INTO jobs VALUES ('batch_1', 1, 1, 'direct', 'running', 'dep', 'm', 42, '', '', "
      "'', 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, NULL, NULL)");
  query("INSERT INTO direct_results VALUES ('batch_1', 1, 7, 200, 'first')");
  database_.open();
  BatchStore store(*database_, "worker");
  const auto jobs = run(store.jobs(BatchId{"batch_1"}));
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ(jobs->front().records, 42);
  EXPECT_EQ(jobs->front().lines, 42);
  EXPECT_EQ(jobs->front().invocation, bedrock::InvocationType::InvokeModel);
  EXPECT_EQ(jobs->front().family, "anthropic");
  DirectResultStore results(*database_, "worker");
  const auto answers = run(results.answers(BatchId{"batch_1"}, 1, {}, 10));
  ASSERT_EQ(answers->size(), 1u);
  EXPECT_EQ(answers->front().key, (DirectResultStore::Key{7, 0}));
  EXPECT_EQ(answers->front().body, "first");
  EXPECT_EQ(answers->front().input_tokens, std::nullopt);
}

TEST_F(Migration, ADatabaseOfTheThirdVersionKeepsItsFilesAndBatches) {
  make_version(3);
  query(
      "INSERT INTO files (id, owner, filename, purpose, bytes, created_at, created_order, "
      "target_models, scan) VALUES ('file-1', 'master', 'a.jsonl', 'batch', 10, 5, 1, '[]', '')");
  query(
      "INSERT INTO batches (id, owner, status, phase, endpoint, input_file_id, "
      "completion_window, errors, output_id, error_id, has_output, has_error, created_at, "
      "created_order, expires_at, total, completed, failed, refused_lines, input_tokens, "
      "cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano_usd, "
      "cost_known, failures, due_ms) VALUES ('batch_1', 'master', 'in_progress', 'running', "
      "'/v1/chat/completions', 'file-1', '24h', '[]', 'file-2', 'file-3', 0, 0, 5, 1, 99, 7, 3, "
      "0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)");
  database_.open();
  FileStore files(*database_);
  const auto file = run(files.find(FileId{"file-1"}, Viewer{"master"}, 6));
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->by, (Ownership{"master"}));
  BatchStore batches(*database_, "worker");
  const auto batch = run(batches.find(BatchId{"batch_1"}, Viewer{"master"}));
  ASSERT_TRUE(batch) << batch.error().message();
  EXPECT_EQ(batch->by, (Ownership{"master"}));
  EXPECT_EQ(batch->object.total, 7);
  EXPECT_EQ(run(batches.claim_batches(BatchPhase::running, 1, 1000, 5))->size(), 1u);
}

// The ledger of the jobs is what the ledger of the batches was, and goes on for open batches.
TEST_F(Migration, WhatJobsCostBeforeTheLedgerOfJobsIsInItsReports) {
  make_version(3);
  const auto batch = [&](const std::string& id, const char* ended) {
    query(fmt::format(
        "INSERT INTO batches (id, owner, status, phase, endpoint, input_file_id, "
        "completion_window, errors, output_id, error_id, has_output, has_error, created_at, "
        "created_order, expires_at, total, completed, failed, refused_lines, input_tokens, "
        "cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano_usd, "
        "cost_known, failures, due_ms, completed_at) VALUES ('{}', 'master', 'in_progress', "
        "'running', '/v1/chat/completions', 'file-1', '24h', '[]', 'file-2', 'file-3', 0, 0, 5, "
        "1, 99, 7, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, {})",
        id, ended));
  };
  const auto job = [&](const char* id, int n, const char* state, int cost, int known) {
    query(fmt::format(
        "INSERT INTO jobs (batch_id, n, attempt, kind, state, deployment_id, model_name, records, "
        "lines, job_arn, aws_status, message, stop_requested, succeeded, errored, input_tokens, "
        "cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano_usd, "
        "cost_known, failures, due_ms, owner) VALUES ('{}', {}, 1, 'direct', '{}', 'dep', 'm', 9, "
        "9, '', '', '', 0, 8, 1, 10, 1, 2, 20, 3, {}, {}, 0, 0, 'master')",
        id, n, state, cost, known));
  };
  batch("batch_1", "86500");
  job("batch_1", 1, "collected", 3'000, 1);
  job("batch_1", 2, "collected", 400, 0);
  query(
      "INSERT INTO spend_log (request_id, call_type, batch_id, owner, model, started_at, ended_at, "
      "input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, "
      "cost_nano_usd, cost_known, completed, failed) VALUES ('batch_1_batch_cost', "
      "'batch_success', 'batch_1', 'master', 'm', 5, 86500, 20, 2, 4, 40, 6, 3400, 0, 16, 2)");
  batch("batch_2", "NULL");
  job("batch_2", 1, "collected", 50, 1);
  job("batch_2", 2, "running", 0, 1);
  database_.open();

  SpendStore spend(*database_);
  const SpendFilter all{.viewer = {.owner = "master", .all = true}};
  const auto logs = run(spend.logs({.filter = all, .request_id = "batch_1_batch_cost"}));
  ASSERT_TRUE(logs) << logs.error().message();
  ASSERT_EQ(logs->rows.size(), 1u);
  const auto report = run(spend.report({.filter = all, .group_by = {GroupBy::day}}));
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_EQ(report->rows.size(), 2u);
  EXPECT_EQ(report->rows[0].groups, std::vector<std::string>{"1970-01-01"});
  EXPECT_EQ(report->rows[0].spent.cost_nano_usd, 50);
  EXPECT_EQ(report->rows[1].groups, std::vector<std::string>{"1970-01-02"});
  const SpendRow& before = logs->rows[0].row;
  const Spent& after = report->rows[1].spent;
  EXPECT_EQ(after.cost_nano_usd, before.cost_nano_usd);
  EXPECT_EQ(after.input_nano_usd + after.output_nano_usd, before.cost_nano_usd);
  EXPECT_EQ(after.usage, before.usage);
  EXPECT_EQ(after.completed, before.completed);
  EXPECT_EQ(after.failed, before.failed);
  EXPECT_EQ(after.unknown_jobs, 1);
  EXPECT_EQ(after.unpriced_jobs, 0);
  EXPECT_EQ(report->total.jobs, 3);
  ASSERT_EQ(logs->rows[0].bills.size(), 1u);
  EXPECT_EQ(logs->rows[0].bills[0].price, std::nullopt);
  EXPECT_EQ(logs->rows[0].bills[0].spent.cost_nano_usd, 3'400);
}

TEST_F(Migration, ADatabaseOfANewerQuarryIsRefused) {
  make_version(migrations().size());
  query("UPDATE schema_version SET version = version + 1");
  try {
    database_.open();
    FAIL() << "it was opened";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string(e.what()).find("newer than this quarry's"), std::string::npos)
        << e.what();
  }
}

TEST_F(Migration, WhatWentWrongInTheMiddleLeavesTheVersionBefore) {
  make_version(3);
  query("CREATE TABLE teams (name TEXT)");  // which version 4 makes
  EXPECT_THROW(database_.open(), std::runtime_error);
  EXPECT_EQ(query("SELECT version FROM schema_version"), "3");
  query("SELECT COUNT(*) FROM files");
  EXPECT_THROW(query("SELECT team_id FROM files"), std::runtime_error);
  query("DROP TABLE teams");
  database_.open();
  query("SELECT team_id FROM files");
}

}  // namespace
}  // namespace quarry::store
