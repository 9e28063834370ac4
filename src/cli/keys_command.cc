#include "cli/keys_command.h"

#include "cli/api_client.h"
#include "cli/keys_report.h"
#include "config/settings.h"
#include "http/client.h"
#include "obs/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>

namespace quarry::cli {
namespace {

// options and client outlive the loop.
Awaitable<int> ask(const KeysOptions& options, ApiClient& client) {
  auto body = body_of(options);
  if (!body) {
    std::fprintf(stderr, "quarry keys: %s\n", body.error().message().c_str());
    co_return 2;
  }
  auto answer = co_await client.administer(std::string(method_of(options.route)),
                                           "/" + options.route + query_of(options), *body);
  if (!answer) {
    std::fprintf(stderr, "quarry keys: %s\n", answer.error().message().c_str());
    co_return 1;
  }
  const Shown shown = render_answer(options.route, *answer);
  std::fputs(options.json ? (*answer + "\n").c_str() : shown.out.c_str(), stdout);
  std::fflush(stdout);  // before the notes, where both are one terminal
  if (!options.json) std::fputs(shown.notes.c_str(), stderr);
  co_return shown.done ? 0 : 1;
}

}  // namespace

int run_keys(const KeysOptions& options) {
  boost::asio::io_context io(1);
  const auto http =
      http::make_client(io, {.ca_bundle = http::ca_bundle_of(config::process_environment())});
  ApiClient client(*http, base_urls(options.url), options.api_key, [](const Error&) {});
  int exit_code = 1;
  boost::asio::co_spawn(io, ask(options, client), [&](std::exception_ptr failure, int code) {
    exit_code = failure ? 1 : code;
    if (failure) obs::log_task_failure("keys", failure);
  });
  io.run();
  return exit_code;
}

}  // namespace quarry::cli
