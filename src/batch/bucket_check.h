#pragma once
// Whether the deployments have credentials, and their buckets are where their jobs run: Bedrock
// reads and writes none of another region, and finds that out only when a job has been made.

#include "aws/deployment_set.h"
#include "base/task.h"

namespace quarry::batch {

// Asks for each deployment's credentials, and S3 once for each bucket, and logs what is wrong, with
// what mends it; never fails. Suspends; for the start of a server, beside everything else.
// deployments outlives it.
Awaitable<void> check_buckets(const aws::DeploymentSet& deployments);

}  // namespace quarry::batch
