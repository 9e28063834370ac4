#pragma once
// Turns due rows into steps: claims them under a lease, runs a bounded number of each kind at once,
// puts failures back with backoff. All state is in the database: an engine may die anywhere, and
// the next one goes on.

#include "batch/context.h"

#include <memory>

namespace quarry::batch {

class Engine {
 public:
  Engine(boost::asio::io_context& io, Context& context);
  ~Engine();

  // Releases the leases of whoever held this database before (they are gone) and starts the loops.
  Task<void> start();
  // Something may have become due: a batch was created or cancelled.
  void wake();
  // Stops at the next suspension of every step; what was not finished is done again by the next
  // engine.
  Awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::batch
