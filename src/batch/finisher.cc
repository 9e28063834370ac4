#include "batch/finisher.h"

#include "batch/resource_names.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::int64_t kResultLifeSeconds = 30 * 86'400;  // OpenAI's default for batch output
constexpr std::int64_t kLookAgainMs = 60'000;             // woken long before by what it waits for

store::FileRow result_file(const store::BatchRow& batch,
                           const FileId& id,
                           std::string_view kind,
                           std::int64_t now_s) {
  store::FileRow file;
  file.id = id;
  file.owner = batch.owner;
  file.filename = fmt::format("{}_{}.jsonl", batch.id.value, kind);
  file.purpose = "batch_output";
  file.created_at = now_s;
  file.expires_at = now_s + batch.output_expires_after_s.value_or(kResultLifeSeconds);
  return file;
}

bool refused_by_aws(const store::JobRow& job) {
  return job.aws_status == "Failed" || job.aws_status == "Rejected";
}

// AWS's own words, each once.
std::vector<openai::BatchError> errors_of(const std::vector<store::JobRow>& jobs) {
  std::vector<openai::BatchError> errors;
  for (const store::JobRow& job : jobs) {
    if (!refused_by_aws(job) || job.message.empty()) continue;
    const std::string message = without_resource_names(job.message);
    const bool known =
        std::ranges::any_of(errors, [&](const auto& error) { return error.message == message; });
    if (!known) errors.push_back({"job_failed", message, "", std::nullopt});
  }
  return errors;
}

openai::BatchStatus last_status(const store::BatchRow& batch,
                                const std::vector<store::JobRow>& jobs) {
  if (batch.object.status == openai::BatchStatus::cancelling) return openai::BatchStatus::cancelled;
  const bool expired = std::ranges::any_of(jobs, [](const auto& job) {
    return (job.aws_status == "Expired" || job.aws_status == "PartiallyCompleted") &&
           job.succeeded + job.errored < job.lines;
  });
  if (expired) return openai::BatchStatus::expired;
  const bool nothing_ran = !jobs.empty() && std::ranges::all_of(jobs, [](const auto& job) {
    return refused_by_aws(job) && job.succeeded == 0;
  });
  return nothing_ran ? openai::BatchStatus::failed : openai::BatchStatus::completed;
}

}  // namespace

Task<void> finish_batch(Context& context, store::BatchRow batch) {
  const std::int64_t now_ms = context.now_ms();
  if (batch.object.status == openai::BatchStatus::cancelling) {
    auto begun = co_await context.batches.begin_cancel(batch.id, now_ms);
    if (!begun) co_return begun;
  }
  auto jobs = co_await context.batches.jobs(batch.id);
  if (!jobs) co_return fail(std::move(jobs.error()));
  const bool all_collected = std::ranges::all_of(
      *jobs, [](const auto& job) { return job.state == store::JobState::collected; });
  if (!all_collected) {
    co_return co_await context.batches.release_batch(batch.id, now_ms + kLookAgainMs, 0);
  }
  auto finalizing = co_await context.batches.begin_finalizing(batch.id, now_ms);
  if (!finalizing) co_return finalizing;

  store::BatchStore::End end;
  end.id = batch.id;
  end.status = last_status(batch, *jobs);
  end.errors = errors_of(*jobs);
  end.output_file = result_file(batch, batch.output_id, "output", now_ms / 1000);
  end.error_file = result_file(batch, batch.error_id, "error", now_ms / 1000);
  const openai::BatchStatus status = end.status;
  auto finished = co_await context.batches.finish(std::move(end), context.now_ms());
  if (finished) {
    context.cancelling.erase(batch.id);
    obs::info("batch ended", {{"batch_id", batch.id.value}, {"status", openai::name(status)}});
  }
  co_return finished;
}

}  // namespace quarry::batch
