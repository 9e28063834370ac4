#include "cli/sandbox_command.h"

#include "base/deadline.h"
#include "cli/data_dir.h"
#include "cli/port_file.h"
#include "obs/log.h"
#include "sandbox/object_store.h"
#include "sandbox/sandbox.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>

namespace quarry::cli {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kStopTime{5};

sandbox::Options to_sandbox(const SandboxOptions& options) {
  sandbox::Options to;
  to.host = options.host;
  to.port = options.port;
  to.data_dir = options.data_dir;
  if (!options.access_key_id.empty()) {
    to.access_key_id = options.access_key_id;
    to.secret_access_key = options.secret_access_key;
  }
  to.buckets = options.buckets;
  return to;
}

constexpr int kExitConfiguration = 2;

// What `parse` makes of a file's text; its error, with the file's name before it.
template <class T>
std::expected<T, std::string> read_with(std::expected<T, std::string> (*parse)(std::string_view),
                                        const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return std::unexpected(fmt::format("{}: cannot be read", path.string()));
  auto parsed = parse(text);
  if (!parsed) return std::unexpected(fmt::format("{}: {}", path.string(), parsed.error()));
  return parsed;
}

}  // namespace

std::expected<void, std::string> tune(sandbox::Options& sandbox, const SandboxTuning& tuning) {
  sandbox.job_time = tuning.job_time;
  sandbox.clock_speed = tuning.clock_speed;
  sandbox.clock_origin =
      tuning.clock_origin ? from_unix_millis(*tuning.clock_origin * 1000) : SystemClock().now();
  sandbox.max_jobs_per_model = tuning.max_jobs_per_model;
  sandbox.min_records_per_job = tuning.min_records;
  sandbox.records_per_second = tuning.records_per_second;
  if (!tuning.faults_file.empty()) {
    auto script = read_with(sandbox::parse_fault_script, tuning.faults_file);
    if (!script) return std::unexpected(std::move(script.error()));
    sandbox.faults = std::move(*script);
  }
  if (!tuning.account_file.empty()) {
    auto account = read_with(sandbox::parse_account, tuning.account_file);
    if (!account) return std::unexpected(std::move(account.error()));
    sandbox.account = std::move(*account);
  }
  return {};
}

std::string sandbox_banner(const SandboxOptions& options, const std::string& url) {
  const sandbox::Options fixed;
  std::string keys;
  if (options.access_key_id.empty()) {
    keys = fmt::format(
        "  export AWS_ACCESS_KEY_ID={}\n"
        "  export AWS_SECRET_ACCESS_KEY={}\n",
        fixed.access_key_id, fixed.secret_access_key.reveal());
  } else {
    keys = fmt::format("  keys: AWS_ACCESS_KEY_ID ({}) and AWS_SECRET_ACCESS_KEY as set here\n",
                       options.access_key_id);
  }
  return fmt::format(
      "The sandbox, a local AWS, is at {0}\n"
      "{1}"
      "  export AWS_DEFAULT_REGION=us-west-2\n"
      "  aws --endpoint-url {0} s3 ls\n"
      "  aws --endpoint-url {0} bedrock list-model-invocation-jobs\n"
      "Its data is in {2}; Ctrl-C stops it.\n",
      url, keys, options.data_dir.string());
}

int run_sandbox(const SandboxOptions& options) {
  for (const std::string& bucket : options.buckets) {
    const std::string_view fault = sandbox::bucket_name_fault(bucket);
    if (fault.empty()) continue;
    const std::string what =
        fmt::format("--bucket '{}' is no name for a bucket: {}", bucket, fault);
    std::fprintf(stderr, "quarry sandbox: %s\n", what.c_str());
    return kExitConfiguration;
  }
  asio::io_context io(1);
  auto made = to_sandbox(options);
  if (const auto tuned = tune(made, options.tuning); !tuned) {
    std::fprintf(stderr, "quarry sandbox: %s\n", tuned.error().c_str());
    return kExitConfiguration;
  }
  prepare_data_dir(options.data_dir);
  const auto sandbox = sandbox::make_sandbox(io, std::move(made));
  sandbox->start();
  write_port_file(options.port_file, sandbox->port());
  std::fputs(sandbox_banner(options, sandbox->url()).c_str(), stdout);
  std::fflush(stdout);

  int exit_code = 0;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code failed, int) {
    if (failed) return;
    signals.clear();  // a second Ctrl-C ends it at once
    asio::co_spawn(io, sandbox->stop(Deadline::after(kStopTime)), [&](std::exception_ptr failure) {
      if (failure) {
        obs::log_task_failure("sandbox stop", failure);
        exit_code = 1;
      }
      io.stop();  // stop() has ended what ran; timers of the sandbox may still be armed
    });
  });
  io.run();
  return exit_code;
}

}  // namespace quarry::cli
