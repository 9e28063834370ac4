#pragma once
// What one round of looks saw of each of its jobs, and what is to be written of it. No calls: those
// are look_round.cc's.

#include "batch/look_round.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

// AWS's word for a job that was told to stop.
inline constexpr std::string_view kStopping = "Stopping";

struct Round {
  Round(LookTools& t,
        LookGroup& g,
        aws::DeploymentPtr d,
        std::vector<store::BatchStore::DueLook> l,
        std::int64_t open_jobs)
      : tools(t),
        context(t.context),
        group(g),
        deployment(std::move(d)),
        looks(std::move(l)),
        open(open_jobs),
        deadline(Deadline::after(kRoundTimeMax)),
        done(looks.size()),
        stop_tried(looks.size()),
        jitter(t.context.jitter()) {}

  LookTools& tools;
  Context& context;
  LookGroup& group;
  aws::DeploymentPtr deployment;
  std::vector<store::BatchStore::DueLook> looks;
  std::int64_t open;
  Deadline deadline;
  std::vector<bool> done;  // a result is in `results`, or written
  std::vector<bool> stop_tried;
  std::vector<store::BatchStore::Look> results;
  bool any_ended = false;
  std::vector<std::size_t> missing;  // as often as kMissingMax, or more
  std::string missing_message;
  int seen_jobs = 0;
  bool none_listed = false;      // the whole list shows none of several jobs
  std::optional<Error> failure;  // concerns all: the others are not tried
  std::optional<Error> job_failure, stop_failure;
  int jobs_failed = 0, stops_failed = 0;
  double jitter;
  std::map<std::string, aws::DeploymentPtr> deployments;  // by id

  store::DueJob& due(std::size_t i) { return looks[i].due; }
  store::JobRow& job(std::size_t i) { return looks[i].due.job; }
  const aws::Deployment& deployment_of(std::size_t i) {
    aws::DeploymentPtr& found = deployments[job(i).deployment_id];
    if (!found) found = context.deployments.by_id(job(i).deployment_id);
    return found ? *found : *deployment;
  }
  std::vector<std::size_t> open_looks() const;
  std::optional<std::int64_t> submitted_ms(std::size_t i) const;
  std::int64_t submitted_at_least_ms(std::size_t i) const;
  void finish(std::size_t i,
              std::int64_t due_ms,
              int failures,
              std::optional<store::BatchStore::Observed> changed);
  void observed(std::size_t i, const bedrock::Job& seen);
  void unknown(std::size_t i, const Error& error);
  bool most_vanished() const;
  void settle_missing();
  void failed(std::size_t i, Error error);
  void give_up_rest();
};
using RoundPtr = std::shared_ptr<Round>;

}  // namespace quarry::batch
