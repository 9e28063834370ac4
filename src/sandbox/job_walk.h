#pragma once
// One job's way through AWS's states: Submitted, Validating, Scheduled, InProgress, and one of the
// ends. Loop's thread; what is heavy goes to the pool in slices.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "base/wakeup.h"
#include "sandbox/identities.h"
#include "sandbox/job_records.h"
#include "sandbox/jobs.h"
#include "sandbox/record_runner.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace quarry::sandbox {

// What all jobs share; outlives them.
struct JobWorld {
  boost::asio::io_context& io;
  BlockingPool& pool;
  ObjectStore& objects;
  JobTable& table;
  const Identities& identities;
  const Clock& clock;
  std::chrono::milliseconds job_time;  // from Submitted to the end, of the clock
  double records_per_second = 0;       // in progress, of the clock; 0 = a share of job_time
  JobLimits limits;
};

class JobWalk {
 public:
  JobWalk(const JobWorld& world, JobPtr job);

  // To the job's end. What it throws but for a cancellation has failed the job.
  Awaitable<void> walk();
  Awaitable<void> end(JobStatus status, std::string message);
  // The job is Stopping, or the sandbox ends.
  void interrupt();

 private:
  enum class Ending { done, stopped, out_of_time, cut, failed };
  struct Limit {
    std::uint64_t records = 0;
    Ending ending = Ending::done;  // what comes when they are processed
  };

  bool stopping() const { return job_->status == JobStatus::Stopping; }
  bool out_of_time() const { return world_.clock.now() >= job_->expires(); }
  // Waits until a time of the clock. False when the job is to stop or has run out of time.
  Awaitable<bool> wait_until(SysTime at);
  Awaitable<bool> wait_share(double share);
  Awaitable<void> become(JobStatus status);
  // Of a job that has processed nothing.
  Awaitable<void> leave_early();
  Limit limit_of(std::uint64_t total) const;
  Awaitable<Ending> process(std::vector<InputFile> files);
  Awaitable<void> run_records(RecordRunner& runner, std::uint64_t limit, SysTime began);
  Awaitable<void> finish(Ending ending);
  Awaitable<void> expire_records();
  Awaitable<void> show_early();
  Awaitable<void> write_output(bool with_manifest);
  std::string manifest() const;
  Answer<ObjectPtr> put_rows(RecordRunner& runner, const std::string& folder, bool cut_short);

  const JobWorld& world_;
  JobPtr job_;
  Wakeup woken_;
  CancelFlag cancel_ = std::make_shared<std::atomic<bool>>(false);
  std::vector<InputFile> waiting_;                      // files whose records have not begun
  std::vector<std::unique_ptr<RecordRunner>> runners_;  // one an input file, begun or done
  std::shared_ptr<const RowFaults> row_faults_;
  RecordCounts counts_;
  bool shown_early_ = false;
};

}  // namespace quarry::sandbox
