#pragma once
// A batch whose jobs run: told to stop when it is cancelled, ended when every job is collected.

#include "batch/context.h"

namespace quarry::batch {

// Gives the lease back: to be woken by the next job that is collected, or for good.
Task<void> finish_batch(Context& context, store::BatchRow batch);

}  // namespace quarry::batch
