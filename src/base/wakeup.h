#pragma once
// A flag that one coroutine waits for and anything on the loop sets. A set before the wait is kept.

#include "base/task.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace quarry {

class Wakeup {
 public:
  explicit Wakeup(boost::asio::io_context& io)
      : timer_(io, boost::asio::steady_timer::time_point::max()) {}

  void set() {
    set_ = true;
    timer_.cancel();
  }

  // Returns when set() was called or at the deadline, whichever is first; clears the flag.
  // Throws operation_aborted when the waiting coroutine is cancelled.
  Awaitable<void> wait(Deadline deadline) {
    if (!set_) {
      timer_.expires_at(deadline.at());
      boost::system::error_code ignored;  // set() cancels the timer: that is the wake-up itself
      co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    set_ = false;
  }

 private:
  boost::asio::steady_timer timer_;
  bool set_ = false;
};

}  // namespace quarry
