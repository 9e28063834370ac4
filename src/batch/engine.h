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

  // Starts the loops. alone: no other server can be at work on this database; the leases of whoever
  // was here before are released then, instead of waited for.
  Task<void> start(bool alone);
  // Something may have become due: a batch was created or cancelled.
  void wake();
  // Begins no step any more. Calls to AWS that are under way may end, for a while; every other step
  // stops at its next suspension. Then the leases are given back: what was not finished is due at
  // once, for another server or the next engine.
  Awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::batch
