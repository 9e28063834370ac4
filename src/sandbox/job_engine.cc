#include "sandbox/job_engine.h"

#include "obs/log.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace quarry::sandbox {

JobEngine::JobEngine(JobWorld world)
    : world_(std::move(world)), tasks_(world_.io, obs::log_task_failure) {}

void JobEngine::resume() {
  for (const auto& [id, job] : world_.table.jobs()) {
    if (!terminal(job->status)) start(job);
  }
}

void JobEngine::start(JobPtr job) {
  auto walk = std::make_shared<JobWalk>(world_, job);
  walks_.emplace(job->id, walk);
  tasks_.spawn("sandbox job " + job->id, run(std::move(walk), job));
}

void JobEngine::wake(const std::string& job_id) {
  const auto found = walks_.find(job_id);
  if (found != walks_.end()) found->second->interrupt();
}

Awaitable<void> JobEngine::stop(Deadline deadline) {
  for (const auto& [id, walk] : walks_) walk->interrupt();
  tasks_.cancel();
  if (!co_await tasks_.join(deadline))
    obs::warn("sandbox jobs still run", {{"count", tasks_.running()}});
}

Awaitable<void> JobEngine::run(std::shared_ptr<JobWalk> walk, JobPtr job) {
  std::string failure;
  try {
    co_await walk->walk();
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      throw;  // the next start goes on with the job
    failure = e.what();
  } catch (const std::exception& e) {
    failure = e.what();
  }
  if (!failure.empty()) {
    obs::error("sandbox job failed", {{"job", job->id}, {"why", failure}});
    co_await walk->end(JobStatus::Failed, "Internal error. Please try again.");
  }
  walks_.erase(job->id);
}

}  // namespace quarry::sandbox
