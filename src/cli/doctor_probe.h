#pragma once
// The checks that Bedrock answers: a job without input is asked for, watched, and stopped. AWS
// looks at the role, then at the caller's rights, then at the model, and only later at S3: what it
// refuses tells which of them is amiss, and a job that it takes fails in validation and costs
// nothing.

#include "cli/doctor_checks.h"
#include "cli/doctor_remedies.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::cli {

struct ProbeContext {
  Caller caller;
  std::string suffix;       // random, of this examination's names
  bool buckets_fit = true;  // else what the job ends with tells nothing of the role
  bool owner_fits = true;
  bool same_account = true;
};

// The rows "list jobs", "pass role", "create jobs", "model", "watch jobs", "batch role" and "stop
// jobs". patient and traces outlive the task.
Awaitable<std::vector<Check>> probe(const Patient& patient,
                                    ExamTimes times,
                                    Traces& traces,
                                    ProbeContext context);

// What a refusal of CreateModelInvocationJob is about. Pure.
enum class Refusal {
  pass_role,
  create,
  tag,
  model,
  entitlement,
  owner,  // of a bucket
  full,   // as many jobs as the account may have: nothing else was wrong
  other,
};
Refusal refusal_of(const Error& error);

// What the end of a job without input says of the batch role: true, it is in order; false, it may
// not what it must; nullopt, neither. Pure.
std::optional<bool> role_works(std::string_view message);

}  // namespace quarry::cli
