#pragma once
// A file in S3, checked as a batch of it would be. Reads it once; nothing is written anywhere, and
// of AWS only S3 is called.

#include "batch/context.h"
#include "openai/batch_line.h"
#include "openai/dry_run.h"
#include "store/rows.h"

namespace quarry::batch {

// Errors: corrupt (the stored scan), and what reading the file gave.
Task<openai::DryRun> dry_run(Context& context, store::FileRow file, openai::Endpoint endpoint);

}  // namespace quarry::batch
