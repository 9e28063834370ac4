#pragma once
// The end of a job that nobody can end in the usual way: its deployment has left the configuration,
// or its files were deleted from the bucket. It waits for them, for as long as its batch is wanted.
// Once the batch is cancelled and some time has passed, its lines are given up: the batch ends, and
// gives back what it has reserved.

#include "batch/context.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace quarry::batch {

// Between the cancellation and the end: a configuration that is wrong by mistake can be mended.
constexpr std::chrono::minutes kGiveUpAfter{10};

// Unix seconds; nullopt: nobody has cancelled the batch.
std::optional<std::int64_t> gives_up_at(const store::BatchRow& batch);

// A cancelled batch's jobs that nobody can look at or stop any more are ended, to be given up by
// give_up_if_cancelled(). Nothing before gives_up_at(). Suspends.
Task<void> end_unreachable_jobs(Context& context,
                                const store::BatchRow& batch,
                                const std::vector<store::JobRow>& jobs);

// ended -> collected, with no result and `why` as its message, if the batch's time has come;
// otherwise gives `why` back. The job is leased by this server. Suspends.
Task<void> give_up_if_cancelled(Context& context, store::JobRow job, Error why);

// Jobs that were given up have this for AWS's last word.
inline constexpr std::string_view kGivenUp = "GivenUp";

}  // namespace quarry::batch
