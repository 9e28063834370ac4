#include "aws/object_stream.h"
#include "base/bytes.h"
#include "batch/collection_metrics.h"
#include "batch/giving_up.h"
#include "batch/job_steps.h"
#include "batch/left_records.h"
#include "batch/names.h"
#include "batch/resource_names.h"
#include "batch/result_lines.h"
#include "batch/segment_writer.h"
#include "batch/submitted_job.h"
#include "batch/succession.h"
#include "bedrock/invocation_job.h"
#include "json/line_splitter.h"
#include "obs/log.h"
#include "spend/job_cost.h"

#include <fmt/format.h>

namespace quarry::batch {
namespace {

constexpr std::chrono::hours kCollectTimeMax{4};
constexpr std::size_t kSidecarBytesMax = std::size_t{256} << 20;
constexpr std::size_t kManifestBytesMax = std::size_t{1} << 20;
// A row echoes its input (up to 25 MB, AWS API reference, InvokeModel body) and carries the answer.
constexpr std::size_t kRowBytesMax = std::size_t{64} << 20;
constexpr std::size_t kWriteBytes = std::size_t{2} << 20;
constexpr std::size_t kAbsentAtOnce = 10'000;
constexpr int kAnswersAtOnce = 50;
// How often the output of a job is looked for again before its lines are given up: where there is
// none at all, some seven minutes by the engine's backoff; where it holds less than AWS says, some
// six seconds (S3's reads see every write that is done, S3 user guide, "data consistency model").
constexpr int kNoOutputTriesMax = 10;
constexpr int kShortOutputTriesMax = 3;

bool enough_to_write(const ResultLines& lines) {
  return lines.has_more_output() || lines.output.size() + lines.errors.size() >= kWriteBytes;
}

class Collector {
 public:
  Collector(Context& context, store::DueJob due, aws::DeploymentPtr deployment)
      : context_(context),
        due_(std::move(due)),
        job_(due_.job),
        deployment_(std::move(deployment)),
        deadline_(Deadline::after(kCollectTimeMax)) {}

  Task<void> run();
  Awaitable<void> abort();

 private:
  Task<std::string> read_whole(aws::S3Uri object, std::size_t bytes_max);
  Task<void> open();
  Task<void> read_results();
  Task<void> read_answers();
  Task<void> read_object(std::string key);
  Task<void> read_manifest(std::string key);
  Task<void> write_out();
  Task<void> add_absent_lines();
  Result<void> check_whole(bool any_object) const;
  std::int64_t lost_records() const;
  Absence absence() const;
  Task<store::JobRow> write_successor();
  spend::JobUsage usage_of_job() const;
  void log_what_is_odd() const;
  Task<store::BatchStore::Collected> close();

  Context& context_;
  store::DueJob due_;
  const store::JobRow& job_;
  aws::DeploymentPtr deployment_;
  const std::string mark_ = new_mark();  // of what this step writes
  Deadline deadline_;
  openai::Endpoint endpoint_ = openai::Endpoint::chat_completions;
  std::unique_ptr<ResultLines> lines_;
  std::unique_ptr<SegmentWriter> output_, errors_;
  std::optional<bedrock::Manifest> manifest_;
  std::size_t missing_ = 0;
  Outlook outlook_;
};

Task<std::string> Collector::read_whole(aws::S3Uri object, std::size_t bytes_max) {
  auto buffers = co_await context_.memory.acquire(2, deadline_);
  if (!buffers) co_return fail(std::move(buffers.error()));
  aws::ObjectReader reader(*deployment_->s3, object, std::move(*buffers));
  std::string text;
  while (true) {
    auto window = co_await reader.read(deadline_);
    if (!window) co_return fail(std::move(window.error()));
    if (window->empty()) break;
    if (text.size() + window->size() > bytes_max) co_return fail(Errc::corrupt, "it is too long");
    text += as_text(*window);
  }
  co_return text;
}

Task<void> Collector::open() {
  auto batch = co_await context_.batches.find_any(job_.batch_id);
  if (!batch) co_return fail(std::move(batch.error()));
  auto loads = co_await context_.batches.loads(context_.now_ms());
  if (!loads) co_return fail(std::move(loads.error()));
  outlook_ = outlook_of(context_, due_, *loads);
  auto sidecar = co_await read_whole(
      deployment_->object(custom_ids_object(job_.batch_id, job_.n, job_.mark)), kSidecarBytesMax);
  if (!sidecar) co_return fail(std::move(sidecar.error()).within("reading the job's custom_ids"));
  auto custom_ids = CustomIds::parse(std::move(*sidecar));
  if (!custom_ids) co_return fail(std::move(custom_ids.error()));
  ResultSettings settings;
  settings.batch_id = job_.batch_id;
  settings.model_name = job_.model_name;
  endpoint_ = openai::parse_endpoint(batch->object.endpoint).value_or(endpoint_);
  settings.endpoint = endpoint_;
  settings.family = job_.family;
  settings.wire = job_.invocation == bedrock::InvocationType::Converse ? translate::Wire::converse
                                                                       : translate::Wire::native;
  settings.created = unix_seconds(context_.clock.now());
  settings.leave_passing_failures = outlook_.again_if_failed;
  settings.leave_expired = outlook_.again_if_absent;
  settings.scratch_directory = context_.settings.scratch_directory;
  lines_ = std::make_unique<ResultLines>(std::move(settings), std::move(*custom_ids));
  output_ = std::make_unique<SegmentWriter>(
      context_.memory, *deployment_, segment_object(batch->output_id, job_.n, mark_), job_.n);
  errors_ = std::make_unique<SegmentWriter>(context_.memory, *deployment_,
                                            segment_object(batch->error_id, job_.n, mark_), job_.n);
  co_return Result<void>();
}

Task<void> Collector::write_out() {
  while (true) {
    auto written = co_await output_->write(lines_->output, deadline_);
    if (!written) co_return written;
    if (!lines_->has_more_output()) break;
    auto more = co_await run_blocking(context_.pool, [this] { return lines_->more_output(); });
    if (!more) co_return more;
  }
  co_return co_await errors_->write(lines_->errors, deadline_);
}

Task<void> Collector::read_object(std::string key) {
  auto buffers = co_await context_.memory.acquire(2, deadline_);
  if (!buffers) co_return fail(std::move(buffers.error()));
  aws::ObjectReader reader(*deployment_->s3, {deployment_->output_object("").bucket, key},
                           std::move(*buffers));
  json::LineSplitter splitter(kRowBytesMax);
  bool last = false;
  while (!last) {
    auto window = co_await reader.read(deadline_);
    if (!window) co_return fail(std::move(window.error()));
    last = window->empty();
    splitter.feed(*window);
    for (bool more = true; more;) {
      const auto added =
          co_await run_blocking(context_.pool, [this, &splitter, last]() -> Result<bool> {
            json::LineSplitter::Line line;
            while (splitter.next(line) || (last && splitter.finish(line))) {
              if (auto row = lines_->add_row(line.text); !row) return fail(std::move(row.error()));
              if (enough_to_write(*lines_)) return true;
            }
            return false;
          });
      if (!added) co_return fail(added.error());
      more = *added;
      auto written = co_await write_out();
      if (!written) co_return written;
    }
  }
  co_return Result<void>();
}

Task<void> Collector::read_results() {
  if (job_.job_arn.empty()) co_return Result<void>();
  // <prefix>/<job id>/<input name>.out and manifest.json.out.
  const std::string prefix =
      fmt::format("{}{}/", results_prefix(job_.batch_id, job_.n), bedrock::job_id(job_.job_arn));
  std::optional<std::string> token;
  bool any = false;
  do {
    auto page =
        co_await deployment_->s3->list(deployment_->output_object(prefix), token, deadline_);
    if (!page) co_return fail(std::move(page.error()));
    for (const aws::ObjectInfo& object : page->objects) {
      if (object.key.ends_with("/manifest.json.out")) {
        auto read = co_await read_manifest(object.key);
        if (!read) co_return fail(std::move(read.error()).within("reading " + object.key));
      }
      if (!object.key.ends_with(".jsonl.out")) continue;
      any = true;
      auto read = co_await read_object(object.key);
      if (!read) co_return fail(std::move(read.error()).within("reading " + object.key));
    }
    token = page->next_token;
  } while (token);
  co_return check_whole(any);
}

// Objects come one by one, and the manifest last: what AWS has counted must all be there.
Result<void> Collector::check_whole(bool any_object) const {
  const std::int64_t lost = lost_records();
  // A job that failed may well leave no output at all, whatever AWS had counted.
  const bool to_come = job_.aws_status == "Completed" || (lost > 0 && job_.aws_status != "Failed");
  if (!any_object && to_come && job_.failures < kNoOutputTriesMax) {
    return fail(Errc::unavailable,
                fmt::format("AWS says {}, but there is no .jsonl.out yet", job_.aws_status));
  }
  if (lost > 0 && job_.failures < kShortOutputTriesMax) {
    return fail(
        Errc::unavailable,
        fmt::format("AWS processed {} records more than the {} that its output holds so far", lost,
                    lines_->whole_rows()));
  }
  return {};
}

// At least so many records AWS has processed, and bills, of which no row can be read.
std::int64_t Collector::lost_records() const {
  if (job_.kind == store::JobKind::direct || job_.job_arn.empty()) return 0;
  const bool all = job_.aws_status == "Completed" || job_.message == kForgotten;
  std::int64_t processed = all ? job_.records : 0;
  std::int64_t answered = job_.succeeded;  // lines: no more than their records
  if (manifest_) {
    processed = manifest_->processed_records.value_or(processed);
    answered = std::max(answered, manifest_->success_records.value_or(0));
  }
  // Rows of records that AWS did not come to hide none that it answered.
  const std::int64_t lost = std::max(std::min(processed, job_.records) - lines_->whole_rows(),
                                     std::min(answered, job_.records) - lines_->answers);
  return std::max({lost, lines_->unreadable_rows, std::int64_t{0}});
}

Task<void> Collector::read_manifest(std::string key) {
  auto text = co_await read_whole({deployment_->output_object("").bucket, key}, kManifestBytesMax);
  if (!text && text.error().code() != Errc::corrupt) co_return fail(std::move(text.error()));
  auto manifest = text ? bedrock::parse_manifest(*text) : fail(std::move(text.error()));
  if (manifest) {
    manifest_ = std::move(*manifest);
  } else {
    // The results do not depend on it, only what is known of their cost may.
    obs::warn("a job's manifest is not readable", {{"batch_id", job_.batch_id.value},
                                                   {"job", job_.n},
                                                   {"message", manifest.error().message()}});
  }
  co_return Result<void>();
}

std::optional<openai::Usage> metered_of(const store::DirectResultStore::Answer& answer) {
  if (!answer.input_tokens && !answer.output_tokens) return std::nullopt;
  openai::Usage usage;
  usage.input_tokens = answer.input_tokens.value_or(0);
  usage.output_tokens = answer.output_tokens.value_or(0);
  return usage;
}

// From `next` on, until there is enough to write.
Result<void> add_answers(ResultLines& lines,
                         const std::vector<store::DirectResultStore::Answer>& answers,
                         std::size_t& next) {
  while (next < answers.size() && !enough_to_write(lines)) {
    const auto& answer = answers[next++];
    auto added = lines.add_answer({.line_index = static_cast<std::uint64_t>(answer.key.line),
                                   .part = static_cast<std::uint32_t>(answer.key.part),
                                   .status = answer.status,
                                   .body = answer.body,
                                   .metered = metered_of(answer)});
    if (!added) return added;
  }
  return {};
}

Task<void> Collector::read_answers() {
  store::DirectResultStore::Key after;
  while (true) {
    auto answers =
        co_await context_.direct_results.answers(job_.batch_id, job_.n, after, kAnswersAtOnce);
    if (!answers) co_return fail(std::move(answers.error()));
    if (answers->empty()) co_return Result<void>();
    after = answers->back().key;
    for (std::size_t next = 0; next < answers->size();) {
      auto added = co_await run_blocking(
          context_.pool, [&, this] { return add_answers(*lines_, *answers, next); });
      if (!added) co_return added;
      auto written = co_await write_out();
      if (!written) co_return written;
    }
  }
}

Absence Collector::absence() const {
  const std::string& status = job_.aws_status;
  if (outlook_.again_if_absent) return {.code = "", .message = "", .leave = true};
  const bool refused = status == "Failed" || status == "Rejected";
  if (due_.batch_cancelling && !refused && status != "Completed") {
    return {"batch_cancelled", "This request was not executed because the batch was cancelled.",
            true};
  }
  if (status == "Expired" || status == "PartiallyCompleted" ||
      (!refused && status != "Completed" && context_.window_over(due_))) {
    return {"batch_expired",
            "This request could not be executed before the completion window expired.", true};
  }
  if (refused) {
    return {"job_failed", "The Bedrock batch job of this request failed: " +
                              without_resource_names(job_.message)};
  }
  if (status == "Stopped") {
    return {"job_stopped", "The Bedrock batch job of this request was stopped outside of Quarry."};
  }
  return {"result_missing", "Bedrock ended the job without a readable result for this request."};
}

// After the results are closed, so that it needs no more buffers than reading them did.
Task<store::JobRow> Collector::write_successor() {
  const int n = job_.n + kSuccessorStride;
  auto written = co_await write_left_records(context_, job_, *deployment_, *outlook_.deployment,
                                             {n, mark_}, *lines_, deadline_);
  if (!written) co_return fail(std::move(written.error()).within("preparing another try"));
  store::JobRow next = successor_of(job_, outlook_, written->lines, written->records);
  next.mark = mark_;
  co_return next;
}

Task<store::BatchStore::Collected> Collector::close() {
  store::BatchStore::Collected collected;
  auto output = co_await output_->finish(deadline_);
  if (!output) co_return fail(std::move(output.error()));
  auto errors = co_await errors_->finish(deadline_);
  if (!errors) co_return fail(std::move(errors.error()));
  collected.id = job_.batch_id;
  collected.n = job_.n;
  collected.completed = lines_->completed;
  collected.failed = lines_->failed;
  collected.unfinished = lines_->unfinished;
  collected.output_segment = std::move(*output);
  collected.error_segment = std::move(*errors);
  const spend::JobUsage used = usage_of_job();
  const catalog::Model* model = context_.models.of(deployment_->settings);
  const spend::Cost cost = spend::cost_of_job(model, job_.kind, used);
  collected.bill = spend::bill_of_job(model, job_.kind, used, deployment_->settings.model_id);
  collected.usage = used.usage;
  collected.cost_known = cost.known;
  collected.cost_nano_usd = cost.nano_usd;
  if (lines_->left_lines() > 0) {
    auto successor = co_await write_successor();
    if (!successor) co_return fail(std::move(successor.error()));
    collected.successor = std::move(*successor);
  }
  co_return collected;
}

spend::JobUsage Collector::usage_of_job() const {
  std::optional<spend::Counted> counted;
  if (manifest_) {
    counted = spend::Counted{manifest_->input_tokens, manifest_->output_tokens,
                             manifest_->cache_read_tokens, manifest_->cache_write_tokens};
  }
  const bool has_output = endpoint_ != openai::Endpoint::embeddings;
  spend::JobUsage used = spend::usage_of_job(lines_->usage, lines_->without_usage + lost_records(),
                                             counted, has_output);
  const auto say = [&](std::string_view what) {
    obs::warn(what, {{"batch_id", job_.batch_id.value},
                     {"job", job_.n},
                     {"answers_without_usage", lines_->without_usage},
                     {"records_without_a_row", lost_records()},
                     {"input_tokens_of_lines", lines_->usage.input_tokens},
                     {"output_tokens_of_lines", lines_->usage.output_tokens},
                     {"input_tokens_of_manifest",
                      manifest_ ? manifest_->input_tokens.value_or(-1) : std::int64_t{-1}},
                     {"output_tokens_of_manifest",
                      manifest_ ? manifest_->output_tokens.value_or(-1) : std::int64_t{-1}}});
  };
  if (!used.known) {
    say("answers did not say all that they used, nor does AWS: the cost is not known");
  } else if (used.from_manifest) {
    say("answers did not say what they used: the manifest's count is billed");
  }
  if (used.differs) say("the manifest counts other tokens than the answers say");
  return used;
}

Task<void> Collector::add_absent_lines() {
  missing_ = lines_->missing();
  const Absence why = absence();
  for (bool more = missing_ > 0; more;) {
    const auto added = co_await run_blocking(
        context_.pool, [this, &why] { return lines_->add_absent(why, kAbsentAtOnce); });
    if (!added) co_return fail(added.error());
    more = *added;
    auto written = co_await write_out();
    if (!written) co_return written;
  }
  co_return Result<void>();
}

void Collector::log_what_is_odd() const {
  const bool odd_rows = lines_->unknown_rows + lines_->repeated_rows + lines_->unreadable_rows > 0;
  if (!odd_rows && (missing_ == 0 || job_.aws_status != "Completed")) return;
  obs::warn("job output is not what it must be", {{"batch_id", job_.batch_id.value},
                                                  {"job", job_.n},
                                                  {"missing", missing_},
                                                  {"unknown", lines_->unknown_rows},
                                                  {"repeated", lines_->repeated_rows},
                                                  {"unreadable", lines_->unreadable_rows}});
}

Task<void> Collector::run() {
  auto opened = co_await open();
  if (!opened) co_return opened;
  auto read =
      job_.kind == store::JobKind::direct ? co_await read_answers() : co_await read_results();
  if (!read) co_return read;
  auto absent = co_await add_absent_lines();
  if (!absent) co_return absent;
  auto collected = co_await close();
  if (!collected) co_return fail(std::move(collected.error()));
  log_what_is_odd();
  obs::info("job collected", {{"batch_id", job_.batch_id.value},
                              {"job", job_.n},
                              {"completed", lines_->completed},
                              {"failed", lines_->failed},
                              {"left_for_another_try", lines_->left_lines()},
                              {"input_tokens", collected->usage.input_tokens},
                              {"output_tokens", collected->usage.output_tokens},
                              {"cost_nano_usd", collected->cost_nano_usd}});
  const CollectionCount figures(job_, *collected);
  auto saved = co_await context_.batches.job_collected(std::move(*collected), context_.now_ms());
  if (saved) figures.add();
  co_return saved;
}

Awaitable<void> Collector::abort() {
  if (output_) co_await output_->abort();
  if (errors_) co_await errors_->abort();
}

}  // namespace

Task<void> collect_job(Context& context, store::DueJob due) {
  aws::DeploymentPtr deployment = context.deployments.by_id(due.job.deployment_id);
  if (!deployment) {
    co_return co_await give_up_if_cancelled(context, due.job, no_longer_configured(due.job));
  }
  const store::JobRow job = due.job;
  Collector collector(context, std::move(due), std::move(deployment));
  auto collected = co_await collector.run();
  if (collected) co_return collected;
  co_await collector.abort();
  if (collected.error().code() != Errc::not_found) co_return collected;
  co_return co_await give_up_if_cancelled(context, job, std::move(collected.error()));
}

}  // namespace quarry::batch
