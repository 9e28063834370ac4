#include "cli/run_command.h"

#include "base/task.h"
#include "cli/api_client.h"
#include "cli/progress.h"
#include "cli/run_report.h"
#include "config/settings.h"
#include "http/client.h"
#include "obs/log.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <unistd.h>

namespace quarry::cli {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kRedrawEvery{250};
constexpr int kExitSignal = 128;  // + the signal's number, as shells count

// One run of the command. Outlives the loop.
struct Session {
  explicit Session(const RunOptions& run_options)
      : options(run_options),
        progress(Progress::of_stderr()),
        http(http::make_client(io,
                               {.ca_bundle = http::ca_bundle_of(config::process_environment())})),
        api(*http,
            base_urls(options.url),
            options.api_key,
            [this](const Error& error) {
              progress.say(fmt::format("{}; trying again", error.message()));
            }),
        ticker(io, obs::log_task_failure) {}

  void draw() {
    if (moving) shown.done = moving->load(std::memory_order_relaxed);
    shown.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started);
    progress.show(shown);
  }
  void begin(std::string step, std::uint64_t total, const std::atomic<std::uint64_t>* bytes) {
    shown = {.status = std::move(step), .total = total, .bytes = bytes != nullptr};
    moving = bytes;
    draw();
  }
  int report(const Error& error) {
    progress.say("quarry run: " + error.message());
    return 1;
  }

  const RunOptions& options;
  asio::io_context io{1};
  Progress progress;
  std::unique_ptr<http::Client> http;
  ApiClient api;
  TaskGroup ticker;
  steady_clock::time_point started = steady_clock::now();

  ProgressState shown;
  std::atomic<std::uint64_t> bytes_moved{0};
  const std::atomic<std::uint64_t>* moving = nullptr;

  std::string batch_id;
  int signal = 0;  // that asked to stop
};

Awaitable<void> redraw(Session& session) {
  for (;;) {
    co_await sleep_for(kRedrawEvery);
    if (!session.shown.status.empty()) session.draw();
  }
}

Task<void> upload_and_create(Session& session) {
  const RunOptions& options = session.options;
  session.begin("uploading", std::filesystem::file_size(options.input), &session.bytes_moved);
  auto file = co_await session.api.upload(options.input, options.model, session.bytes_moved);
  if (!file) co_return fail(std::move(file.error()).within("uploading " + options.input.string()));

  session.begin("creating", 0, nullptr);
  // Not to be interrupted: a batch whose id is never seen could not be resumed.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto batch = co_await session.api.create_batch(*file, options.endpoint);
  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  if (!batch) co_return fail(std::move(batch.error()).within("creating a batch of " + *file));
  session.batch_id = batch->id;
  session.progress.say("batch " + batch->id);
  if (session.signal != 0) throw boost::system::system_error(asio::error::operation_aborted);
  co_return Result<void>();
}

// A resumed batch began before this command did.
void count_from_creation(Session& session, std::int64_t created_at) {
  const auto age = std::chrono::system_clock::now() -
                   std::chrono::system_clock::time_point(std::chrono::seconds(created_at));
  const auto begun = steady_clock::now() - std::chrono::duration_cast<steady_clock::duration>(age);
  if (created_at > 0 && begun < session.started) session.started = begun;
}

Task<BatchView> follow(Session& session) {
  for (int looks = 0;; ++looks) {
    auto batch = co_await session.api.batch(session.batch_id);
    if (!batch) co_return fail(std::move(batch.error()).within("batch " + session.batch_id));
    if (looks == 0 && !session.options.resume.empty()) {
      count_from_creation(session, batch->created_at);
    }
    session.moving = nullptr;
    session.shown = {
        .status = batch->status, .done = batch->completed + batch->failed, .total = batch->total};
    session.draw();
    if (batch->ended()) co_return batch;
    co_await sleep_for(session.options.poll_every.value_or(poll_delay(looks)));
  }
}

Task<RunReport> fetch(Session& session, BatchView batch) {
  RunReport report;
  report.batch = std::move(batch);
  const auto& output = session.options.output;
  if (!report.batch.output_file_id.empty()) {
    session.begin("downloading results", 0, nullptr);
    auto lines =
        co_await session.api.download(report.batch.output_file_id, output, session.bytes_moved);
    if (!lines) co_return fail(std::move(lines.error()).within("downloading results"));
    report.results = output;
  }
  if (!report.batch.error_file_id.empty()) {
    session.begin("downloading errors", 0, nullptr);
    const auto errors = errors_file(output);
    auto lines =
        co_await session.api.download(report.batch.error_file_id, errors, session.bytes_moved);
    if (!lines) co_return fail(std::move(lines.error()).within("downloading errors"));
    report.errors = errors;
    report.error_lines = *lines;
  }
  auto cost = co_await session.api.cost(report.batch.id);
  if (cost) report.cost_usd = *cost;
  co_return report;
}

Awaitable<int> work(Session& session) {
  if (session.options.resume.empty()) {
    const auto created = co_await upload_and_create(session);
    if (!created) co_return session.report(created.error());
  } else {
    session.batch_id = session.options.resume;
  }
  auto batch = co_await follow(session);
  if (!batch) co_return session.report(batch.error());
  auto report = co_await fetch(session, *std::move(batch));
  if (!report) {
    session.report(report.error());
    session.progress.say(resume_hint(session.options, session.batch_id));
    co_return 1;
  }
  report->elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - session.started);
  session.progress.clear();
  std::fputs(render_problems(report->batch).c_str(), stderr);
  std::fputs(render_report(*report).c_str(), stdout);
  co_return report->succeeded() ? 0 : 1;
}

// What is wrong with the files named, before anything is paid for; "" when nothing is.
std::string check_files(const RunOptions& options) {
  const auto& input = options.input;
  if (options.resume.empty() &&
      (!std::filesystem::is_regular_file(input) || ::access(input.c_str(), R_OK) != 0)) {
    return fmt::format("cannot read {}\nhint: INPUT is a file of batch lines (.jsonl)",
                       input.string());
  }
  const auto parent = std::filesystem::absolute(options.output).parent_path();
  if (std::filesystem::is_directory(options.output) || ::access(parent.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("cannot write {}\nhint: give -o FILE in a directory that can be written",
                       options.output.string());
  }
  return "";
}

int interrupted(Session& session) {
  session.progress.say(session.batch_id.empty()
                           ? std::string("interrupted before a batch was created; nothing runs")
                           : "interrupted; the batch goes on without this command\n" +
                                 resume_hint(session.options, session.batch_id));
  return kExitSignal + session.signal;
}

}  // namespace

int run(const RunOptions& options) {
  if (const std::string wrong = check_files(options); !wrong.empty()) {
    std::fprintf(stderr, "quarry run: %s\n", wrong.c_str());
    return 2;
  }
  Session session(options);
  int exit_code = 1;
  asio::cancellation_signal cancel;
  asio::signal_set signals(session.io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code failed, int number) {
    if (failed) return;
    session.signal = number;
    signals.clear();  // a second Ctrl-C ends it at once
    cancel.emit(asio::cancellation_type::terminal);
  });
  session.ticker.spawn("progress", redraw(session));
  asio::co_spawn(
      session.io, work(session),
      asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr failure, int code) {
        session.ticker.cancel();
        signals.cancel();
        exit_code = code;
        if (!failure) return;
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          exit_code = session.signal != 0 ? interrupted(session)
                                          : session.report(Error(Errc::internal, error.what()));
        }
      }));
  session.io.run();
  return exit_code;
}

}  // namespace quarry::cli
