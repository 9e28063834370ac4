#pragma once
// Batches as clients know them: created, looked at, listed, cancelled. Each is one transaction; AWS
// is not called.

#include "access/authenticator.h"
#include "batch/context.h"
#include "batch/engine.h"
#include "files/file_service.h"
#include "files/scan.h"
#include "openai/create_batch.h"
#include "openai/dry_run.h"

#include <optional>
#include <string>

namespace quarry::batch {

// How a creation may be a repeat of another.
struct RepeatHints {
  std::string idempotency_key;  // the header; "" when absent
  int sdk_retry_count = 0;      // x-stainless-retry-count
  std::string request_hash;     // of the body
};

class BatchService {
 public:
  BatchService(Context& context, files::FileService& files, Engine& engine)
      : context_(context), files_(files), engine_(engine) {}

  // What create() takes as completion windows: up to this.
  std::chrono::hours longest_window() const { return context_.settings.max_completion_window; }
  // Errors: not_found (input file unknown or another's), invalid_request (file is not for batches),
  // conflict. trace_id: the caller's, for the log; "" = none.
  Task<store::BatchRow> create(openai::CreateBatch request,
                               RepeatHints hints,
                               access::Caller caller,
                               std::string trace_id = {});
  // What create() would come to: nothing is created. Errors: of create() but for conflict, and what
  // reading the file gave.
  Task<openai::DryRun> dry_run(openai::CreateBatch request, access::Caller caller);
  Task<store::BatchRow> find(BatchId id, access::Caller caller);
  Task<store::Page<store::BatchRow>> list(store::ListQuery query);
  Task<store::BatchRow> cancel(BatchId id, access::Caller caller);

 private:
  // What the batch of the file may take, and whether it may. Pure.
  store::Admission admission_of(const store::FileRow& file,
                                const std::optional<files::Scan>& scan,
                                openai::Endpoint endpoint,
                                const access::Caller& caller) const;
  Task<store::FileRow> input_file(std::string id, access::Caller caller);

  Context& context_;
  files::FileService& files_;
  Engine& engine_;
};

}  // namespace quarry::batch
