#pragma once
// What a job's caller and its role may do, by the account: asked when it is created, and, for the
// role, when it is validated. Loop's thread.

#include "sandbox/identities.h"
#include "sandbox/jobs.h"
#include "sandbox/object_store.h"
#include "sandbox/signature.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::sandbox {

// The ARN of what a model id names: a foundation model's, an inference profile's, or itself.
std::string model_arn(std::string_view model_id, const Caller& caller);
// "arn:aws:bedrock:us-west-2:123456789012:…"
std::string bedrock_arn(const Caller& caller, std::string_view resource);

// In AWS's order: a role of another account, iam:PassRole, the creation itself, its tags; then
// whose the buckets are. Faults: AccessDeniedException, ValidationException.
Answer<void> may_create_job(const Identities& identities,
                            const Caller& caller,
                            const boost::json::object& request);

// "" or why a job's role cannot read its input or write its output; the message of its failure.
std::string job_access_fault(const Identities& identities,
                             const ObjectStore& objects,
                             const Job& job);

// The headers of encryption that a job's output is written with.
std::vector<std::pair<std::string, std::string>> output_encryption(const Job& job);

}  // namespace quarry::sandbox
