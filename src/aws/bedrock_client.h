#pragma once
// Bedrock's four batch operations, InvokeModel and Converse, on the wire.

#include <cstdint>
#include <optional>
#include <string>

#include "base/task.h"
#include "bedrock/invocation_job.h"

namespace quarry::aws {

// Errors of every call: throttled (ThrottlingException, and ServiceQuotaExceededException, told apart by reason()),
// unavailable, deadline_exceeded, cancelled, forbidden (AccessDenied, signature, entitlement), not_found,
// invalid_request (ValidationException), conflict, upstream. reason() is AWS's name of the error; the message is AWS's own.
class BedrockClient {
 public:
  virtual ~BedrockClient() = default;
  // Idempotent by client_request_token: gives the first job's ARN again. Asks once: who starts jobs
  // must know whether a refusal is all that AWS has said of this one.
  virtual Task<std::string> create_job(bedrock::CreateJob job, Deadline deadline) = 0;
  virtual Task<bedrock::Job> get_job(std::string job_arn, Deadline deadline) = 0;
  struct ListQuery {
    std::string name_contains;                    // "" = any
    std::optional<bedrock::JobStatus> status;
    std::optional<SysTime> submitted_after;
    int max_results = 100;                        // 1..1000
    std::string next_token;                       // "" = first page
  };
  virtual Task<bedrock::JobPage> list_jobs(ListQuery query, Deadline deadline) = 0;
  // Also succeeds for a job that has already ended.
  virtual Task<void> stop_job(std::string job_arn, Deadline deadline) = 0;
};

// Bedrock runtime.
class RuntimeClient {
 public:
  virtual ~RuntimeClient() = default;
  struct Answer {
    int status = 0;       // 200, or the HTTP status of a refusal of this very input (400, 424…)
    std::string body;     // the model's body, or AWS's message
    std::string error;    // AWS's error name when status != 200
    // What AWS counted and bills, by the headers X-Amzn-Bedrock-Input-Token-Count and -Output-Token-Count.
    std::optional<std::int64_t> input_tokens, output_tokens;
  };
  // POST /model/{modelId}/invoke. An input that the model refuses is an Answer; what concerns the deployment
  // or the moment (throttled, unavailable, forbidden, not_found) is an Error.
  virtual Task<Answer> invoke_model(std::string model_id, std::string body, Deadline deadline) = 0;
  // POST /model/{modelId}/converse; body: a Converse request without modelId. Errors as invoke_model.
  virtual Task<Answer> converse(std::string model_id, std::string body, Deadline deadline) = 0;
};

}  // namespace quarry::aws
