#include "batch/validation.h"

#include "batch/expectation.h"
#include "files/file_service.h"
#include "json/line_splitter.h"
#include "openai/batch_line.h"

#include <algorithm>
#include <map>

namespace quarry::batch {
namespace {

constexpr std::size_t kErrorsMax = 100;
constexpr std::chrono::hours kReadTimeMax{2};

struct LineChecker {
  LineChecker(std::size_t line_bytes_max, Expectation expectation)
      : splitter(line_bytes_max), expect(std::move(expectation)) {}

  json::LineSplitter splitter;
  openai::BatchLineReader reader;
  Expectation expect;
  std::vector<openai::BatchError> errors;

  void check(const json::LineSplitter::Line& line) {
    if (errors.size() >= kErrorsMax || line.too_long) return;
    if (const auto read = reader.read(line.text)) {
      if (auto error = expect.fault_of(*read)) {
        errors.push_back({std::move(error->code), std::move(error->message),
                          std::move(error->param), static_cast<std::int64_t>(line.number)});
      }
    }
  }
  void feed(std::span<const std::byte> window) {
    splitter.feed(window);
    json::LineSplitter::Line line;
    while (splitter.next(line)) check(line);
  }
  void finish() {
    json::LineSplitter::Line line;
    if (splitter.finish(line)) check(line);
  }
};

}  // namespace

std::string model_override(const store::FileRow& file) {
  return model_override(file.target_models);
}

Task<std::vector<openai::BatchError>> validate(Context& context,
                                               const store::BatchRow& batch,
                                               const store::FileRow& file,
                                               const files::Scan& scan,
                                               std::vector<store::SegmentRow> segments) {
  Expectation expect{batch.object.endpoint, model_override(file.target_models), file.target_models,
                     context.deployments};
  if (auto error = expect.fault_of_whole(scan)) {
    co_return std::vector<openai::BatchError>{std::move(*error)};
  }
  if (expect.met_by(scan)) co_return std::vector<openai::BatchError>();
  const Deadline deadline = Deadline::after(kReadTimeMax);
  LineChecker checker(context.settings.line_bytes_max, std::move(expect));
  auto reader = files::read_segments(std::move(segments), context.deployments, context.memory,
                                     std::nullopt, deadline);
  while (true) {
    auto window = co_await reader->read();
    if (!window) co_return fail(std::move(window.error()));
    if (window->empty()) break;
    co_await run_blocking(context.pool, [&] { checker.feed(*window); });
  }
  checker.finish();
  // The scan's own findings come first in the list's making, then all go by line; one line, one
  // error.
  std::vector<openai::BatchError> errors = scan.errors;
  errors.insert(errors.end(), checker.errors.begin(), checker.errors.end());
  // By (line, place in the list): std::stable_sort of this library version uses a deprecated
  // function.
  std::multimap<std::int64_t, openai::BatchError> by_line;
  for (auto& error : errors) by_line.emplace(error.line.value_or(0), std::move(error));
  errors.clear();
  for (auto& [line, error] : by_line) errors.push_back(std::move(error));
  const auto repeats =
      std::ranges::unique(errors, {}, [](const auto& error) { return error.line; });
  errors.erase(repeats.begin(), repeats.end());
  if (errors.size() > kErrorsMax) errors.resize(kErrorsMax);
  if (errors.empty()) {
    errors.push_back(too_many_names());
  }
  co_return errors;
}

}  // namespace quarry::batch
