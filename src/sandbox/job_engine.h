#pragma once
// Walks every job through AWS's states on a clock: Submitted, Validating, Scheduled, InProgress,
// and one of the ends. Loop's thread; what is heavy goes to the pool in slices.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "base/wakeup.h"
#include "sandbox/job_records.h"
#include "sandbox/jobs.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace quarry::sandbox {

class JobEngine {
 public:
  JobEngine(boost::asio::io_context& io,
            BlockingPool& pool,
            ObjectStore& objects,
            JobTable& table,
            const Clock& clock,
            std::chrono::milliseconds job_time,
            JobLimits limits);

  // Goes on with every job that has not ended; one that was at work starts its records over.
  void resume();
  void start(JobPtr job);
  // The job is Stopping: it ends soon, with what it has done.
  void wake(const std::string& job_id);
  Awaitable<void> stop(Deadline deadline);

 private:
  struct Run;
  using RunPtr = std::shared_ptr<Run>;

  Awaitable<void> run(RunPtr run);
  Awaitable<void> walk(RunPtr run);
  // Waits a share of the job's time. False when the job is to stop.
  Awaitable<bool> pause(RunPtr run, double share);
  Awaitable<void> become(RunPtr run, JobStatus status);
  Awaitable<void> end(RunPtr run, JobStatus status, std::string message);
  Awaitable<void> process(RunPtr run, std::vector<InputFile> files);
  // Writes the output objects and the manifest.
  Awaitable<void> write_output(RunPtr run);

  boost::asio::io_context& io_;
  BlockingPool& pool_;
  ObjectStore& objects_;
  JobTable& table_;
  const Clock& clock_;
  std::chrono::milliseconds job_time_;
  JobLimits limits_;
  std::map<std::string, RunPtr> runs_;
  TaskGroup tasks_;
};

}  // namespace quarry::sandbox
