#pragma once
// A job that was asked for and whose answer was lost: AWS's list knows it by the name that we gave.

#include "aws/deployment_set.h"
#include "store/rows.h"

#include <optional>
#include <string>
#include <string_view>

namespace quarry::batch {

// What a job has for AWS's last word once AWS was asked for it: BatchStore::job_submitting.
inline constexpr std::string_view kSubmitting = "Submitting";

// The message of a job that ended, as Failed, because AWS knew it no longer: whatever it ran,
// nobody counted it.
inline constexpr std::string_view kForgotten = "AWS no longer knows the job";

// The ARN of the job of that name (and attempt); nullopt if AWS has none. One call or a few, and
// suspends. Errors: as BedrockClient::list_jobs.
Task<std::optional<std::string>> find_submitted(const aws::Deployment& deployment,
                                                store::JobRow job,
                                                Deadline deadline);

// Its deployment is gone from config.yaml.
Error no_longer_configured(const store::JobRow& job);

}  // namespace quarry::batch
