#include "cli/sandbox_command.h"

#include "base/deadline.h"
#include "cli/port_file.h"
#include "obs/log.h"
#include "sandbox/sandbox.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <exception>

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
  to.job_time = options.job_time;
  to.buckets = options.buckets;
  return to;
}

}  // namespace

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
  asio::io_context io(1);
  std::filesystem::create_directories(options.data_dir);
  const auto sandbox = sandbox::make_sandbox(io, to_sandbox(options));
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
