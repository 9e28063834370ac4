#pragma once
// Whether a batch may be created now, and what is reserved for it: the limits of its key, its team
// and its models, and their budgets. Pure.

#include "access/caller.h"
#include "config/batch_limits.h"
#include "store/admission.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::access {

// What the lines of one model come to at most.
struct ModelEstimate {
  std::string model;        // the name that its limits go by, each once
  std::int64_t tokens = 0;  // in and out
  // nullopt: no price is known, or only one of the two ways that it may run has one.
  std::optional<std::int64_t> nano_usd = 0;
  config::BatchLimits limits;  // of all who use the model
};

// caller: a key's, or the master's: then only the models' limits hold. now_s: Unix seconds.
//
// What the judge refuses with says whose limit it is, what is asked for, taken and allowed:
// invalid_request, reason "token_limit_exceeded" (more than is ever allowed at a time),
// "model_without_price" (of who has a budget) or "budget_exceeded"; limited, reason
// "batch_limit_exceeded" or "token_limit_exceeded", with a time to try again.
store::Admission admission_of(const Caller& caller,
                              const std::vector<ModelEstimate>& models,
                              std::int64_t now_s);

// How many files a caller may send. Errors of its judge: limited, reason
// "file_limit_exceeded", until the UTC day ends.
store::FileQuota quota_of(const Caller& caller, std::int64_t now_s);

// What the key and the team allow of a file. Errors: invalid_request: reason "body_too_large" for
// its bytes, "file_limit_exceeded" for its lines.
Result<void> check_file_bytes(const Caller& caller, std::uint64_t bytes);
Result<void> check_file_lines(const Caller& caller, std::uint64_t lines);
// As check_file_lines, of a model.
Result<void> check_model_lines(const std::string& model,
                               const config::BatchLimits& limits,
                               std::uint64_t lines);

}  // namespace quarry::access
