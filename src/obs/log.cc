#include "obs/log.h"

#include "obs/log_format.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <span>
#include <unistd.h>

namespace quarry::obs {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// spdlog's part is one line at a time, whole, from any thread; the spelling is log_format's.
struct Output {
  spdlog::logger logger{"quarry", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  std::atomic<bool> json{false};
  // https://no-color.org
  bool colour = ::isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;

  Output() {
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::debug);
  }
};

// Never destroyed: what ends last may still want to say so.
Output& output() {
  static Output* const the_output = new Output;
  return *the_output;
}

}  // namespace

void configure(LogFormat format, Level least) {
  Output& out = output();
  out.json = format == LogFormat::json;
  out.logger.set_level(to_spdlog(least));
}

void log(Level level, std::string_view event, std::initializer_list<Field> fields) {
  Output& out = output();
  if (!out.logger.should_log(to_spdlog(level))) return;
  std::span<const Field> all(fields.begin(), fields.size());
  LogTime now = std::chrono::system_clock::now();
  std::string line =
      out.json ? json_line(now, level, event, all) : human_line(now, level, event, all, out.colour);
  out.logger.log(to_spdlog(level), spdlog::string_view_t(line));
}

void log_task_failure(std::string_view task, std::exception_ptr failure) {
  std::string why = "unknown";
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {  // the task root: nothing may pass it
    why = "not a std::exception";
  }
  error("task failed", {{"task", task}, {"error", why}});
}

}  // namespace quarry::obs
