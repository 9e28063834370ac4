#include "batch/batch_service.h"

#include "access/admission_rules.h"
#include "access/model_access.h"
#include "batch/batch_estimate.h"
#include "batch/dry_run.h"
#include "files/scan.h"
#include "obs/log.h"
#include "obs/metrics.h"

namespace quarry::batch {
namespace {

constexpr std::int64_t kIdempotencyKeyLifeMs = 24 * 3'600'000;
constexpr std::int64_t kSdkRepeatMs = 120'000;

std::optional<store::IdempotencyClaim> claim_of(const RepeatHints& hints) {
  if (!hints.idempotency_key.empty()) {
    return store::IdempotencyClaim{"key:" + hints.idempotency_key, hints.request_hash,
                                   kIdempotencyKeyLifeMs};
  }
  return store::IdempotencyClaim{"repeat:" + hints.request_hash, hints.request_hash, kSdkRepeatMs};
}

// With the trace of who asked, so that a batch's later lines are found from there.
void log_creation(const store::BatchRow& batch, bool repeated, const std::string& trace_id) {
  const std::string_view event = repeated ? "batch creation repeated" : "batch created";
  if (trace_id.empty()) {
    obs::info(event, {{"batch_id", batch.id.value}, {"file_id", batch.object.input_file_id}});
    return;
  }
  obs::info(event, {{"batch_id", batch.id.value},
                    {"file_id", batch.object.input_file_id},
                    {"trace_id", trace_id}});
}

// What the lines ask for, or the upload for all of them, is of the caller's models. A file without
// a scan runs nothing: its batch fails.
Result<void> check_models(const store::FileRow& file,
                          const std::optional<files::Scan>& scan,
                          const access::Caller& caller) {
  constexpr std::string_view kParam = "input_file_id";
  if (file.target_models.size() == 1) {
    return access::check_models(caller, file.target_models, kParam);
  }
  if (!scan || access::may_use_all(caller)) return {};
  if (scan->names_overflow) {
    return fail(Error(Errc::denied,
                      "The file names more models than can be held against the key's. hint: a file "
                      "for each model, or target_model_names with the upload")
                    .param(std::string(kParam))
                    .reason("model_not_allowed"));
  }
  std::vector<std::string> names;
  for (const auto& [name, requests] : scan->models) names.push_back(name);
  return access::check_models(caller, names, kParam);
}

std::optional<files::Scan> scan_of(const store::FileRow& file) {
  auto scan = files::parse_scan(file.scan_json);
  return scan ? std::optional(std::move(*scan)) : std::nullopt;
}

}  // namespace

Task<store::FileRow> BatchService::input_file(std::string id, access::Caller caller) {
  auto file = co_await files_.find(FileId{std::move(id)}, std::move(caller));
  if (!file) {
    co_return fail(Error(file.error().code(), file.error().message()).param("input_file_id"));
  }
  if (file->purpose != "batch") {
    co_return fail(Error(Errc::invalid_request,
                         "The file " + file->id.value + " has the purpose '" + file->purpose +
                             "'; a batch needs a file with the purpose 'batch'.")
                       .param("input_file_id"));
  }
  co_return file;
}

Task<openai::DryRun> BatchService::dry_run(openai::CreateBatch request, access::Caller caller) {
  auto file = co_await input_file(std::move(request.input_file_id), caller);
  if (!file) co_return fail(std::move(file.error()));
  if (auto allowed = check_models(*file, scan_of(*file), caller); !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  co_return co_await batch::dry_run(context_, std::move(*file), request.endpoint);
}

store::Admission BatchService::admission_of(const store::FileRow& file,
                                            const std::optional<files::Scan>& scan,
                                            openai::Endpoint endpoint,
                                            const access::Caller& caller) const {
  if (!scan) return {};  // its batch fails
  const auto estimates = estimate_batch({.scan = *scan,
                                         .file_bytes = file.bytes,
                                         .target_models = file.target_models,
                                         .endpoint = endpoint},
                                        context_.deployments, context_.models);
  return access::admission_of(caller, estimates, unix_seconds(context_.clock.now()));
}

Task<store::BatchRow> BatchService::create(openai::CreateBatch request,
                                           RepeatHints hints,
                                           access::Caller caller,
                                           std::string trace_id) {
  std::optional<store::IdempotencyClaim> claim = claim_of(hints);
  const bool remember_only = hints.idempotency_key.empty() && hints.sdk_retry_count == 0;
  // A repeat has its answer, whatever became of the file and of what the key may do since.
  if (claim && !remember_only) {
    auto first = co_await context_.batches.claimed(caller.by.owner, *claim, context_.now_ms());
    if (!first) co_return fail(std::move(first.error()));
    if (*first) {
      log_creation(**first, true, trace_id);
      co_return std::move(**first);
    }
  }
  auto file = co_await input_file(request.input_file_id, caller);
  if (!file) co_return fail(std::move(file.error()));
  const std::optional<files::Scan> scan = scan_of(*file);
  if (auto allowed = check_models(*file, scan, caller); !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  store::BatchRow batch;
  batch.id = new_batch_id();
  batch.by = caller.by;
  batch.output_id = new_file_id();
  batch.error_id = new_file_id();
  batch.output_expires_after_s = request.output_expires_after_s;
  batch.object.id = batch.id.value;
  batch.object.endpoint = openai::path(request.endpoint);
  batch.object.input_file_id = std::move(request.input_file_id);
  batch.object.completion_window = std::move(request.completion_window);
  batch.object.metadata_json = std::move(request.metadata_json);
  batch.object.created_at = unix_seconds(context_.clock.now());
  batch.object.expires_at = batch.object.created_at + std::chrono::seconds(request.window).count();
  if (file->target_models.size() == 1) {
    batch.object.model = file->target_models.front();
  } else if (scan && !scan->models.empty()) {
    batch.object.model = scan->models.begin()->first;
  }
  store::Admission admission = admission_of(*file, scan, request.endpoint, caller);
  const BatchId fresh = batch.id;
  auto created = co_await context_.batches.create(std::move(batch), std::move(claim), remember_only,
                                                  context_.now_ms(), std::move(admission));
  if (created) {
    const bool repeated = created->id != fresh;
    obs::count(obs::Counter::batches_created, {}, repeated ? 0 : 1);
    log_creation(*created, repeated, trace_id);
    engine_.wake();
  }
  co_return created;
}

Task<store::BatchRow> BatchService::find(BatchId id, access::Caller caller) {
  co_return co_await context_.batches.find(std::move(id), caller.viewer());
}

Task<store::Page<store::BatchRow>> BatchService::list(store::ListQuery query) {
  co_return co_await context_.batches.list(std::move(query));
}

Task<store::BatchRow> BatchService::cancel(BatchId id, access::Caller caller) {
  auto batch = co_await context_.batches.cancel(id, caller.viewer(), context_.now_ms());
  if (batch && batch->object.status == openai::BatchStatus::cancelling) {
    context_.cancelling.insert(id);
    obs::info("batch cancelling", {{"batch_id", id.value}});
    engine_.wake();
  }
  co_return batch;
}

}  // namespace quarry::batch
