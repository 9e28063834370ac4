#include "store/batch_rows.h"

#include "store/ownership_columns.h"
#include "store/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace quarry::store {
namespace {

constexpr std::array<std::string_view, 3> kPhases{"planning", "running", "done"};
constexpr std::array<std::string_view, 2> kKinds{"bedrock", "direct"};
constexpr std::array<std::string_view, 6> kStates{"planned", "staged", "submitted",
                                                  "running", "ended",  "collected"};

constexpr std::array<std::string_view, 2> kInvocations{"InvokeModel", "Converse"};

template <class Enum, std::size_t n>
Enum parse(const std::array<std::string_view, n>& words, const std::string& word) {
  for (std::size_t i = 0; i < n; ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  throw std::runtime_error("the database holds an unknown word: " + word);
}

// Ids of deployments, one a line.
std::vector<std::string> names_in(const std::string& lines) {
  std::vector<std::string> names;
  std::istringstream stream(lines);
  for (std::string name; std::getline(stream, name);) names.push_back(name);
  return names;
}

}  // namespace

std::string_view name(BatchPhase phase) { return kPhases[static_cast<std::size_t>(phase)]; }
std::string_view name(JobKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view name(JobState state) { return kStates[static_cast<std::size_t>(state)]; }
std::string_view name(bedrock::InvocationType invocation) {
  return kInvocations[static_cast<std::size_t>(invocation)];
}
BatchPhase parse_phase(const std::string& word) { return parse<BatchPhase>(kPhases, word); }
JobKind parse_kind(const std::string& word) { return parse<JobKind>(kKinds, word); }
JobState parse_state(const std::string& word) { return parse<JobState>(kStates, word); }
bedrock::InvocationType parse_invocation(const std::string& word) {
  return parse<bedrock::InvocationType>(kInvocations, word);
}

const char* const kBatchColumns =
    "id, owner, team_id, key_hash, user_id, status, phase, endpoint, model, input_file_id, "
    "completion_window, metadata, "
    "errors, "
    "output_id, error_id, has_output, has_error, output_expires_after_s, created_at, expires_at, "
    "in_progress_at, finalizing_at, completed_at, failed_at, expired_at, cancelling_at, "
    "cancelled_at, "
    "total, completed, failed, refused_lines, input_tokens, cached_tokens, cache_write_tokens, "
    "output_tokens, reasoning_tokens, cost_nano_usd, cost_known, failures";

const char* const kJobColumns =
    "batch_id, n, attempt, mark, kind, state, deployment_id, model_name, lines, records, "
    "invocation_type, family, job_arn, aws_status, message, stop_requested, succeeded, errored, "
    "input_tokens, cached_tokens, cache_write_tokens, "
    "output_tokens, reasoning_tokens, cost_nano_usd, cost_known, failures, jobs.owner, tried, "
    "retries";

openai::Usage usage_of(const soci::row& row) {
  return {integer(row, "input_tokens"), integer(row, "cached_tokens"),
          integer(row, "cache_write_tokens"), integer(row, "output_tokens"),
          integer(row, "reasoning_tokens")};
}

void add_usage(Columns& columns, const openai::Usage& usage) {
  columns.add("input_tokens", usage.input_tokens)
      .add("cached_tokens", usage.cached_input_tokens)
      .add("cache_write_tokens", usage.cache_write_tokens)
      .add("output_tokens", usage.output_tokens)
      .add("reasoning_tokens", usage.reasoning_tokens);
}

BatchRow batch_of(const soci::row& row) {
  BatchRow batch;
  batch.id = BatchId{text(row, "id")};
  batch.by = ownership_of(row);
  batch.phase = parse_phase(text(row, "phase"));
  batch.output_id = FileId{text(row, "output_id")};
  batch.error_id = FileId{text(row, "error_id")};
  batch.output_expires_after_s = maybe_integer(row, "output_expires_after_s");
  batch.refused_lines = integer(row, "refused_lines");
  batch.cost_nano_usd = integer(row, "cost_nano_usd");
  batch.cost_known = integer(row, "cost_known") != 0;
  batch.failures = static_cast<int>(integer(row, "failures"));

  openai::Batch& object = batch.object;
  object.id = batch.id.value;
  object.endpoint = text(row, "endpoint");
  object.input_file_id = text(row, "input_file_id");
  object.completion_window = text(row, "completion_window");
  const auto status = openai::parse_batch_status(text(row, "status"));
  if (!status) throw std::runtime_error("the database holds an unknown batch status");
  object.status = *status;
  const std::string model = text(row, "model");
  if (!model.empty()) object.model = model;
  const std::string metadata = text(row, "metadata");
  if (!metadata.empty()) object.metadata_json = metadata;
  auto errors = openai::parse_batch_errors(text(row, "errors"));
  if (!errors) throw std::runtime_error(errors.error().message());
  object.errors = std::move(*errors);
  if (integer(row, "has_output") != 0) object.output_file_id = batch.output_id.value;
  if (integer(row, "has_error") != 0) object.error_file_id = batch.error_id.value;
  object.created_at = integer(row, "created_at");
  object.expires_at = maybe_integer(row, "expires_at");
  object.in_progress_at = maybe_integer(row, "in_progress_at");
  object.finalizing_at = maybe_integer(row, "finalizing_at");
  object.completed_at = maybe_integer(row, "completed_at");
  object.failed_at = maybe_integer(row, "failed_at");
  object.expired_at = maybe_integer(row, "expired_at");
  object.cancelling_at = maybe_integer(row, "cancelling_at");
  object.cancelled_at = maybe_integer(row, "cancelled_at");
  object.total = integer(row, "total");
  object.completed = integer(row, "completed");
  object.failed = integer(row, "failed");
  object.usage = usage_of(row);
  return batch;
}

Columns columns_of(const BatchRow& batch) {
  const openai::Batch& object = batch.object;
  Columns columns;
  add_ownership(columns.add("id", batch.id.value), batch.by)
      .add("status", std::string(openai::name(object.status)))
      .add("phase", std::string(name(batch.phase)))
      .add("endpoint", object.endpoint)
      .add("model", object.model)
      .add("input_file_id", object.input_file_id)
      .add("completion_window", object.completion_window)
      .add("metadata", object.metadata_json)
      .add("errors", boost::json::serialize(openai::to_json(object.errors)))
      .add("output_id", batch.output_id.value)
      .add("error_id", batch.error_id.value)
      .add("has_output", std::int64_t{0})
      .add("has_error", std::int64_t{0})
      .add("output_expires_after_s", batch.output_expires_after_s)
      .add("created_at", object.created_at)
      .add("expires_at", object.expires_at.value_or(0))
      .add("total", object.total)
      .add("completed", object.completed)
      .add("failed", object.failed)
      .add("refused_lines", batch.refused_lines)
      .add("cost_nano_usd", batch.cost_nano_usd)
      .add("cost_known", std::int64_t{batch.cost_known})
      .add("failures", std::int64_t{batch.failures})
      .add("due_ms", std::int64_t{0});
  add_usage(columns, object.usage);
  return columns;
}

JobRow job_of(const soci::row& row) {
  JobRow job;
  job.batch_id = BatchId{text(row, "batch_id")};
  job.n = static_cast<int>(integer(row, "n"));
  job.attempt = static_cast<int>(integer(row, "attempt"));
  job.mark = text(row, "mark");
  job.kind = parse_kind(text(row, "kind"));
  job.state = parse_state(text(row, "state"));
  job.deployment_id = text(row, "deployment_id");
  job.model_name = text(row, "model_name");
  job.lines = integer(row, "lines");
  job.records = integer(row, "records");
  job.invocation = parse_invocation(text(row, "invocation_type"));
  job.family = text(row, "family");
  job.job_arn = text(row, "job_arn");
  job.aws_status = text(row, "aws_status");
  job.message = text(row, "message");
  job.stop_requested = integer(row, "stop_requested") != 0;
  job.succeeded = integer(row, "succeeded");
  job.errored = integer(row, "errored");
  job.usage = usage_of(row);
  job.cost_nano_usd = integer(row, "cost_nano_usd");
  job.failures = static_cast<int>(integer(row, "failures"));
  job.owner = text(row, "owner");
  job.tried = names_in(text(row, "tried"));
  job.retries = static_cast<int>(integer(row, "retries"));
  return job;
}

Columns columns_of(const JobRow& job, std::int64_t due_ms) {
  Columns columns;
  columns.add("batch_id", job.batch_id.value)
      .add("n", std::int64_t{job.n})
      .add("attempt", std::int64_t{job.attempt})
      .add("mark", job.mark)
      .add("kind", std::string(name(job.kind)))
      .add("state", std::string(name(job.state)))
      .add("deployment_id", job.deployment_id)
      .add("model_name", job.model_name)
      .add("lines", job.lines)
      .add("records", job.records)
      .add("invocation_type", std::string(name(job.invocation)))
      .add("family", job.family)
      .add("job_arn", job.job_arn)
      .add("aws_status", job.aws_status)
      .add("message", job.message)
      .add("stop_requested", std::int64_t{job.stop_requested})
      .add("succeeded", job.succeeded)
      .add("errored", job.errored)
      .add("cost_nano_usd", job.cost_nano_usd)
      .add("cost_known", std::int64_t{1})
      .add("failures", std::int64_t{job.failures})
      .add("owner", job.owner)
      .add("tried", fmt::format("{}", fmt::join(job.tried, "\n")))
      .add("retries", std::int64_t{job.retries})
      .add("due_ms", due_ms);
  add_usage(columns, job.usage);
  return columns;
}

Columns columns_of(const SpendRow& spend) {
  Columns columns;
  add_ownership(columns.add("request_id", spend.request_id), spend.by)
      .add("call_type", spend.call_type)
      .add("status", spend.status)
      .add("batch_id", spend.batch_id.value)
      .add("model", spend.model)
      .add("started_at", spend.started_at)
      .add("ended_at", spend.ended_at)
      .add("cost_nano_usd", spend.cost_nano_usd)
      .add("cost_known", std::int64_t{spend.cost_known})
      .add("completed", spend.completed)
      .add("failed", spend.failed);
  add_usage(columns, spend.usage);
  return columns;
}

void lock_batch(soci::session& sql, const BatchId& id) {
  if (!is_postgresql(sql)) return;
  sql << "SELECT id FROM batches WHERE id = :id" << for_update(sql), soci::use(id.value);
}

void refresh_counts(soci::session& sql, const BatchId& id) {
  long long total = 0, refused = 0, shown_completed = 0, shown_failed = 0;
  sql << "SELECT total, refused_lines, completed, failed FROM batches WHERE id = :id"
      << for_update(sql),
      soci::use(id.value), soci::into(total), soci::into(refused), soci::into(shown_completed),
      soci::into(shown_failed);
  if (!sql.got_data()) return;
  long long completed = 0, failed = 0, open = 0;
  sql << "SELECT COALESCE(SUM(succeeded), 0), COALESCE(SUM(errored), 0), COALESCE(SUM(CASE WHEN "
         "state "
         "<> 'collected' THEN 1 ELSE 0 END), 0) FROM jobs WHERE batch_id = :id",
      soci::use(id.value), soci::into(completed), soci::into(failed), soci::into(open);
  failed += refused;
  if (open > 0) {
    failed = std::max(failed, std::min(shown_failed, total - completed));
    completed = std::max(completed, std::min(shown_completed, total - failed));
  }
  if (completed == shown_completed && failed == shown_failed) return;
  sql << "UPDATE batches SET completed = :completed, failed = :failed WHERE id = :id",
      soci::use(completed), soci::use(failed), soci::use(id.value);
}

}  // namespace quarry::store
