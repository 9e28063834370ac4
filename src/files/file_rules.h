#pragma once
// What holds for every new file, whichever way its bytes come: in one form (file_receiver.h) or in
// parts (upload_service.h).

#include "access/caller.h"
#include "aws/deployment_set.h"
#include "base/result.h"
#include "base/task.h"
#include "config/batch_limits.h"
#include "files/scan.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::files {

// Errors: invalid_request, param purpose.
Result<void> check_purpose(std::string_view purpose);
// target_model_names that all exist. Errors: invalid_request, param target_model_names.
Result<void> check_target_models(const std::vector<std::string>& names,
                                 const aws::DeploymentSet& deployments);
// A batch's input is JSON lines, to judge by its first. Errors: invalid_request.
Result<void> check_batch_input(const Scan& scan);

// The lines of a batch's input against what the caller, and each of its models, may have in a file.
// Models that the caller may not use are passed over: no batch runs them, and to it they are not
// there. Errors: invalid_request, reason "file_limit_exceeded".
Result<void> check_lines(const Scan& scan,
                         const std::vector<std::string>& target_models,
                         const access::Caller& caller,
                         const aws::DeploymentSet& deployments);
// The name that a model's limits go by: of an entry with a star that runs one model, the entry's,
// however many names are made of it. `model_name` itself where no entry has it.
std::string name_of_limits(std::string_view model_name, const aws::DeploymentSet& deployments);
// What all may do together with a model, as an entry of its group says it.
config::BatchLimits limits_of(std::string_view model_name, const aws::DeploymentSet& deployments);
// Best effort: what cannot be deleted now stays for the janitor.
Awaitable<void> forget_object(const aws::Deployment& deployment, aws::S3Uri object);

// Where the bytes of a file for these models go: to the first deployment of one of them, so that
// its jobs are made where they lie; the first of the config where none is named or known.
aws::DeploymentPtr deployment_for(const std::vector<std::string>& target_models,
                                  const aws::DeploymentSet& deployments);
// expires_at: 30 days for a batch's input where the client said nothing, never for others.
std::optional<std::int64_t> expiry(std::string_view purpose,
                                   std::int64_t created_at,
                                   std::optional<std::int64_t> expires_after_s);

// The names of a comma list, added in order and without repeats.
void add_model_names(std::vector<std::string>& names, std::string_view list);
// The last path segment, control characters removed, at most 255 bytes (cut at a UTF-8 boundary).
std::string safe_filename(std::string_view sent);

}  // namespace quarry::files
