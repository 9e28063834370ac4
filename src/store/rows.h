#pragma once
// The rows of the database as values. Times named *_at are Unix seconds (what clients see); *_ms
// are Unix milliseconds (due times and leases).

#include "base/ids.h"
#include "bedrock/invocation_job.h"
#include "openai/objects.h"
#include "openai/usage.h"
#include "store/ownership.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

struct FileRow {
  FileId id;
  Ownership by;
  std::string filename;
  std::string purpose;
  std::int64_t bytes = 0;
  std::int64_t created_at = 0;
  std::optional<std::int64_t> expires_at;
  std::vector<std::string> target_models;  // target_model_names of the upload
  std::string
      scan_json;  // what the scan found (files/scan.h); "" for files that are not batch input
};

// One S3 object of a file. A file's bytes are those of its segments in order of n.
struct SegmentRow {
  int n = 0;
  std::string deployment_id;  // whose credentials reach it
  std::string bucket;
  std::string key;
  std::int64_t bytes = 0;
};

// Where the durable work on a batch stands. Internal; clients see BatchStatus.
enum class BatchPhase { planning, running, done };

struct BatchRow {
  BatchId id;
  Ownership by;
  openai::Batch
      object;  // everything the client sees, but for output_file_id/error_file_id until they exist
  BatchPhase phase = BatchPhase::planning;
  FileId output_id,
      error_id;  // minted at creation, so that a repeated step writes the same objects
  std::optional<std::int64_t> output_expires_after_s;
  std::int64_t refused_lines =
      0;  // lines that the planner refused, already in the error file's segment 0
  std::int64_t cost_nano_usd = 0;
  bool cost_known = true;
  int failures = 0;  // of the current step, for its backoff
};

enum class JobKind { bedrock, direct };
// bedrock: staged -> submitted -> running -> ended -> collected; direct: planned -> running ->
// ended -> collected.
enum class JobState { planned, staged, submitted, running, ended, collected };

struct JobRow {
  BatchId batch_id;
  int n = 0;  // 1, 2, … within the batch; segment n of its files
  int attempt = 1;
  // Makes the names of its input the writer's own, so that a server that lost the job's lease and
  // does not know it yet writes beside what the row means, not over it. "" = of before there were.
  std::string mark;
  std::string owner;  // of the batch: owners take turns
  JobKind kind = JobKind::bedrock;
  JobState state = JobState::staged;
  std::string deployment_id;
  std::string model_name;    // the public one, echoed in results
  std::int64_t lines = 0;    // of the batch's file
  std::int64_t records = 0;  // that they became: as many, or more
  // What the records were translated for, whatever the configuration says by now.
  bedrock::InvocationType invocation = bedrock::InvocationType::InvokeModel;
  std::string family = "anthropic";
  std::string job_arn;     // "" until AWS gave one
  std::string aws_status;  // AWS's last word
  std::string message;     // why AWS failed it
  bool stop_requested = false;
  // Lines: by AWS's counters while it runs, the lines written once collected.
  std::int64_t succeeded = 0, errored = 0;
  openai::Usage usage;
  std::int64_t cost_nano_usd = 0;
  int failures = 0;
  // Of a job that takes up what another left over (Collected::successor):
  std::vector<std::string> tried;  // ids of deployments that could not run these lines
  int retries = 0;                 // how often these lines failed for a passing reason
};

std::string_view name(BatchPhase phase);
std::string_view name(JobKind kind);
std::string_view name(JobState state);
// AWS's word.
std::string_view name(bedrock::InvocationType invocation);

struct SpendRow {
  std::string request_id;  // unique: "<batch id>" at creation, "<batch id>_batch_cost" at the end
  std::string call_type;   // acreate_batch, batch_success
  std::string status;      // success or failure of a creation; of an end the batch's last status
  BatchId batch_id;
  Ownership by;
  std::string model;
  std::int64_t started_at = 0, ended_at = 0;
  openai::Usage usage;
  std::int64_t cost_nano_usd = 0;
  bool cost_known = true;
  std::int64_t completed = 0, failed = 0;
};

}  // namespace quarry::store
