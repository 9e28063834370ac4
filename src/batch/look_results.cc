#include "batch/look_results.h"

#include "batch/look_times.h"
#include "batch/progress.h"
#include "batch/submitted_job.h"
#include "obs/log.h"

#include <algorithm>
#include <utility>

namespace quarry::batch {
namespace {

using store::BatchStore;

// A job that AWS does not know may not be visible yet: it is looked for so often.
constexpr int kMissingMax = 3;
constexpr std::int64_t kMissingLookMs = 60'000;
// Where most jobs vanish at once it is likelier that another account is asked than that AWS lost
// them: they are given up, and their lines run again, only after an operator had time to see it.
constexpr std::size_t kVanishedMin = 3;
constexpr std::int64_t kVanishedMs = 1'800'000;
// What was looked at in this time says how AWS stands to the group's jobs now.
constexpr std::int64_t kRecentLookMs = 300'000;
constexpr std::int64_t kOutOfTimeLookMs = 1'000;
// The list is filtered by AWS's clock: a job's own time of submission is from there, the batch's
// creation from here.
constexpr std::int64_t kSubmittedSlackMs = 60'000;
constexpr std::int64_t kCreatedSlackMs = 600'000;

LookTimes times_of(Round& round, std::size_t i, const LookGroup::Remembered& remembered) {
  const store::DueJob& due = round.due(i);
  const auto& settings = round.deployment_of(i).settings;
  LookTimes times;
  times.now_ms = round.context.now_ms();
  times.submitted_ms = remembered.submitted_ms;
  times.interval = round.context.settings.polling_interval;
  times.phase_ms = round.group.phase_ms;
  times.stopping = due.job.stop_requested;
  times.looks_while_stopping = remembered.looks_while_stopping;
  times.expires_ms = due.batch_expires_at * 1'000;
  if (settings.deadline_fallback) {
    times.fallback_ms =
        times.expires_ms - std::chrono::milliseconds(*settings.deadline_fallback).count();
  }
  return times;
}

}  // namespace

std::vector<std::size_t> Round::open_looks() const {
  std::vector<std::size_t> open_ones;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (!done[i]) open_ones.push_back(i);
  }
  return open_ones;
}

std::optional<std::int64_t> Round::submitted_ms(std::size_t i) const {
  const auto known = group.jobs.find(looks[i].due.job.job_arn);
  return known == group.jobs.end() ? std::nullopt : known->second.submitted_ms;
}

std::int64_t Round::submitted_at_least_ms(std::size_t i) const {
  if (const auto known = submitted_ms(i)) return *known - kSubmittedSlackMs;
  return looks[i].batch_created_at * 1'000 - kCreatedSlackMs;
}

void Round::finish(std::size_t i,
                   std::int64_t due_ms,
                   int failures,
                   std::optional<BatchStore::Observed> changed) {
  done[i] = true;
  results.push_back({job(i).batch_id, job(i).n, due_ms, failures, std::move(changed)});
}

void Round::observed(std::size_t i, const bedrock::Job& seen) {
  const store::JobRow& row = job(i);
  const bool ended = bedrock::terminal(seen.status);
  // Records that failed may be run again: until then nobody is told that their lines have failed.
  const bool errors_count = row.retries >= deployment_of(i).settings.retry_failed_records;
  BatchStore::Observed now;
  now.state = ended ? store::JobState::ended : store::JobState::running;
  now.aws_status = bedrock::name(seen.status);
  now.message = seen.message;
  now.succeeded = std::max(row.succeeded, lines_of(row, seen.success_records).value_or(0));
  now.errored = row.errored;
  if (errors_count) {
    now.errored = std::max(row.errored, lines_of(row, seen.error_records).value_or(0));
  }
  if (now.aws_status != row.aws_status) {
    obs::info("job status", {{"batch_id", row.batch_id.value},
                             {"job", row.n},
                             {"status", now.aws_status},
                             {"message", seen.message}});
  }
  const bool changed = now.state != row.state || now.aws_status != row.aws_status ||
                       now.message != row.message || now.succeeded != row.succeeded ||
                       now.errored != row.errored;
  LookGroup::Remembered& remembered = group.jobs[row.job_arn];
  if (seen.submit_time) remembered.submitted_ms = unix_millis(*seen.submit_time);
  remembered.missing = 0;
  ++seen_jobs;
  group.said_vanished = false;
  remembered.looked_ms = context.now_ms();
  if (stop_tried[i] || row.aws_status == kStopping) ++remembered.looks_while_stopping;
  const std::int64_t due_ms =
      ended ? context.now_ms() : next_look_ms(times_of(*this, i, remembered));
  if (ended) {
    any_ended = true;
    group.jobs.erase(row.job_arn);
  }
  finish(i, due_ms, 0, changed ? std::optional(std::move(now)) : std::nullopt);
}

void Round::unknown(std::size_t i, const Error& error) {
  const store::JobRow& row = job(i);
  LookGroup::Remembered& remembered = group.jobs[row.job_arn];
  remembered.looked_ms = context.now_ms();
  if (remembered.missing++ == 0) remembered.missing_since_ms = remembered.looked_ms;
  obs::warn("AWS does not know the job", {{"batch_id", row.batch_id.value},
                                          {"job", row.n},
                                          {"looks", remembered.missing},
                                          {"message", error.message()}});
  if (remembered.missing < kMissingMax) {
    finish(i, context.now_ms() + kMissingLookMs, 0, std::nullopt);
    return;
  }
  missing.push_back(i);
  missing_message = error.message();
}

// Of the jobs of the last looks, whichever round they were in.
bool Round::most_vanished() const {
  if (none_listed && seen_jobs == 0) return true;
  const std::int64_t since_ms = context.now_ms() - kRecentLookMs;
  std::size_t vanished = 0;
  std::size_t known = 0;
  for (const auto& [arn, remembered] : group.jobs) {
    if (remembered.looked_ms >= since_ms) ++(remembered.missing > 0 ? vanished : known);
  }
  return vanished + known >= kVanishedMin && vanished > known;
}

void Round::settle_missing() {
  if (missing.empty()) return;
  const bool most = most_vanished();
  if (most && !std::exchange(group.said_vanished, true)) {
    obs::error(
        "AWS knows hardly any of the jobs it was given; they are given up after half an hour; "
        "hint: wrong account, credentials or region in config.yaml?",
        {{"group", group.name}, {"jobs", missing.size()}, {"message", missing_message}});
  }
  for (const std::size_t i : missing) {
    const store::JobRow& row = job(i);
    const std::int64_t now_ms = context.now_ms();
    if (most && now_ms - group.jobs[row.job_arn].missing_since_ms < kVanishedMs) {
      finish(i, now_ms + kMissingLookMs, 0, std::nullopt);
      continue;
    }
    any_ended = true;
    group.jobs.erase(row.job_arn);
    finish(i, now_ms, 0,
           BatchStore::Observed{store::JobState::ended, "Failed", std::string(kForgotten),
                                row.succeeded, row.errored});
    obs::error("a job that AWS no longer knows is given up",
               {{"batch_id", row.batch_id.value}, {"job", row.n}, {"arn", row.job_arn}});
  }
}

void Round::failed(std::size_t i, Error error) {
  if (retryable(error.code()) || error.code() == Errc::forbidden) {
    failure = std::move(error);
    return;
  }
  ++jobs_failed;
  const int failures = job(i).failures + 1;
  finish(i, context.now_ms() + look_backoff_ms(failures, jitter), failures, std::nullopt);
  job_failure = std::move(error);
}

// What has no result by now is due again: later where AWS gave no answers.
void Round::give_up_rest() {
  int given_up = 0;
  std::int64_t wait_ms = kOutOfTimeLookMs;
  for (const std::size_t i : open_looks()) {
    const int failures = job(i).failures + (failure ? 1 : 0);
    if (failure) wait_ms = look_backoff_ms(failures, jitter);
    finish(i, context.now_ms() + wait_ms, failures, std::nullopt);
    ++given_up;
  }
  const std::optional<Error>& error = failure ? failure : job_failure;
  if (error) {
    obs::warn("jobs were not looked at, will be again", {{"group", group.name},
                                                         {"jobs", given_up + jobs_failed},
                                                         {"again_in_ms", wait_ms},
                                                         {"code", name(error->code())},
                                                         {"message", error->message()}});
  }
  if (stop_failure) {
    obs::warn("jobs were not stopped, will be tried again", {{"group", group.name},
                                                             {"jobs", stops_failed},
                                                             {"code", name(stop_failure->code())},
                                                             {"message", stop_failure->message()}});
  }
}

}  // namespace quarry::batch
