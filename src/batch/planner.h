#pragma once
// A batch that was created becomes jobs: validated, translated, cut and staged in S3; or it fails
// with the lines named. Reads the file once (and once more for every four further models).
// Repeatable until its one transaction at the end.

#include "batch/context.h"

namespace quarry::batch {

// Ends the batch's planning phase, one way or the other, unless it returns an error: then nothing
// has changed.
Task<void> plan_batch(Context& context, store::BatchRow batch);

}  // namespace quarry::batch
