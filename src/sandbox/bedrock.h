#pragma once
// The sandbox's Bedrock: the four operations of batch inference, and InvokeModel.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "http/server.h"
#include "sandbox/call_records.h"
#include "sandbox/fault_choice.h"
#include "sandbox/job_engine.h"
#include "sandbox/jobs.h"
#include "sandbox/signature.h"

#include <chrono>
#include <string>

namespace quarry::sandbox {

struct BedrockContext {
  BlockingPool& pool;
  JobTable& jobs;
  JobEngine& engine;
  const Clock& clock;  // of jobs
  const Clock& wall;   // of signatures
  const Identities& identities;
  FaultChoice& faults;
  CallRecords& calls;
  std::uint64_t max_jobs_per_model = 20;  // 0 = no limit
};

// True for the paths that are Bedrock's on the shared port.
bool is_bedrock_path(std::string_view path);

// A request's body, whole. Faults: ValidationException above the runtime's limit, IncompleteBody.
Awaitable<Answer<std::string>> read_bedrock_body(http::BodyReader& body);

// Verifies, dispatches, and turns faults into JSON. `clock_offset` is how far the service's clock
// is off.
Awaitable<http::ServerResponse> handle_bedrock(BedrockContext& bedrock,
                                               http::ServerRequest request,
                                               std::string body,
                                               std::chrono::seconds clock_offset);

}  // namespace quarry::sandbox
