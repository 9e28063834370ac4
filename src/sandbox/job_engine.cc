#include "sandbox/job_engine.h"

#include "obs/log.h"

#include <boost/asio/error.hpp>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

// Shares of the job's time.
constexpr double kSubmittedShare = 0.1;
constexpr double kValidatingShare = 0.1;
constexpr double kScheduledShare = 0.1;
constexpr double kInProgressShare = 0.7;
constexpr double kStoppingShare = 0.05;
// A job in progress moves in at least this many steps, so that its counters are seen to grow.
constexpr std::uint64_t kStepsMin = 20;
constexpr std::uint64_t kStepRecordsMax = 1000;

}  // namespace

struct JobEngine::Run {
  Run(boost::asio::io_context& io, JobPtr the_job) : job(std::move(the_job)), woken(io) {}

  JobPtr job;
  Wakeup woken;
  CancelFlag cancel = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::unique_ptr<RecordRunner>> written;  // one an input file, begun or done
  RecordCounts counts;

  bool stopping() const { return job->status == JobStatus::Stopping; }
};

JobEngine::JobEngine(boost::asio::io_context& io,
                     BlockingPool& pool,
                     ObjectStore& objects,
                     JobTable& table,
                     const Clock& clock,
                     std::chrono::milliseconds job_time,
                     JobLimits limits)
    : io_(io),
      pool_(pool),
      objects_(objects),
      table_(table),
      clock_(clock),
      job_time_(job_time),
      limits_(limits),
      tasks_(io, obs::log_task_failure) {}

void JobEngine::resume() {
  for (const auto& [id, job] : table_.jobs()) {
    if (!terminal(job->status)) start(job);
  }
}

void JobEngine::start(JobPtr job) {
  auto made = std::make_shared<Run>(io_, job);
  runs_.emplace(job->id, made);
  tasks_.spawn("sandbox job " + job->id, run(std::move(made)));
}

void JobEngine::wake(const std::string& job_id) {
  const auto found = runs_.find(job_id);
  if (found == runs_.end()) return;
  found->second->cancel->store(true);
  found->second->woken.set();
}

Awaitable<void> JobEngine::stop(Deadline deadline) {
  for (const auto& [id, run] : runs_) run->cancel->store(true);
  tasks_.cancel();
  if (!co_await tasks_.join(deadline))
    obs::warn("sandbox jobs still run", {{"count", tasks_.running()}});
}

Awaitable<void> JobEngine::run(RunPtr run) {
  std::string failure;
  try {
    co_await walk(run);
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted)
      throw;  // the next start goes on with the job
    failure = e.what();
  } catch (const std::exception& e) {
    failure = e.what();
  }
  if (!failure.empty()) {
    obs::error("sandbox job failed", {{"job", run->job->id}, {"why", failure}});
    co_await end(run, JobStatus::Failed, "Internal error. Please try again.");
  }
  runs_.erase(run->job->id);
}

Awaitable<void> JobEngine::walk(RunPtr run) {
  const auto& job = run->job;
  bool going = !run->stopping();
  if (going) {
    going = co_await pause(run, kSubmittedShare);
  }
  if (going) {
    co_await become(run, JobStatus::Validating);
    auto files = co_await run_blocking(
        pool_, [&] { return read_job_input(objects_, *job, limits_, run->cancel); });
    going = co_await pause(run, kValidatingShare);
    if (going && !files) {
      co_await end(run, JobStatus::Failed, files.error());
      co_return;
    }
    if (going) {
      co_await become(run, JobStatus::Scheduled);
      going = co_await pause(run, kScheduledShare);
    }
    if (going) {
      co_await become(run, JobStatus::InProgress);
      co_await process(run, std::move(*files));
      going = !run->stopping();
    }
  }
  if (going) {
    co_await write_output(run);
    // A stop that came while the output was written came too late to leave anything out.
    co_await end(run, run->stopping() ? JobStatus::Stopped : JobStatus::Completed, "");
    co_return;
  }
  co_await sleep_for(
      std::chrono::duration_cast<std::chrono::milliseconds>(job_time_ * kStoppingShare));
  if (run->counts.processed > 0) co_await write_output(run);
  co_await end(run, JobStatus::Stopped, "");
}

Awaitable<bool> JobEngine::pause(RunPtr run, double share) {
  const auto until =
      Deadline::after(std::chrono::duration_cast<std::chrono::milliseconds>(job_time_ * share));
  while (!run->stopping() && !until.expired()) co_await run->woken.wait(until);
  co_return !run->stopping();
}

Awaitable<void> JobEngine::become(RunPtr run, JobStatus status) {
  run->job->status = status;
  run->job->modified = clock_.now();
  co_await table_.save(run->job);
}

Awaitable<void> JobEngine::end(RunPtr run, JobStatus status, std::string message) {
  run->job->message = std::move(message);
  run->job->ended = clock_.now();
  co_await become(run, status);
  obs::info(
      "sandbox job ended",
      {{"job", run->job->id}, {"status", name(status)}, {"records", run->job->processed_records}});
}

Awaitable<void> JobEngine::process(RunPtr run, std::vector<InputFile> files) {
  Job& job = *run->job;
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.records.size();
  job.total_records = total;
  job.processed_records = job.success_records = job.error_records = 0;
  const std::size_t step = std::clamp<std::uint64_t>(total / kStepsMin, 1, kStepRecordsMax);
  const std::string model_id = job.text("modelId");
  const bool converse = job.text("modelInvocationType") == "Converse";
  const auto began = std::chrono::steady_clock::now();
  const auto span = job_time_ * kInProgressShare;
  for (auto& file : files) {
    auto made = co_await run_blocking(pool_, [&] {
      return std::make_unique<RecordRunner>(job.id, model_id, converse, std::move(file),
                                            objects_.temp_folder());
    });
    run->written.push_back(std::move(made));
    RecordRunner& runner = *run->written.back();
    while (!runner.done() && !run->stopping()) {
      co_await run_blocking(pool_, [&] { runner.run(step, run->counts); });
      job.processed_records = run->counts.processed;
      job.success_records = run->counts.success;
      job.error_records = run->counts.error;
      // The work is done far sooner than a model would: its pace is the clock's.
      const double share = static_cast<double>(run->counts.processed) /
                           static_cast<double>(std::max<std::uint64_t>(total, 1));
      const auto due =
          began + std::chrono::duration_cast<std::chrono::steady_clock::duration>(span * share);
      const auto left = due - std::chrono::steady_clock::now();
      const auto until =
          Deadline::after(std::max(left, std::chrono::steady_clock::duration::zero()));
      while (!run->stopping() && !until.expired()) co_await run->woken.wait(until);
    }
    if (run->stopping()) break;
  }
}

Awaitable<void> JobEngine::write_output(RunPtr run) {
  const S3Location output = s3_location(run->job->output_uri());
  const std::string folder = output.key +
                             (output.key.empty() || output.key.ends_with('/') ? "" : "/") +
                             run->job->id + "/";
  const SysTime now = clock_.now();
  const RecordCounts& counts = run->counts;
  const std::string manifest =
      boost::json::serialize(boost::json::object{{"totalRecordCount", run->job->total_records},
                                                 {"processedRecordCount", counts.processed},
                                                 {"successRecordCount", counts.success},
                                                 {"errorRecordCount", counts.error},
                                                 {"inputTokenCount", counts.input_tokens},
                                                 {"outputTokenCount", counts.output_tokens}});
  auto lost = co_await run_blocking(pool_, [&]() -> std::string {
    for (const auto& runner : run->written) {
      const auto made =
          runner->commit(objects_, output.bucket, folder + runner->name() + ".out", now);
      if (!made) return made.error().message;
    }
    const auto made =
        put_text(objects_, output.bucket, folder + "manifest.json.out", manifest, now);
    return made ? "" : made.error().message;
  });
  run->written.clear();
  if (!lost.empty()) throw std::runtime_error("writing a job's output: " + lost);
}

}  // namespace quarry::sandbox
