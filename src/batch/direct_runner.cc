// Lines run on demand: InvokeModel or Converse for each record of the staged input, as many at once
// as the deployment bears, every answer saved as it comes, so that a restart repeats only what was
// in flight. What AWS throttles, and what an outage keeps from it, is asked again until the window
// is over. A run that gets no answers makes room for others for a while.
#include "base/wakeup.h"
#include "batch/direct_input.h"
#include "batch/job_steps.h"
#include "batch/names.h"
#include "batch/progress.h"
#include "batch/worth_repeating.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quarry::batch {
namespace {

constexpr std::chrono::minutes kCallTimeMax{10};
// A run that goes on makes room for others too, if they have waited longer.
constexpr std::chrono::minutes kRunTimeMax{15};
constexpr std::int64_t kNextRoundMs = 1'000;
// So long an answer is kept for a database that is away, and so often it is tried. Real time.
constexpr std::chrono::minutes kSaveTimeMax{10};
constexpr std::chrono::milliseconds kSaveAgainAfter{500};
// So long a run may stay without any answer. Real time.
constexpr std::chrono::seconds kIdleMax{30};
// And so long it then rests, less up to a third by jitter.
constexpr std::int64_t kRestMs = 30'000;
// Inputs in memory, sent or to be sent again, of all runs; but for one record a run.
constexpr std::size_t kHeldBytesMax = std::size_t{32} << 20;
// So often a run that waits looks whether it is to stop. Real time.
constexpr std::chrono::milliseconds kLookEvery{200};

// How a run ended that no error cut short.
enum class Ending { complete, stopped, expired, rejected, makes_room };

// Shared, because a call that is cancelled still ends after the run that started it.
class DirectRun : public std::enable_shared_from_this<DirectRun> {
 public:
  DirectRun(Context& context, store::DueJob due, aws::DeploymentPtr deployment)
      : context_(context),
        due_(std::move(due)),
        job_(due_.job),
        deployment_(std::move(deployment)),
        limiter_(context.limiters.of(deployment_->id(), deployment_->settings.direct_concurrency)),
        calls_(context.io, obs::log_task_failure),
        changed_(context.io) {}
  ~DirectRun() { context_.limiters.held_bytes -= pending_bytes_; }
  DirectRun(const DirectRun&) = delete;
  DirectRun& operator=(const DirectRun&) = delete;

  // Errors: of the database or of S3, and of calls whose fault an operator mends.
  Task<Ending> run();
  bool any_answered() const { return any_answered_; }
  bool goes_forward() const { return any_answered_ && !idle(); }
  // What clients are shown.
  store::DirectResultStore::Progress progress() const {
    return {lines_of(job_, answered_.succeeded), lines_of(job_, answered_.errored)};
  }
  const std::string& rejection() const { return rejection_; }

 private:
  using Record = std::shared_ptr<DirectRecord>;

  Task<void> call_all(DirectInput& input);
  Task<Record> next(DirectInput& input);
  Task<Record> read_next(DirectInput& input);
  Awaitable<bool> await_turn();
  Awaitable<void> call(std::shared_ptr<DirectRun> self, Record record);
  Task<aws::RuntimeClient::Answer> ask(std::string model_input) const;
  CallOutcome came_to_nothing(const Record& record,
                              std::int64_t answers_before,
                              Error error,
                              std::optional<Error>& final_error);
  void put_aside(const Record& record);
  Task<void> save(const DirectRecord& record, Result<aws::RuntimeClient::Answer> answer);
  Record take_throttled();
  Record take_due();
  void hold(const DirectRecord& record);
  void let_go(const DirectRecord& record);
  bool has_room() const {
    const std::size_t active = pending_ - aside_.size();
    return active < static_cast<std::size_t>(deployment_->settings.direct_concurrency) &&
           (active == 0 || !full());
  }
  bool full() const { return context_.limiters.held_bytes >= kHeldBytesMax; }
  // Calls under way are worth waiting for, however slow.
  bool idle() const { return in_flight_ == 0 && idle_.expired(); }
  DirectTries::Record name_of(const DirectRecord& record) const {
    return {{job_.batch_id, job_.n}, record.key};
  }
  Deadline next_look() const;

  bool cancelled() const { return context_.cancelling.contains(job_.batch_id); }
  bool over() const {
    return failure_ || !rejection_.empty() || cancelled() || context_.window_over(due_) ||
           context_.draining;
  }

  Context& context_;
  store::DueJob due_;
  const store::JobRow& job_;
  aws::DeploymentPtr deployment_;
  std::shared_ptr<CallLimiter> limiter_;
  TaskGroup calls_;
  Wakeup changed_;  // a call has ended, or it is this run's turn
  store::DirectResultStore::Answered answered_;
  std::vector<Record> throttled_;
  std::vector<Record> aside_;  // failed, each with its time; they hold up no other
  std::size_t pending_ = 0;    // records that are read and not answered, those two included
  std::size_t pending_bytes_ = 0;
  std::size_t in_flight_ = 0;
  Deadline idle_ = Deadline::after(kIdleMax);
  bool any_answered_ = false;
  bool input_ended_ = false;
  bool left_some_ = false;  // failed records for which there was no room: the next round reads them
  bool repeated_last_ = false;
  bool complete_ = false;
  std::optional<Error> failure_;
  std::string rejection_;  // AWS's word on the deployment; "" = none
};

Task<Ending> DirectRun::run() {
  struct CancelCalls {
    TaskGroup& calls;
    ~CancelCalls() { calls.cancel(); }  // none is left unless this run was cancelled
  } cancel_calls{calls_};
  auto answered = co_await context_.direct_results.answered(job_.batch_id, job_.n);
  if (!answered) co_return fail(std::move(answered.error()));
  DirectInput input(*deployment_->s3,
                    deployment_->object(input_object(job_.batch_id, job_.n, job_.mark)),
                    std::exchange(answered->keys, {}));
  answered_ = std::move(*answered);

  auto called = co_await call_all(input);
  if (!called && !failure_) failure_ = std::move(called.error());
  if (!co_await calls_.join(Deadline::after(kCallTimeMax)) && !failure_) {
    failure_ = Error(Errc::deadline_exceeded, "calls were still open");
  }
  if (failure_) co_return fail(std::move(*failure_));
  if (complete_) co_return Ending::complete;
  if (cancelled()) co_return Ending::stopped;
  if (context_.window_over(due_)) co_return Ending::expired;
  co_return rejection_.empty() ? Ending::makes_room : Ending::rejected;
}

// Until each record has its answer, or the run is over, or it is others' turn.
Task<void> DirectRun::call_all(DirectInput& input) {
  const Deadline deadline = Deadline::after(kRunTimeMax);
  while (!over() && !idle() && !deadline.expired()) {
    auto record = co_await next(input);
    if (!record) co_return fail(std::move(record.error()));
    if (*record && co_await await_turn()) {
      ++in_flight_;
      calls_.spawn("direct call", call(shared_from_this(), std::move(*record)));
    } else if (pending_ == 0) {
      complete_ = !left_some_;
      co_return Result<void>();
    } else {
      co_await changed_.wait(next_look());
    }
  }
  co_return Result<void>();
}

// Null: none can be called now, and none is left if none is pending.
Task<DirectRun::Record> DirectRun::next(DirectInput& input) {
  if (Record record = take_throttled()) co_return record;
  // In turns with those that were not called yet: failing ones are not to be the only ones tried.
  if (!repeated_last_) {
    if (Record record = take_due()) co_return record;
  }
  auto read = co_await read_next(input);
  if (!read) co_return fail(std::move(read.error()));
  if (!*read) co_return take_due();
  repeated_last_ = false;
  co_return std::move(*read);
}

Task<DirectRun::Record> DirectRun::read_next(DirectInput& input) {
  while (has_room() && !input_ended_) {
    auto read = co_await input.next();
    if (!read) co_return fail(std::move(read.error()));
    input_ended_ = !*read;
    if (input_ended_) break;
    auto record = std::make_shared<DirectRecord>(std::move(**read));
    hold(*record);
    // It may have failed in a round before.
    if (limiter_->tries().due(name_of(*record)) <= context_.clock.now()) co_return record;
    put_aside(record);
  }
  co_return Record();
}

void DirectRun::hold(const DirectRecord& record) {
  ++pending_;
  pending_bytes_ += record.model_input.size();
  context_.limiters.held_bytes += record.model_input.size();
}

void DirectRun::let_go(const DirectRecord& record) {
  --pending_;
  pending_bytes_ -= record.model_input.size();
  context_.limiters.held_bytes -= record.model_input.size();
}

DirectRun::Record DirectRun::take_throttled() {
  if (throttled_.empty()) return nullptr;
  Record record = std::move(throttled_.front());
  throttled_.erase(throttled_.begin());
  return record;
}

DirectRun::Record DirectRun::take_due() {
  const auto due =
      std::ranges::min_element(aside_, {}, [](const Record& record) { return record->due; });
  if (due == aside_.end() || (*due)->due > context_.clock.now()) return nullptr;
  Record record = std::move(*due);
  aside_.erase(due);
  repeated_last_ = true;
  return record;
}

void DirectRun::put_aside(const Record& record) {
  record->due = limiter_->tries().due(name_of(*record));
  if (!full()) return aside_.push_back(record);
  left_some_ = true;
  let_go(*record);
}

Deadline DirectRun::next_look() const {
  std::chrono::milliseconds wait = kLookEvery;
  for (const Record& record : aside_) {
    wait = std::min(wait, context_.clock.real(record->due - context_.clock.now()));
  }
  // At least a moment: the clock that runs fast rounds to nothing.
  return Deadline::after(std::max(wait, std::chrono::milliseconds(1)));
}

// False: the run is over, or idle.
Awaitable<bool> DirectRun::await_turn() {
  CallLimiter::Turn turn(*limiter_, changed_);
  while (!over() && !idle()) {
    const SysTime now = context_.clock.now();
    if (turn.take(now)) co_return true;
    const auto pause = limiter_->limit().pause(now);
    const auto wait = pause.count() > 0 ? context_.clock.real(pause) : kLookEvery;
    co_await changed_.wait(
        Deadline::after(std::clamp(wait, std::chrono::milliseconds(1), kLookEvery)));
  }
  co_return false;
}

Task<aws::RuntimeClient::Answer> DirectRun::ask(std::string model_input) const {
  const Deadline deadline = Deadline::after(kCallTimeMax);
  const std::string& model = deployment_->settings.model_id;
  if (job_.invocation == bedrock::InvocationType::Converse) {
    co_return co_await deployment_->runtime->converse(model, std::move(model_input), deadline);
  }
  co_return co_await deployment_->runtime->invoke_model(model, std::move(model_input), deadline);
}

// What to do after an error: wait, repeat the record, end the run; or it is the record's own end,
// and final_error says so. Gives what it says of the deployment.
CallOutcome DirectRun::came_to_nothing(const Record& record,
                                       std::int64_t answers_before,
                                       Error error,
                                       std::optional<Error>& final_error) {
  if (no_credentials(error)) {  // which is no record's fault, and not the model's
    failure_ = std::move(error);
    return CallOutcome::failed;
  }
  if (error.code() == Errc::throttled) {
    throttled_.push_back(record);
    return CallOutcome::throttled;
  }
  if (error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded) {
    const bool last = input_ended_ && throttled_.empty();
    const auto verdict = limiter_->tries().failed(name_of(*record), answers_before, last,
                                                  context_.clock.now(), context_.jitter());
    if (verdict == DirectTries::Verdict::give_up) {
      limiter_->tries().forget(name_of(*record));
      final_error = std::move(error);
      return CallOutcome::failed;
    }
    put_aside(record);
    return verdict == DirectTries::Verdict::outage ? CallOutcome::throttled : CallOutcome::failed;
  }
  const bool repeat = worth_repeating(error);
  if (!repeat && (error.code() == Errc::forbidden || error.code() == Errc::not_found)) {
    rejection_ = error.message();
    obs::warn("deployment refuses on-demand calls", {{"batch_id", job_.batch_id.value},
                                                     {"job", job_.n},
                                                     {"deployment", deployment_->id()},
                                                     {"code", name(error.code())},
                                                     {"message", error.message()}});
  } else if (repeat || error.code() == Errc::cancelled) {
    failure_ = std::move(error);
  } else {
    final_error = std::move(error);
  }
  return CallOutcome::failed;
}

Task<void> DirectRun::save(const DirectRecord& record, Result<aws::RuntimeClient::Answer> answer) {
  store::DirectResultStore::Answer saved;
  saved.key = record.key;
  if (answer) {
    saved.status = answer->status;
    saved.body = std::move(answer->body);
    saved.input_tokens = answer->input_tokens;
    saved.output_tokens = answer->output_tokens;
  } else {
    saved.status = 503;
    saved.body = answer.error().message();
  }
  ++(saved.status == 200 ? answered_.succeeded : answered_.errored);
  // It is paid for: a database that is away for a moment does not lose it.
  const Deadline deadline = Deadline::after(kSaveTimeMax);
  while (true) {
    auto stored = co_await context_.direct_results.save(job_.batch_id, job_.n, saved, progress());
    if (stored || stored.error().code() != Errc::unavailable) co_return stored;
    if (context_.draining || deadline.expired()) co_return stored;
    co_await sleep_for(kSaveAgainAfter);
  }
}

Awaitable<void> DirectRun::call(std::shared_ptr<DirectRun> /*self: keeps this alive*/,
                                Record record) {
  // However the call ends, its slot is free for another, and the run looks again.
  struct Ended {
    DirectRun& run;
    CallOutcome outcome = CallOutcome::failed;
    ~Ended() {
      --run.in_flight_;
      run.limiter_->ended(outcome, run.context_.clock.now(), run.context_.jitter());
      run.changed_.set();
    }
  };
  Result<aws::RuntimeClient::Answer> answer = fail(Errc::internal, "not called");
  std::optional<Error> final_error;
  {
    Ended ended{*this};
    const std::int64_t answers_before = limiter_->tries().answers();
    answer = co_await ask(record->model_input);
    if (answer) {
      ended.outcome = CallOutcome::succeeded;
      limiter_->tries().answered(name_of(*record));
    } else {
      ended.outcome =
          came_to_nothing(record, answers_before, std::move(answer.error()), final_error);
    }
  }
  if (!answer && !final_error) co_return;
  idle_ = Deadline::after(kIdleMax);
  if (final_error) answer = fail(std::move(*final_error));
  auto stored = co_await save(*record, std::move(answer));
  if (stored) {
    any_answered_ = true;
    let_go(*record);
  } else {
    failure_ = std::move(stored.error());
  }
  changed_.set();
}

}  // namespace

Task<void> run_directly(Context& context, store::DueJob due) {
  const store::JobRow job = due.job;
  const auto ended = [&context, &job](std::string status, std::string message,
                                      store::DirectResultStore::Progress progress) {
    context.limiters.forget({job.batch_id, job.n});
    return context.batches.job_observed(job.batch_id, job.n, store::JobState::ended,
                                        std::move(status), std::move(message), progress.succeeded,
                                        progress.errored, context.now_ms());
  };
  const store::DirectResultStore::Progress before{job.succeeded, job.errored};
  if (due.batch_cancelling || job.stop_requested) co_return co_await ended("Stopped", "", before);
  if (context.window_over(due)) co_return co_await ended("Expired", "", before);
  aws::DeploymentPtr deployment = context.deployments.by_id(job.deployment_id);
  if (!deployment) {
    co_return co_await ended("Rejected",
                             fmt::format("deployment {} is no longer configured; hint: put it "
                                         "back into model_list",
                                         job.deployment_id),
                             before);
  }
  auto started = co_await context.batches.job_started_directly(job.batch_id, job.n);
  if (!started) co_return fail(std::move(started.error()));

  const auto run = std::make_shared<DirectRun>(context, std::move(due), std::move(deployment));
  auto ending = co_await run->run();
  if (!ending) {
    if (!run->any_answered()) {
      co_return fail(std::move(ending.error()).within("running lines on demand"));
    }
    // It goes forward, if slowly: no reason to wait longer each time.
    obs::info(
        "direct run goes on",
        {{"batch_id", job.batch_id.value}, {"job", job.n}, {"message", ending.error().message()}});
    co_return co_await context.batches.release_job(job.batch_id, job.n,
                                                   context.now_ms() + kNextRoundMs, 0);
  }
  if (*ending == Ending::makes_room) {
    const double part = 1 - context.jitter() / 3;
    const auto rest_ms = context.draining ? 0
                         : run->goes_forward()
                             ? kNextRoundMs
                             : static_cast<std::int64_t>(static_cast<double>(kRestMs) * part);
    obs::debug("direct run makes room", {{"batch_id", job.batch_id.value}, {"job", job.n}});
    co_return co_await context.batches.release_job(job.batch_id, job.n, context.now_ms() + rest_ms,
                                                   job.failures);
  }
  std::string status = "Completed";
  if (*ending == Ending::stopped) status = "Stopped";
  if (*ending == Ending::expired) status = "Expired";
  if (*ending == Ending::rejected) status = "Rejected";
  obs::info("direct run ended",
            {{"batch_id", job.batch_id.value}, {"job", job.n}, {"status", status}});
  co_return co_await ended(status, *ending == Ending::rejected ? run->rejection() : "",
                           run->progress());
}

}  // namespace quarry::batch
