#pragma once
// Every job that has not ended, each at its own walk (job_walk.h). Loop's thread.

#include "base/task.h"
#include "sandbox/job_walk.h"
#include "sandbox/jobs.h"

#include <map>
#include <memory>
#include <string>

namespace quarry::sandbox {

class JobEngine {
 public:
  explicit JobEngine(JobWorld world);

  // Goes on with every job that has not ended; one that was at work starts its records over.
  void resume();
  void start(JobPtr job);
  // The job is Stopping: it ends soon, with what it has done.
  void wake(const std::string& job_id);
  Awaitable<void> stop(Deadline deadline);

 private:
  Awaitable<void> run(std::shared_ptr<JobWalk> walk, JobPtr job);

  JobWorld world_;
  std::map<std::string, std::shared_ptr<JobWalk>> walks_;
  TaskGroup tasks_;
};

}  // namespace quarry::sandbox
