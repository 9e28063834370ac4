#pragma once
// One step of one job, by its state. Each ends by writing the job's next state, which also gives
// the lease back; an error means that nothing has changed and the step may be done again.

#include "batch/context.h"

namespace quarry::batch {

// staged -> submitted, when the deployment has a slot; -> ended, when AWS will not have it.
Task<void> submit_job(Context& context, store::DueJob due);

// submitted, running -> running | ended: asks AWS for the job's status and counters, stops it if
// that is wanted.
Task<void> observe_job(Context& context, store::DueJob due);

// A direct job: planned, running -> ended, once every record has an answer. Records that were
// answered before a restart are not asked again.
Task<void> run_directly(Context& context, store::DueJob due);

// ended -> collected: results read, translated, priced and written as segments of the output and
// the error file.
Task<void> collect_job(Context& context, store::DueJob due);

}  // namespace quarry::batch
