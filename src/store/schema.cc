#include "store/schema.h"

#include <array>

namespace quarry::store {
namespace {

// Integers are BIGINT everywhere: SOCI reads "INTEGER" as 32 bits.
constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE files (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  created_order BIGINT NOT NULL,
  expires_at BIGINT,
  target_models TEXT NOT NULL,
  scan TEXT NOT NULL,
  deleted_at BIGINT
);
CREATE INDEX files_by_age ON files (owner, created_order, id);
CREATE INDEX files_by_order ON files (created_order);
CREATE TABLE file_segments (
  file_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  deployment_id TEXT NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (file_id, n)
);
CREATE TABLE batches (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  status TEXT NOT NULL,
  phase TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT,
  input_file_id TEXT NOT NULL,
  completion_window TEXT NOT NULL,
  metadata TEXT,
  errors TEXT NOT NULL,
  output_id TEXT NOT NULL,
  error_id TEXT NOT NULL,
  has_output BIGINT NOT NULL,
  has_error BIGINT NOT NULL,
  output_expires_after_s BIGINT,
  created_at BIGINT NOT NULL,
  created_order BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  in_progress_at BIGINT,
  finalizing_at BIGINT,
  completed_at BIGINT,
  failed_at BIGINT,
  expired_at BIGINT,
  cancelling_at BIGINT,
  cancelled_at BIGINT,
  total BIGINT NOT NULL,
  completed BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  refused_lines BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  cost_known BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  due_ms BIGINT NOT NULL,
  lease_owner TEXT,
  lease_until_ms BIGINT
);
CREATE INDEX batches_by_age ON batches (owner, created_order, id);
CREATE INDEX batches_by_order ON batches (created_order);
CREATE INDEX batches_due ON batches (due_ms) WHERE phase <> 'done';
CREATE INDEX batches_by_input ON batches (input_file_id);
CREATE TABLE jobs (
  batch_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  attempt BIGINT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  model_name TEXT NOT NULL,
  records BIGINT NOT NULL,
  job_arn TEXT NOT NULL,
  aws_status TEXT NOT NULL,
  message TEXT NOT NULL,
  stop_requested BIGINT NOT NULL,
  succeeded BIGINT NOT NULL,
  errored BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  cost_known BIGINT NOT NULL,
  failures BIGINT NOT NULL,
  due_ms BIGINT NOT NULL,
  lease_owner TEXT,
  lease_until_ms BIGINT,
  PRIMARY KEY (batch_id, n)
);
CREATE INDEX jobs_due ON jobs (due_ms) WHERE state <> 'collected';
CREATE INDEX jobs_by_deployment ON jobs (deployment_id, state);
CREATE TABLE direct_results (
  batch_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  line BIGINT NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (batch_id, n, line)
);
CREATE TABLE idempotency (
  owner TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  batch_id TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (owner, idempotency_key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_ms);
CREATE TABLE spend_log (
  request_id TEXT PRIMARY KEY,
  call_type TEXT NOT NULL,
  batch_id TEXT NOT NULL,
  owner TEXT NOT NULL,
  model TEXT NOT NULL,
  started_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  cost_known BIGINT NOT NULL,
  completed BIGINT NOT NULL,
  failed BIGINT NOT NULL
);
CREATE INDEX spend_by_batch ON spend_log (batch_id)
)sql";

// A line may be several records, and a job's records are of a family and an invocation type. Until
// then a line was one record, in Anthropic's format, for InvokeModel. SQLite changes no primary key
// in place.
constexpr std::string_view kVersion2 = R"sql(
ALTER TABLE jobs ADD COLUMN lines BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN invocation_type TEXT NOT NULL DEFAULT 'InvokeModel';
ALTER TABLE jobs ADD COLUMN family TEXT NOT NULL DEFAULT 'anthropic';
UPDATE jobs SET lines = records;
ALTER TABLE direct_results RENAME TO direct_results_1;
CREATE TABLE direct_results (
  batch_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  line BIGINT NOT NULL,
  part BIGINT NOT NULL,
  status BIGINT NOT NULL,
  body TEXT NOT NULL,
  input_tokens BIGINT,
  output_tokens BIGINT,
  PRIMARY KEY (batch_id, n, line, part)
);
INSERT INTO direct_results (batch_id, n, line, part, status, body) SELECT batch_id, n, line, 0, status, body FROM direct_results_1;
DROP TABLE direct_results_1
)sql";

// Jobs follow one another (retries, moves to other deployments), owners share slots fairly, what is
// no longer needed leaves S3, and files come in parts.
constexpr std::string_view kVersion3 = R"sql(
ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN tried TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN retries BIGINT NOT NULL DEFAULT 0;
UPDATE jobs SET owner = COALESCE((SELECT owner FROM batches WHERE batches.id = jobs.batch_id), '');
CREATE INDEX jobs_by_state ON jobs (kind, state, due_ms);
CREATE INDEX batches_at_work ON batches (phase, owner);
ALTER TABLE files ADD COLUMN objects_gone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE batches ADD COLUMN objects_gone BIGINT NOT NULL DEFAULT 0;
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  status TEXT NOT NULL,
  filename TEXT NOT NULL,
  purpose TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  file_expires_after_s BIGINT,
  target_models TEXT NOT NULL,
  file_id TEXT NOT NULL,
  objects_gone BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX uploads_by_expiry ON uploads (expires_at);
CREATE TABLE upload_parts (
  id TEXT PRIMARY KEY,
  upload_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  deployment_id TEXT NOT NULL,
  bucket TEXT NOT NULL,
  object_key TEXT NOT NULL,
  bytes BIGINT NOT NULL
);
CREATE INDEX upload_parts_by_upload ON upload_parts (upload_id);
CREATE TABLE instance (id TEXT NOT NULL)
)sql";

constexpr std::array<std::string_view, 3> kMigrations{kVersion1, kVersion2, kVersion3};

}  // namespace

std::span<const std::string_view> migrations() { return kMigrations; }

}  // namespace quarry::store
