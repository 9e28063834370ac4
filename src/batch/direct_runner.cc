// Lines run on demand: InvokeModel or Converse for each record of the staged input, as many at once
// as the deployment bears, every answer saved as it comes, so that a restart repeats only what was
// in flight. What AWS throttles is asked again until the window is over, while the others go on.
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
constexpr std::chrono::hours kRunTimeMax{6};
constexpr std::int64_t kNextRoundMs = 1'000;
// So often one record's call may fail with a 5xx, or not come through: then it is the record, not
// the moment. Some 15 seconds, and the client's own repetitions within each.
constexpr int kTriesMax = 5;
constexpr std::chrono::milliseconds kTryAgainFirst{1'000};
// Inputs in memory, sent or to be sent again, though one alone may be longer.
constexpr std::size_t kPendingBytesMax = std::size_t{16} << 20;
// So often a run that waits looks whether it is to stop. Real time.
constexpr std::chrono::milliseconds kLookEvery{200};

// How a run ended that no error cut short.
enum class Ending { complete, stopped, expired, rejected };

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

  // Errors: of the database or of S3, and of calls whose fault an operator mends.
  Task<Ending> run();
  bool any_answered() const { return any_answered_; }
  // What clients are shown.
  store::DirectResultStore::Progress progress() const {
    return {lines_of(job_, answered_.succeeded), lines_of(job_, answered_.errored)};
  }
  const std::string& rejection() const { return rejection_; }

 private:
  using Record = std::shared_ptr<DirectRecord>;

  Task<void> call_all(DirectInput& input);
  Task<Record> next(DirectInput& input);
  Awaitable<bool> await_turn();
  Awaitable<void> call(std::shared_ptr<DirectRun> self, Record record);
  Task<aws::RuntimeClient::Answer> ask(std::string model_input) const;
  void came_to_nothing(const Record& record, Error error, std::optional<Error>& final_error);
  Task<void> save(const DirectRecord& record, Result<aws::RuntimeClient::Answer> answer);
  void put_back(const Record& record, std::int64_t due_ms);
  Record take_due();
  bool has_room() const {
    return pending_ < static_cast<std::size_t>(deployment_->settings.direct_concurrency) &&
           (pending_ == 0 || pending_bytes_ < kPendingBytesMax);
  }
  Deadline next_look() const;

  bool cancelled() const { return context_.cancelling.contains(job_.batch_id); }
  bool over() const {
    return failure_ || !rejection_.empty() || cancelled() || context_.window_over(due_);
  }

  Context& context_;
  store::DueJob due_;
  const store::JobRow& job_;
  aws::DeploymentPtr deployment_;
  std::shared_ptr<CallLimiter> limiter_;
  TaskGroup calls_;
  Wakeup changed_;  // a call has ended, or it is this run's turn
  store::DirectResultStore::Answered answered_;
  std::vector<Record> to_repeat_;
  std::size_t pending_ = 0;  // records that are read and not answered
  std::size_t pending_bytes_ = 0;
  bool any_answered_ = false;
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
  DirectInput input(*deployment_->s3, deployment_->object(input_object(job_.batch_id, job_.n)),
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
  co_return context_.window_over(due_) ? Ending::expired : Ending::rejected;
}

// Until each record has its answer, or the run is over.
Task<void> DirectRun::call_all(DirectInput& input) {
  const Deadline deadline = Deadline::after(kRunTimeMax);
  while (!over()) {
    if (deadline.expired()) {
      co_return fail(Errc::deadline_exceeded, "the run goes on in another round");
    }
    auto record = co_await next(input);
    if (!record) co_return fail(std::move(record.error()));
    if (*record && co_await await_turn()) {
      calls_.spawn("direct call", call(shared_from_this(), std::move(*record)));
    } else if (pending_ == 0) {
      complete_ = true;
      co_return Result<void>();
    } else {
      co_await changed_.wait(next_look());
    }
  }
  co_return Result<void>();
}

// Null: none can be called now, and none is left if none is pending.
Task<DirectRun::Record> DirectRun::next(DirectInput& input) {
  if (Record record = take_due()) co_return record;
  if (!has_room()) co_return Record();
  auto read = co_await input.next();
  if (!read) co_return fail(std::move(read.error()));
  if (!*read) co_return Record();
  ++pending_;
  pending_bytes_ += (*read)->model_input.size();
  co_return std::make_shared<DirectRecord>(std::move(**read));
}

DirectRun::Record DirectRun::take_due() {
  const std::int64_t now_ms = context_.now_ms();
  const auto due = std::ranges::find_if(
      to_repeat_, [&](const Record& record) { return record->due_ms <= now_ms; });
  if (due == to_repeat_.end()) return nullptr;
  Record record = std::move(*due);
  to_repeat_.erase(due);
  return record;
}

void DirectRun::put_back(const Record& record, std::int64_t due_ms) {
  record->due_ms = due_ms;
  to_repeat_.push_back(record);
}

Deadline DirectRun::next_look() const {
  std::chrono::milliseconds wait = kLookEvery;
  for (const Record& record : to_repeat_) {
    const std::chrono::milliseconds left(record->due_ms - context_.now_ms());
    wait = std::min(wait, context_.clock.real(left));
  }
  // At least a moment: the clock that runs fast rounds to nothing.
  return Deadline::after(std::max(wait, std::chrono::milliseconds(1)));
}

// False: the run is over.
Awaitable<bool> DirectRun::await_turn() {
  CallLimiter::Turn turn(*limiter_, changed_);
  while (!over()) {
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
// and final_error says so.
void DirectRun::came_to_nothing(const Record& record,
                                Error error,
                                std::optional<Error>& final_error) {
  const std::int64_t now_ms = context_.now_ms();
  switch (error.code()) {
    case Errc::throttled:
      return put_back(record, now_ms);
    case Errc::unavailable:
    case Errc::deadline_exceeded:
      if (++record->failures < kTriesMax) {
        const auto wait = kTryAgainFirst * (1 << (record->failures - 1));
        const double part = 1 - context_.jitter() / 2;
        return put_back(
            record, now_ms + static_cast<std::int64_t>(static_cast<double>(wait.count()) * part));
      }
      break;
    case Errc::forbidden:
    case Errc::not_found:
      if (!worth_repeating(error)) {
        rejection_ = error.message();
        return;
      }
      [[fallthrough]];
    default:
      if (worth_repeating(error) || error.code() == Errc::cancelled) {
        failure_ = std::move(error);
        return;
      }
  }
  final_error = std::move(error);
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
  co_return co_await context_.direct_results.save(job_.batch_id, job_.n, std::move(saved),
                                                  progress());
}

Awaitable<void> DirectRun::call(std::shared_ptr<DirectRun> /*self: keeps this alive*/,
                                Record record) {
  // However the call ends, its slot is free for another, and the run looks again.
  struct Ended {
    DirectRun& run;
    CallOutcome outcome = CallOutcome::failed;
    ~Ended() {
      run.limiter_->ended(outcome, run.context_.clock.now(), run.context_.jitter());
      run.changed_.set();
    }
  };
  Result<aws::RuntimeClient::Answer> answer = fail(Errc::internal, "not called");
  {
    Ended ended{*this};
    answer = co_await ask(record->model_input);
    if (answer) {
      ended.outcome = CallOutcome::succeeded;
    } else if (answer.error().code() == Errc::throttled) {
      ended.outcome = CallOutcome::throttled;
    }
  }
  if (!answer) {
    std::optional<Error> final_error;
    came_to_nothing(record, std::move(answer.error()), final_error);
    changed_.set();
    if (!final_error) co_return;
    answer = fail(std::move(*final_error));
  }
  auto stored = co_await save(*record, std::move(answer));
  if (stored) {
    any_answered_ = true;
    --pending_;
    pending_bytes_ -= record->model_input.size();
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
