#pragma once
// Ends the process when its end takes too long: a call of the system that hangs, a thread that does
// not come back. What is not written by then, the next start, or another server, does again.

#include <chrono>
#include <functional>
#include <thread>

namespace quarry::cli {

class LastResort {
 public:
  // From now on there is so much time until this object's destruction; then the process ends with
  // exit_code(), which is asked on another thread. Once.
  void begin(std::chrono::seconds time, std::function<int()> exit_code);

 private:
  std::jthread thread_;
};

}  // namespace quarry::cli
