#include "store/watchdog.h"

#include "obs/log.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace quarry::store {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Watchdog::Watchdog(milliseconds limit)
    : limit_(limit),
      look_every_(std::clamp(limit / 10, milliseconds(1), milliseconds(1000))),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Watchdog::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, stop, look_every_, [&] { return stop.stop_requested(); })) {
    const Time now = steady_clock::now();
    for (Watched& watched : watched_) {
      if (now < watched.until) continue;
      watched.until = Time::max();
      ::shutdown(watched.socket, SHUT_RDWR);
      obs::error("a database connection does not answer and is given up",
                 {{"after_ms", limit_.count()}});
    }
  }
}

Watchdog::Watch::Watch(Watchdog& watchdog, int socket) : watchdog_(watchdog) {
  const int own = socket < 0 ? -1 : ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  const Time until = own < 0 ? Time::max() : steady_clock::now() + watchdog_.limit_;
  const std::scoped_lock lock(watchdog_.mutex_);
  at_ = watchdog_.watched_.insert(watchdog_.watched_.end(), {own, until});
}

Watchdog::Watch::~Watch() {
  int own = -1;
  {
    const std::scoped_lock lock(watchdog_.mutex_);
    own = at_->socket;
    watchdog_.watched_.erase(at_);
  }
  if (own >= 0) ::close(own);
}

}  // namespace quarry::store
