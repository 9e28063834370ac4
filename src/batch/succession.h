#pragma once
// What becomes of lines that a job leaves without a result: whether they are worth another try,
// where, and as what. A job row never takes other lines or another deployment: its successor does.

#include "batch/context.h"
#include "openai/batch_line.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace quarry::batch {

// The deployments of the job's group that can run its records as they were translated, but for
// those that have shown that they cannot; in the config's order, the job's own among them.
std::vector<aws::DeploymentPtr> takers_of(const Context& context, const store::JobRow& job);

// It is not known to be busy, and has a slot left.
bool has_room(const Context& context,
              const aws::Deployment& deployment,
              const std::vector<store::BatchStore::Load>& loads);

// AWS failed a job for what the deployment is (role, bucket, key, region, entitlement), so that
// another may do better, and this one will not.
bool deployment_at_fault(std::string_view message);
// AWS wants more records in a job than this one has.
bool too_few_for_aws(std::string_view message);

struct Outlook {
  // What the job's successor is for; where both are false, each line ends with this job.
  bool again_if_failed = false;  // records that failed for a reason that passes
  bool again_if_absent = false;  // lines without a record

  aws::DeploymentPtr deployment;     // of the successor
  bool directly = false;             // on demand, however many there are
  bool counts_as_retry = false;      // else it was nobody's failure, or this deployment's
  bool deployment_at_fault = false;  // the job's own is not tried again
};

// Of an ended job. loads: what the deployments hold now.
Outlook outlook_of(const Context& context,
                   const store::DueJob& ended,
                   const std::vector<store::BatchStore::Load>& loads);

// A successor has the number of its predecessor and this: unique in the batch, and the same when
// the step is done twice.
inline constexpr int kSuccessorStride = 1'000'000;

// The row of the successor that takes `lines` lines of `records` records.
store::JobRow successor_of(const store::JobRow& job,
                           const Outlook& outlook,
                           std::int64_t lines,
                           std::int64_t records);

}  // namespace quarry::batch
