#include "sandbox/job_walk.h"

#include "obs/log.h"
#include "sandbox/job_access.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quarry::sandbox {
namespace {

using std::chrono::milliseconds;

// Shares of the job's time.
constexpr double kSubmittedShare = 0.1;
constexpr double kValidatingShare = 0.1;
constexpr double kScheduledShare = 0.1;
constexpr double kInProgressShare = 0.7;
constexpr double kStoppingShare = 0.05;
// A job in progress moves in at least this many steps, so that its counters are seen to grow.
constexpr std::uint64_t kStepsMin = 20;
constexpr std::uint64_t kStepRecordsMax = 1000;
constexpr double kHalf = 0.5;  // where a fault says no fraction

milliseconds share_of(milliseconds span, double share) {
  return std::chrono::duration_cast<milliseconds>(span * share);
}

bool fails_at(const FaultRule* rule, std::string_view where) {
  return rule != nullptr && rule->text("at", "validating") == where;
}

std::string folder_of(const Job& job) {
  const S3Location output = s3_location(job.output_uri());
  const bool slash = output.key.empty() || output.key.ends_with('/');
  return fmt::format("{}{}{}/", output.key, slash ? "" : "/", job.id);
}

std::int64_t moved(std::uint64_t count, const FaultRule* rule, std::string_view by) {
  const auto offset = rule == nullptr ? 0.0 : rule->number(by, 0);
  return std::max<std::int64_t>(
      0, static_cast<std::int64_t>(count) + static_cast<std::int64_t>(offset));
}

}  // namespace

JobWalk::JobWalk(const JobWorld& world, JobPtr job)
    : world_(world), job_(std::move(job)), woken_(world.io) {}

void JobWalk::interrupt() {
  cancel_->store(true);
  woken_.set();
}

Awaitable<void> JobWalk::walk() {
  if (stopping() || !co_await wait_share(kSubmittedShare)) co_return co_await leave_early();
  co_await become(JobStatus::Validating);
  auto files = co_await run_blocking(world_.pool, [this] {
    return read_job_input(world_.objects, *job_, world_.limits, cancel_);
  });
  if (!co_await wait_share(kValidatingShare)) co_return co_await leave_early();
  if (const FaultRule* rule = job_->fault(FaultKind::fail); fails_at(rule, "validating"))
    co_return co_await end(JobStatus::Failed, rule->text("message", "A fault of the script."));
  // What the role may not see is not told to be missing.
  std::string refused = job_access_fault(world_.identities, world_.objects, *job_);
  if (!refused.empty()) co_return co_await end(JobStatus::Failed, std::move(refused));
  if (!files) co_return co_await end(JobStatus::Failed, files.error());
  co_await become(JobStatus::Scheduled);
  const bool begins = job_->fault(FaultKind::stuck) != nullptr
                          ? co_await wait_until(job_->expires())
                          : co_await wait_share(kScheduledShare);
  if (!begins || job_->fault(FaultKind::expire) != nullptr) co_return co_await leave_early();
  co_await become(JobStatus::InProgress);
  const Ending ending = co_await process(std::move(*files));
  co_await finish(ending);
}

Awaitable<bool> JobWalk::wait_until(SysTime at) {
  const SysTime until = std::min(at, job_->expires());
  while (!stopping()) {
    const SysTime now = world_.clock.now();
    if (now >= until) break;
    const milliseconds real = std::max(world_.clock.real(until - now), milliseconds(1));
    co_await woken_.wait(Deadline::after(real));
  }
  co_return !stopping() && !out_of_time();
}

Awaitable<bool> JobWalk::wait_share(double share) {
  co_return co_await wait_until(world_.clock.now() + share_of(world_.job_time, share));
}

Awaitable<void> JobWalk::become(JobStatus status) {
  job_->status = status;
  job_->modified = world_.clock.now();
  co_await world_.table.save(job_);
}

Awaitable<void> JobWalk::end(JobStatus status, std::string message) {
  job_->message = std::move(message);
  job_->ended = world_.clock.now();
  co_await become(status);
  obs::info("sandbox job ended",
            {{"job", job_->id}, {"status", name(status)}, {"records", job_->processed_records}});
}

Awaitable<void> JobWalk::leave_early() {
  if (!stopping()) co_return co_await end(JobStatus::Expired, "");
  co_await sleep_for(world_.clock.real(share_of(world_.job_time, kStoppingShare)));
  co_await end(JobStatus::Stopped, "");
}

JobWalk::Limit JobWalk::limit_of(std::uint64_t total) const {
  Limit limit{.records = total};
  const auto take = [&](const FaultRule* rule, Ending ending) {
    if (rule == nullptr) return;
    const double share = rule->number("fraction", kHalf);
    const auto records = static_cast<std::uint64_t>(std::floor(static_cast<double>(total) * share));
    if (records <= limit.records) limit = {.records = records, .ending = ending};
  };
  const FaultRule* fails = job_->fault(FaultKind::fail);
  take(fails_at(fails, "running") ? fails : nullptr, Ending::failed);
  take(job_->fault(FaultKind::partial), Ending::cut);
  take(job_->fault(FaultKind::stop), Ending::stopped);
  return limit;
}

Awaitable<JobWalk::Ending> JobWalk::process(std::vector<InputFile> files) {
  std::uint64_t total = 0;
  for (const auto& file : files) total += file.records.size();
  job_->total_records = total;
  job_->processed_records = job_->success_records = job_->error_records = 0;
  row_faults_ = std::make_shared<const RowFaults>(job_->faults, total);
  const Limit limit = limit_of(total);
  const SysTime began = world_.clock.now();
  waiting_ = std::move(files);
  std::ranges::reverse(waiting_);
  // A file without records has an output too, where the job comes to it.
  const auto more = [&] {
    return limit.ending == Ending::done || counts_.processed < limit.records;
  };
  while (!waiting_.empty() && more() && !stopping() && !out_of_time()) {
    auto made = co_await run_blocking(world_.pool, [this] {
      auto runner = std::make_unique<RecordRunner>(*job_, std::move(waiting_.back()), row_faults_,
                                                   world_.objects.temp_folder());
      waiting_.pop_back();
      return runner;
    });
    runners_.push_back(std::move(made));
    co_await run_records(*runners_.back(), limit.records, began);
  }
  if (stopping()) co_return Ending::stopped;
  if (counts_.processed < total && out_of_time()) co_return Ending::out_of_time;
  co_return limit.ending;
}

Awaitable<void> JobWalk::run_records(RecordRunner& runner, std::uint64_t limit, SysTime began) {
  const std::uint64_t total = job_->total_records;
  const std::uint64_t step = std::clamp<std::uint64_t>(total / kStepsMin, 1, kStepRecordsMax);
  const std::chrono::duration<double, std::milli> span(
      world_.records_per_second > 0
          ? 1000 * static_cast<double>(total) / world_.records_per_second
          : static_cast<double>(world_.job_time.count()) * kInProgressShare);
  while (!runner.done() && counts_.processed < limit && !stopping() && !out_of_time()) {
    const std::uint64_t count = std::min(step, limit - counts_.processed);
    co_await run_blocking(world_.pool, [&] { runner.run(count, counts_); });
    job_->processed_records = counts_.processed;
    job_->success_records = counts_.success;
    job_->error_records = counts_.error;
    if (counts_.processed * 2 >= total) co_await show_early();
    // The work is done far sooner than a model would: its pace is the clock's.
    const double share = static_cast<double>(counts_.processed) / static_cast<double>(total);
    co_await wait_until(began + std::chrono::duration_cast<milliseconds>(span * share));
  }
}

Awaitable<void> JobWalk::finish(Ending ending) {
  if (ending == Ending::failed) {
    const FaultRule* rule = job_->fault(FaultKind::fail);
    if (rule->flag("write_partial")) co_await write_output(false);
    co_return co_await end(JobStatus::Failed, rule->text("message", "A fault of the script."));
  }
  // Tokens of a job that has not failed are paid for where there is output.
  if (job_->fault(FaultKind::no_output) == nullptr) {
    job_->input_tokens = counts_.input_tokens;
    job_->output_tokens = counts_.output_tokens;
  }
  JobStatus status = JobStatus::Completed;
  if (ending == Ending::stopped) {
    status = JobStatus::Stopped;
    if (!stopping()) co_await become(JobStatus::Stopping);
    co_await sleep_for(world_.clock.real(share_of(world_.job_time, kStoppingShare)));
    if (counts_.processed == 0) co_return co_await end(status, "");
  } else if (ending != Ending::done) {
    status = JobStatus::PartiallyCompleted;
    const FaultRule* cut = job_->fault(FaultKind::partial);
    if (ending == Ending::out_of_time || cut->flag("expired_rows")) co_await expire_records();
  }
  if (const FaultRule* late = job_->fault(FaultKind::late_output)) {
    co_await end(status, "");
    co_await sleep_for(world_.clock.real(
        milliseconds(static_cast<std::int64_t>(late->number("seconds", 1) * 1000))));
    co_return co_await write_output(true);
  }
  co_await write_output(true);
  // A stop that came while the output was written came too late to leave anything out.
  if (ending == Ending::done && stopping()) status = JobStatus::Stopped;
  co_await end(status, "");
}

Awaitable<void> JobWalk::expire_records() {
  co_await run_blocking(world_.pool, [this] {
    for (; !waiting_.empty(); waiting_.pop_back()) {
      runners_.push_back(std::make_unique<RecordRunner>(*job_, std::move(waiting_.back()),
                                                        row_faults_, world_.objects.temp_folder()));
    }
    for (const auto& runner : runners_) runner->expire_rest();
  });
}

Awaitable<void> JobWalk::show_early() {
  if (shown_early_ || job_->fault(FaultKind::early_output) == nullptr) co_return;
  shown_early_ = true;
  co_await run_blocking(world_.pool, [this] {
    for (const auto& runner : runners_)
      static_cast<void>(put_rows(*runner, folder_of(*job_), true));
  });
}

Answer<ObjectPtr> JobWalk::put_rows(RecordRunner& runner,
                                    const std::string& folder,
                                    bool cut_short) {
  const std::string bucket = s3_location(job_->output_uri()).bucket;
  const std::string key = folder + runner.name() + ".out";
  const SysTime now = world_.clock.now();
  std::optional<std::uint64_t> bytes;
  if (cut_short || job_->fault(FaultKind::no_final_newline)) bytes = runner.written_bytes();
  if (!cut_short && job_->fault(FaultKind::truncated_output)) bytes = runner.written_bytes() / 2;
  if (!cut_short && job_->fault(FaultKind::empty_output)) bytes = 0;
  return bytes ? runner.commit_cut(world_.objects, bucket, key, now, *bytes)
               : runner.commit(world_.objects, bucket, key, now);
}

std::string JobWalk::manifest() const {
  const FaultRule* wrong = job_->fault(FaultKind::manifest_disagrees);
  return boost::json::serialize(
      boost::json::object{{"totalRecordCount", moved(job_->total_records, wrong, "records")},
                          {"processedRecordCount", moved(counts_.processed, wrong, "records")},
                          {"successRecordCount", moved(counts_.success, wrong, "records")},
                          {"errorRecordCount", counts_.error},
                          {"inputTokenCount", moved(counts_.input_tokens, wrong, "tokens")},
                          {"outputTokenCount", moved(counts_.output_tokens, wrong, "tokens")}});
}

Awaitable<void> JobWalk::write_output(bool with_manifest) {
  auto lost = co_await run_blocking(world_.pool, [this, with_manifest]() -> std::string {
    const std::string folder = folder_of(*job_);
    if (!runners_.empty()) runners_.front()->add_unknown(row_faults_->unknown_rows());
    for (const auto& runner : runners_) {
      if (job_->fault(FaultKind::no_output) != nullptr) break;
      if (const auto made = put_rows(*runner, folder, false); !made) return made.error().message;
    }
    if (!with_manifest || job_->fault(FaultKind::no_manifest) != nullptr) return "";
    const auto made = put_text(world_.objects, s3_location(job_->output_uri()).bucket,
                               folder + "manifest.json.out", manifest(), output_encryption(*job_),
                               world_.clock.now());
    return made ? "" : made.error().message;
  });
  runners_.clear();
  if (!lost.empty()) throw std::runtime_error("writing a job's output: " + lost);
}

}  // namespace quarry::sandbox
