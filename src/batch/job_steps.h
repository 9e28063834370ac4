#pragma once
// One step of one job, by its state. Each ends by writing the job's next state, which also gives
// the lease back; an error means that nothing has changed and the step may be done again.

#include "batch/context.h"

namespace quarry::batch {

// staged -> submitted; -> staged, when AWS has no room now; -> ended, when AWS will not have it or
// another deployment is to take it.
Task<void> submit_job(Context& context, store::DueJob due);

// A direct job: planned, running -> ended, once every record has an answer. Records that were
// answered before a restart are not asked again.
Task<void> run_directly(Context& context, store::DueJob due);

// ended -> collected: results read, translated, priced and written as segments of the output and
// the error file.
Task<void> collect_job(Context& context, store::DueJob due);

}  // namespace quarry::batch
