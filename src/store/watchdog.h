#pragma once
// For this room's .cc files only: ends the connections that are silent for too long. A database
// whose process is stopped, or whose disk is, still has its TCP answer, and libpq waits for ever.

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace quarry::store {

// Any thread.
class Watchdog {
 public:
  // limit: how long something may be watched before its socket is shut, both ways: whoever waits
  // for it then reads its end.
  explicit Watchdog(std::chrono::milliseconds limit);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Watched {
    int socket;  // a descriptor of the watchdog's own, whatever becomes of the other
    Time until;
  };

 public:
  // Has the socket watched for as long as it lives. -1: nothing is.
  class Watch {
   public:
    Watch(Watchdog& watchdog, int socket);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Watchdog& watchdog_;
    std::list<Watched>::iterator at_;
  };

 private:
  void run(const std::stop_token& stop);

  const std::chrono::milliseconds limit_;
  const std::chrono::milliseconds look_every_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::list<Watched> watched_;
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace quarry::store
