#include "batch/validation.h"

#include "files/file_service.h"
#include "json/line_splitter.h"
#include "openai/batch_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace quarry::batch {
namespace {

constexpr std::size_t kErrorsMax = 100;
constexpr std::chrono::hours kReadTimeMax{2};

struct Expectation {
  std::string_view endpoint;
  std::string override_model;
  const store::FileRow& file;
  const aws::DeploymentSet& deployments;

  bool url_ok(std::string_view url) const {
    const auto parsed = openai::parse_endpoint(url);
    return parsed && openai::path(*parsed) == endpoint;
  }
  bool model_ok(std::string_view model) const {
    if (!override_model.empty()) return true;
    const auto& allowed = file.target_models;
    if (!allowed.empty() && std::ranges::find(allowed, model) == allowed.end()) return false;
    return !deployments.group(model).empty();
  }
};

bool all_well(const files::Scan& scan, const Expectation& expect) {
  if (scan.error_count > 0 || scan.names_overflow || scan.lines == 0) return false;
  if (scan.without_model && expect.override_model.empty()) return false;
  return std::ranges::all_of(scan.urls, [&](const auto& url) { return expect.url_ok(url); }) &&
         std::ranges::all_of(scan.models,
                             [&](const auto& model) { return expect.model_ok(model.first); });
}

// What is wrong with a line that is by itself well formed.
void check_line(const openai::BatchLine& line,
                std::uint64_t number,
                const Expectation& expect,
                std::vector<openai::BatchError>& errors) {
  const auto add = [&](std::string code, std::string message, std::string param) {
    errors.push_back(
        {std::move(code), std::move(message), std::move(param), static_cast<std::int64_t>(number)});
  };
  if (!expect.url_ok(line.url)) {
    add("invalid_url", "The URL provided for this request does not match the batch endpoint.",
        "url");
  } else if (line.model.empty() && expect.override_model.empty()) {
    add("invalid_request", "Model parameter is required.", "body.model");
  } else if (!expect.model_ok(line.model)) {
    add("model_not_found",
        fmt::format("The provided model '{}' is not supported by the Batch API.", line.model),
        "body.model");
  }
}

struct LineChecker {
  LineChecker(std::size_t line_bytes_max, Expectation expectation)
      : splitter(line_bytes_max), expect(std::move(expectation)) {}

  json::LineSplitter splitter;
  openai::BatchLineReader reader;
  Expectation expect;
  std::vector<openai::BatchError> errors;

  void check(const json::LineSplitter::Line& line) {
    if (errors.size() >= kErrorsMax || line.too_long) return;
    if (const auto read = reader.read(line.text)) check_line(*read, line.number, expect, errors);
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
  return file.target_models.size() == 1 ? file.target_models.front() : std::string();
}

Task<std::vector<openai::BatchError>> validate(Context& context,
                                               const store::BatchRow& batch,
                                               const store::FileRow& file,
                                               const files::Scan& scan,
                                               std::vector<store::SegmentRow> segments) {
  Expectation expect{batch.object.endpoint, model_override(file), file, context.deployments};
  if (!expect.override_model.empty() && context.deployments.group(expect.override_model).empty()) {
    // The upload checked it, but the configuration may have changed since.
    co_return std::vector<openai::BatchError>{
        {"model_not_found",
         fmt::format("The model '{}' of target_model_names is no longer configured.",
                     expect.override_model),
         "body.model", std::nullopt}};
  }
  if (all_well(scan, expect)) co_return std::vector<openai::BatchError>();
  if (scan.lines == 0) {
    co_return std::vector<openai::BatchError>{
        {"empty_file",
         "The input file is empty. Please ensure that the batch contains at least one request.", "",
         std::nullopt}};
  }
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
    errors.push_back(
        {"invalid_request",
         fmt::format("The file names more than {} different models or urls. hint: split it",
                     files::kScanNamesMax),
         "body.model", std::nullopt});
  }
  co_return errors;
}

}  // namespace quarry::batch
