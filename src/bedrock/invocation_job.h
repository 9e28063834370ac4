#pragma once
// Bedrock's ModelInvocationJob on the wire (AWS API reference: CreateModelInvocationJob,
// GetModelInvocationJob, ListModelInvocationJobs). Pure: JSON in, values out, and back.

#include "base/clock.h"
#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::bedrock {

// AWS's spelling.
enum class JobStatus {
  Submitted,
  Validating,
  Scheduled,
  InProgress,
  Completed,
  PartiallyCompleted,
  Failed,
  Stopping,
  Stopped,
  Expired
};
std::optional<JobStatus> parse_job_status(std::string_view text);
std::string_view name(JobStatus status);
// Completed, PartiallyCompleted, Failed, Stopped, Expired.
bool terminal(JobStatus status);

enum class InvocationType { InvokeModel, Converse };

struct CreateJob {
  std::string job_name;              // [a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9+\-.]){0,63}
  std::string client_request_token;  // [a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}
  std::string role_arn;
  std::string model_id;
  InvocationType invocation_type = InvocationType::InvokeModel;
  std::string input_s3_uri;                               // one .jsonl object
  std::string output_s3_uri;                              // a prefix ending in '/'
  std::string output_kms_key_id;                          // "" = none
  std::string bucket_owner;                               // 12 digits, of both buckets; "" = none
  int timeout_hours = 24;                                 // 24..168
  std::vector<std::pair<std::string, std::string>> tags;  // at most 200
  std::vector<std::string> subnet_ids;                    // vpcConfig; empty = none
  std::vector<std::string> security_group_ids;
};
std::string to_json(const CreateJob& job);
// {"jobArn":"…"}. Errors: corrupt.
Result<std::string> parse_created_job_arn(std::string_view json);

struct Job {
  std::string job_arn;
  std::string job_name;
  std::string model_id;
  std::string client_request_token;
  JobStatus status = JobStatus::Submitted;
  std::string message;  // why it failed
  // Absent in answers of older regions.
  std::optional<std::int64_t> total_records, processed_records, success_records, error_records;
  std::optional<SysTime> submit_time, end_time, expiration_time;
};
// Errors: corrupt (not that shape, unknown status).
Result<Job> parse_job(std::string_view json);

struct JobPage {
  std::vector<Job> jobs;
  std::string next_token;  // "" on the last page
};
// Summaries that cannot be read (of a status that is not known here, say) are left out. Errors:
// corrupt (no page at all).
Result<JobPage> parse_job_page(std::string_view json);

// The last segment of the ARN: the folder that the job's output lies in.
std::string_view job_id(std::string_view job_arn);

}  // namespace quarry::bedrock
