#pragma once
// The sandbox's Bedrock: the four operations of batch inference, and InvokeModel.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "http/server.h"
#include "sandbox/job_engine.h"
#include "sandbox/jobs.h"
#include "sandbox/signature.h"

#include <string>

namespace quarry::sandbox {

struct BedrockContext {
  BlockingPool& pool;
  JobTable& jobs;
  JobEngine& engine;
  const Clock& clock;
  Credentials credentials;
};

// True for the paths that are Bedrock's on the shared port.
bool is_bedrock_path(std::string_view path);

// Verifies, dispatches, and turns faults into JSON.
Awaitable<http::ServerResponse> handle_bedrock(BedrockContext& bedrock,
                                               http::ServerRequest request,
                                               http::BodyReader& body);

}  // namespace quarry::sandbox
