#include "cli/last_resort.h"

#include "obs/log.h"

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stop_token>
#include <utility>

namespace quarry::cli {

void LastResort::begin(std::chrono::seconds time, std::function<int()> exit_code) {
  thread_ = std::jthread([time, exit_code = std::move(exit_code)](const std::stop_token& ended) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, ended, time, [] { return false; });
    if (ended.stop_requested()) return;
    obs::warn("something did not end in time; the next start goes on where this one was");
    std::_Exit(exit_code());
  });
}

}  // namespace quarry::cli
