#pragma once
// A step that throws is a step that failed: its row is given back and done again, later each time,
// instead of being held until the lease lapses.

#include "base/task.h"

namespace quarry::batch {

// The step's result. internal: it threw, and says what. Being cancelled is no failure: that is
// thrown on.
Task<void> caught(Task<void> step);

}  // namespace quarry::batch
