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

// Keys, teams and what they are allowed; who made what; what each job cost; servers that share one
// database; word to those who wait for a batch. What jobs cost before is all under input, without a
// price: how it was split was not kept.
constexpr std::string_view kVersion4 = R"sql(
ALTER TABLE files ADD COLUMN team_id TEXT;
ALTER TABLE files ADD COLUMN key_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
CREATE INDEX files_by_team ON files (team_id, created_order, id);
CREATE INDEX files_by_key ON files (key_hash, created_at);
CREATE INDEX files_by_team_and_time ON files (team_id, created_at);
ALTER TABLE uploads ADD COLUMN team_id TEXT;
ALTER TABLE uploads ADD COLUMN key_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
CREATE INDEX uploads_by_team ON uploads (team_id);
CREATE INDEX uploads_by_key ON uploads (key_hash);
ALTER TABLE batches ADD COLUMN team_id TEXT;
ALTER TABLE batches ADD COLUMN key_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE batches ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
CREATE INDEX batches_by_team ON batches (team_id, created_order, id);
CREATE INDEX batches_by_key ON batches (key_hash);
CREATE TABLE api_keys (
  key_hash TEXT PRIMARY KEY,
  key_name TEXT NOT NULL,
  key_alias TEXT UNIQUE,
  user_id TEXT NOT NULL,
  team_id TEXT,
  expires_at BIGINT,
  models TEXT NOT NULL,
  metadata TEXT NOT NULL,
  max_budget_nano_usd BIGINT,
  budget_duration TEXT NOT NULL,
  budget_began BIGINT NOT NULL,
  rpm_limit BIGINT,
  tpm_limit BIGINT,
  max_parallel_requests BIGINT,
  blocked BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX api_keys_by_team ON api_keys (team_id);
CREATE INDEX api_keys_by_user ON api_keys (user_id);
CREATE TABLE teams (
  team_id TEXT PRIMARY KEY,
  team_alias TEXT NOT NULL,
  models TEXT NOT NULL,
  metadata TEXT NOT NULL,
  max_budget_nano_usd BIGINT,
  budget_duration TEXT NOT NULL,
  budget_began BIGINT NOT NULL,
  rpm_limit BIGINT,
  tpm_limit BIGINT,
  max_parallel_requests BIGINT,
  blocked BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE TABLE reservations (
  batch_id TEXT NOT NULL,
  party TEXT NOT NULL,
  party_id TEXT NOT NULL,
  tokens BIGINT NOT NULL,
  nano_usd BIGINT NOT NULL,
  PRIMARY KEY (batch_id, party, party_id)
);
CREATE INDEX reservations_by_party ON reservations (party, party_id);
CREATE TABLE job_costs (
  batch_id TEXT NOT NULL,
  n BIGINT NOT NULL,
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  team_id TEXT,
  key_hash TEXT NOT NULL,
  user_id TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_id TEXT NOT NULL,
  deployment_id TEXT NOT NULL,
  input_tokens BIGINT NOT NULL,
  cached_tokens BIGINT NOT NULL,
  cache_write_tokens BIGINT NOT NULL,
  output_tokens BIGINT NOT NULL,
  reasoning_tokens BIGINT NOT NULL,
  input_nano_usd BIGINT NOT NULL,
  output_nano_usd BIGINT NOT NULL,
  cost_nano_usd BIGINT NOT NULL,
  cost_known BIGINT NOT NULL,
  unpriced BIGINT NOT NULL,
  input_pico_usd BIGINT,
  output_pico_usd BIGINT,
  cache_read_pico_usd BIGINT,
  cache_write_pico_usd BIGINT,
  price_source TEXT NOT NULL,
  price_date TEXT NOT NULL,
  from_manifest BIGINT NOT NULL,
  manifest_differs BIGINT NOT NULL,
  completed BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  collected_at BIGINT NOT NULL,
  PRIMARY KEY (batch_id, n)
);
INSERT INTO job_costs (batch_id, n, kind, owner, team_id, key_hash, user_id, model_name, model_id, deployment_id, input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens, input_nano_usd, output_nano_usd, cost_nano_usd, cost_known, unpriced, price_source, price_date, from_manifest, manifest_differs, completed, failed, collected_at)
  SELECT jobs.batch_id, jobs.n, jobs.kind, batches.owner, batches.team_id, batches.key_hash, batches.user_id, jobs.model_name, '', jobs.deployment_id, jobs.input_tokens, jobs.cached_tokens, jobs.cache_write_tokens, jobs.output_tokens, jobs.reasoning_tokens, jobs.cost_nano_usd, 0, jobs.cost_nano_usd, jobs.cost_known, 0, '', '', 0, 0, jobs.succeeded, jobs.errored, COALESCE(batches.completed_at, batches.cancelled_at, batches.expired_at, batches.failed_at, batches.created_at)
  FROM jobs JOIN batches ON batches.id = jobs.batch_id WHERE jobs.state = 'collected';
CREATE INDEX job_costs_by_key ON job_costs (key_hash, collected_at, cost_nano_usd);
CREATE INDEX job_costs_by_team ON job_costs (team_id, collected_at, cost_nano_usd);
CREATE INDEX job_costs_by_owner ON job_costs (owner, collected_at);
CREATE INDEX job_costs_by_time ON job_costs (collected_at);
ALTER TABLE spend_log ADD COLUMN team_id TEXT;
ALTER TABLE spend_log ADD COLUMN key_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE spend_log ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
ALTER TABLE spend_log ADD COLUMN status TEXT NOT NULL DEFAULT '';
CREATE INDEX spend_by_time ON spend_log (ended_at);
CREATE INDEX spend_by_owner ON spend_log (owner, ended_at);
CREATE INDEX spend_by_team ON spend_log (team_id, ended_at);
ALTER TABLE jobs ADD COLUMN mark TEXT NOT NULL DEFAULT '';
CREATE TABLE world (name TEXT NOT NULL);
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  lease_owner TEXT NOT NULL,
  lease_until_ms BIGINT NOT NULL
);
CREATE TABLE webhook_deliveries (
  id TEXT PRIMARY KEY,
  batch_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  url TEXT NOT NULL,
  receiver TEXT NOT NULL,
  of_batch BIGINT NOT NULL,
  body TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  delivered_ms BIGINT,
  given_up_ms BIGINT,
  last_error TEXT NOT NULL,
  due_ms BIGINT NOT NULL,
  lease_owner TEXT,
  lease_until_ms BIGINT,
  UNIQUE (batch_id, event_type, url)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_ms)
)sql";

constexpr std::array<std::string_view, 4> kMigrations{kVersion1, kVersion2, kVersion3, kVersion4};

}  // namespace

std::span<const std::string_view> migrations() { return kMigrations; }

}  // namespace quarry::store
