#pragma once
// So many calls a second and no more, over the long run: whoever wants to call asks for a turn.
// Loop thread.

#include "base/clock.h"
#include "base/task.h"

#include <chrono>

namespace quarry::batch {

class Pacer {
 public:
  // calls_a_second are those of the clock; `burst` calls may come at once after a rest.
  Pacer(const Clock& clock, double calls_a_second, int burst);

  // Waits for its turn; turns come in the order they were asked for. False, at once, if the turn
  // would come after the deadline: it is not taken then.
  Awaitable<bool> turn(Deadline deadline);

 private:
  using steady = std::chrono::steady_clock;
  steady::duration period_;  // of real time
  steady::duration slack_;   // how far ahead of its time a call may be
  steady::time_point next_;  // when the next call would be, at an even pace
};

}  // namespace quarry::batch
