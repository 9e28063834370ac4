#include "batch/dry_run.h"

#include "batch/preflight.h"
#include "files/file_service.h"
#include "files/scan.h"

namespace quarry::batch {
namespace {

constexpr std::chrono::minutes kReadTimeMax{30};

}  // namespace

Task<openai::DryRun> dry_run(Context& context, store::FileRow file, openai::Endpoint endpoint) {
  auto segments = co_await context.files.segments(file.id);
  if (!segments) co_return fail(std::move(segments.error()));
  auto scan = files::parse_scan(file.scan_json);
  if (!scan) co_return fail(std::move(scan.error()));
  PreflightSettings settings;
  settings.endpoint = endpoint;
  settings.target_models = file.target_models;
  settings.drop_params = context.settings.drop_params;
  settings.line_bytes_max = context.settings.line_bytes_max;
  Preflight preflight(std::move(settings), *scan, context.deployments, context.models);
  auto reader = files::read_segments(std::move(*segments), context.deployments, context.memory,
                                     std::nullopt, Deadline::after(kReadTimeMax));
  while (true) {
    auto window = co_await reader->read();
    if (!window) co_return fail(std::move(window.error()).within("reading the input file"));
    if (window->empty()) break;
    co_await run_blocking(context.pool, [&] { preflight.feed(*window); });
  }
  co_await run_blocking(context.pool, [&] { preflight.end(); });
  openai::DryRun run = preflight.report();
  run.input_file_id = file.id.value;
  run.bytes = file.bytes;
  co_return run;
}

}  // namespace quarry::batch
