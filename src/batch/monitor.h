#pragma once
// Watches the jobs that AWS runs: how far they are, and that they end when they must. What one list
// of AWS's shows is looked at together, so that ten thousand open jobs cost less than one call a
// second, by whichever server has the role (role.h): one looks for all; what was seen is written
// many rows at a time.

#include "batch/context.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace quarry::batch {

class Monitor {
 public:
  // something_ended: called on the loop after jobs were written as ended. `context` outlives the
  // monitor.
  Monitor(boost::asio::io_context& io, Context& context, std::function<void()> something_ended);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Starts the loops.
  void start();
  // Something may have become due: jobs are to be stopped, or were submitted.
  void wake();
  // Ends every look at its next suspension; jobs that were being looked at are due again when
  // another server has the role, or this one's next start. Once.
  Awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::batch
