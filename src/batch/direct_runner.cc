// Few lines, run on demand: InvokeModel or Converse for each record of the staged input, a bounded
// number at once, every answer saved before the next call, so that a restart repeats only what was
// in flight.
#include "aws/object_stream.h"
#include "base/bytes.h"
#include "base/wakeup.h"
#include "batch/job_steps.h"
#include "batch/names.h"
#include "batch/progress.h"
#include "batch/worth_repeating.h"
#include "bedrock/record.h"
#include "json/line_splitter.h"
#include "obs/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::chrono::minutes kCallTimeMax{10};
constexpr std::chrono::hours kRunTimeMax{6};
constexpr std::int64_t kNextRoundMs = 1'000;
// So often in a row nothing at all was answered, some 30 seconds by the engine's backoff: then what
// fails with a 5xx is the line, not the moment. Throttling is waited out as long as the window is
// open.
constexpr int kFruitlessRoundsMax = 5;

// Shared, because a call that is cancelled still ends after the run that started it.
class DirectRun : public std::enable_shared_from_this<DirectRun> {
 public:
  DirectRun(boost::asio::io_context& io,
            Context& context,
            store::JobRow job,
            aws::DeploymentPtr deployment)
      : context_(context),
        job_(std::move(job)),
        deployment_(std::move(deployment)),
        calls_(io, obs::log_task_failure),
        freed_(io) {}

  // True when every record has an answer.
  Task<bool> run();
  bool any_answered() const { return any_answered_; }

 private:
  Task<void> call_unanswered(std::span<const std::byte> window,
                             json::LineSplitter& lines,
                             bool last);
  Task<void> start_call(std::string_view line);
  Awaitable<void> call(std::shared_ptr<DirectRun> self,
                       store::DirectResultStore::Key record,
                       std::string model_input);
  Task<aws::RuntimeClient::Answer> ask(std::string model_input) const;
  Task<void> save(store::DirectResultStore::Answer answer);
  bool cancelled() const { return context_.cancelling.contains(job_.batch_id); }

  Context& context_;
  store::JobRow job_;
  aws::DeploymentPtr deployment_;
  TaskGroup calls_;
  Wakeup freed_;
  store::DirectResultStore::Answered answered_;  // keys: before this run
  bool any_answered_ = false;
  std::optional<Error> failure_;  // of a call that may be repeated, or of the database
};

Task<bool> DirectRun::run() {
  struct CancelCalls {
    TaskGroup& calls;
    ~CancelCalls() { calls.cancel(); }  // none is left unless this run was cancelled
  } cancel_calls{calls_};
  auto answered = co_await context_.direct_results.answered(job_.batch_id, job_.n);
  if (!answered) co_return fail(std::move(answered.error()));
  answered_ = std::move(*answered);

  const Deadline deadline = Deadline::after(kRunTimeMax);
  auto buffers = co_await context_.memory.acquire(2, deadline);
  if (!buffers) co_return fail(std::move(buffers.error()));
  aws::ObjectReader reader(*deployment_->s3,
                           deployment_->object(input_object(job_.batch_id, job_.n)),
                           std::move(*buffers));
  json::LineSplitter lines(std::numeric_limits<std::size_t>::max());
  bool more = true;
  while (more && !failure_ && !cancelled()) {
    auto window = co_await reader.read(deadline);
    if (!window) {
      failure_ = std::move(window.error());
      break;
    }
    more = !window->empty();
    auto called = co_await call_unanswered(*window, lines, !more);
    if (!called) failure_ = std::move(called.error());
  }
  if (!co_await calls_.join(deadline) && !failure_) {
    failure_ = Error(Errc::deadline_exceeded, "calls were still open");
  }
  if (failure_) co_return fail(std::move(*failure_));
  co_return true;
}

Task<void> DirectRun::call_unanswered(std::span<const std::byte> window,
                                      json::LineSplitter& lines,
                                      bool last) {
  json::LineSplitter::Line line;
  lines.feed(window);
  while (lines.next(line) || (last && lines.finish(line))) {
    if (failure_ || cancelled()) break;
    auto started = co_await start_call(line.text);
    if (!started) co_return started;
  }
  co_return Result<void>();
}

Task<void> DirectRun::start_call(std::string_view line) {
  const auto record = bedrock::parse_input_record(line);
  if (!record) co_return fail(record.error());
  const auto index = bedrock::parse_record_id(record->record_id);
  if (!index) co_return fail(Errc::corrupt, "a staged record has an id that is not ours");
  const store::DirectResultStore::Key key{static_cast<std::int64_t>(index->line),
                                          index->part.value_or(0)};
  if (std::ranges::binary_search(answered_.keys, key)) co_return Result<void>();
  std::string model_input(record->model_input);
  while (calls_.running() >= static_cast<std::size_t>(deployment_->settings.direct_concurrency)) {
    co_await freed_.wait(Deadline::after(kCallTimeMax));
  }
  calls_.spawn("direct call", call(shared_from_this(), key, std::move(model_input)));
  co_return Result<void>();
}

Task<aws::RuntimeClient::Answer> DirectRun::ask(std::string model_input) const {
  const Deadline deadline = Deadline::after(kCallTimeMax);
  const std::string& model = deployment_->settings.model_id;
  if (job_.invocation == bedrock::InvocationType::Converse) {
    co_return co_await deployment_->runtime->converse(model, std::move(model_input), deadline);
  }
  co_return co_await deployment_->runtime->invoke_model(model, std::move(model_input), deadline);
}

Task<void> DirectRun::save(store::DirectResultStore::Answer answer) {
  ++(answer.status == 200 ? answered_.succeeded : answered_.errored);
  co_return co_await context_.direct_results.save(
      job_.batch_id, job_.n, std::move(answer),
      {lines_of(job_, answered_.succeeded), lines_of(job_, answered_.errored)});
}

Awaitable<void> DirectRun::call(std::shared_ptr<DirectRun> /*self: keeps this alive*/,
                                store::DirectResultStore::Key record,
                                std::string model_input) {
  auto answer = co_await ask(std::move(model_input));
  store::DirectResultStore::Answer saved;
  saved.key = record;
  if (answer) {
    saved.status = answer->status;
    saved.body = std::move(answer->body);
    saved.input_tokens = answer->input_tokens;
    saved.output_tokens = answer->output_tokens;
  } else if (worth_repeating(answer.error()) &&
             (answer.error().code() != Errc::unavailable || job_.failures < kFruitlessRoundsMax)) {
    failure_ = std::move(answer.error());
    freed_.set();
    co_return;
  } else {
    const Error& error = answer.error();
    saved.status = error.code() == Errc::forbidden   ? 403
                   : error.code() == Errc::not_found ? 404
                                                     : 503;
    saved.body = error.message();
  }
  auto stored = co_await save(std::move(saved));
  if (stored) {
    any_answered_ = true;
  } else {
    failure_ = std::move(stored.error());
  }
  freed_.set();
}

}  // namespace

Task<void> run_directly(Context& context, store::DueJob due) {
  const store::JobRow& job = due.job;
  const auto ended = [&context, &job](std::string status, std::string message) {
    return context.batches.job_observed(job.batch_id, job.n, store::JobState::ended,
                                        std::move(status), std::move(message), job.succeeded,
                                        job.errored, context.now_ms());
  };
  if (due.batch_cancelling || job.stop_requested) co_return co_await ended("Stopped", "");
  if (context.window_over(due)) co_return co_await ended("Expired", "");
  aws::DeploymentPtr deployment = context.deployments.by_id(job.deployment_id);
  if (!deployment) {
    co_return co_await ended("Rejected",
                             fmt::format("deployment {} is no longer configured; hint: put it "
                                         "back into model_list",
                                         job.deployment_id));
  }
  auto started = co_await context.batches.job_started_directly(job.batch_id, job.n);
  if (!started) co_return fail(std::move(started.error()));

  const auto run = std::make_shared<DirectRun>(context.io, context, job, std::move(deployment));
  auto complete = co_await run->run();
  if (!complete) {
    if (!run->any_answered()) {
      co_return fail(std::move(complete.error()).within("running lines on demand"));
    }
    // It goes forward, if slowly: no reason to wait longer each time.
    obs::info("direct run goes on", {{"batch_id", job.batch_id.value},
                                     {"job", job.n},
                                     {"message", complete.error().message()}});
    co_return co_await context.batches.release_job(job.batch_id, job.n,
                                                   context.now_ms() + kNextRoundMs, 0);
  }
  const bool stopped = context.cancelling.contains(job.batch_id);
  obs::info("direct run ended",
            {{"batch_id", job.batch_id.value}, {"job", job.n}, {"stopped", stopped}});
  co_return co_await ended(stopped ? "Stopped" : "Completed", "");
}

}  // namespace quarry::batch
