#include "batch/expectation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

namespace quarry::batch {
namespace {

// The names are as many as the user likes.
std::string not_among(std::string_view model, const std::vector<std::string>& names) {
  constexpr std::size_t kNamesShown = 20;
  const auto shown = std::span(names).first(std::min(names.size(), kNamesShown));
  std::string message = fmt::format(
      "The model '{}' is not among the target_model_names that the input file was uploaded with: "
      "{}",
      model, fmt::join(shown, ", "));
  if (names.size() > shown.size()) {
    message += fmt::format(" and {} more", names.size() - shown.size());
  }
  return message + ".";
}

}  // namespace

std::string model_override(const std::vector<std::string>& target_models) {
  return target_models.size() == 1 ? target_models.front() : std::string();
}

std::optional<openai::BatchError> Expectation::fault_of_whole(const files::Scan& scan) const {
  if (!override_model.empty() && deployments.group(override_model).empty()) {
    // The upload checked it, but the configuration may have changed since.
    return openai::BatchError{
        "model_not_found",
        fmt::format("The model '{}' of target_model_names is no longer configured.",
                    override_model),
        "body.model", std::nullopt};
  }
  if (scan.lines == 0) {
    return openai::BatchError{
        "empty_file",
        "The input file is empty. Please ensure that the batch contains at least one request.", "",
        std::nullopt};
  }
  return std::nullopt;
}

bool Expectation::met_by(const files::Scan& scan) const {
  if (scan.error_count > 0 || scan.names_overflow || scan.lines == 0) return false;
  if (scan.without_model && override_model.empty()) return false;
  return std::ranges::all_of(scan.urls, [&](const auto& url) { return url_ok(url); }) &&
         std::ranges::all_of(scan.models, [&](const auto& model) { return model_ok(model.first); });
}

std::optional<openai::LineError> Expectation::fault_of(const openai::BatchLine& line) const {
  if (!url_ok(line.url)) {
    return openai::LineError{"invalid_url",
                             "The URL provided for this request does not match the batch endpoint.",
                             "url"};
  }
  if (line.model.empty() && override_model.empty()) {
    return openai::LineError{"invalid_request", "Model parameter is required.", "body.model"};
  }
  if (!allowed(line.model)) {
    return openai::LineError{"mismatched_model", not_among(line.model, target_models),
                             "body.model"};
  }
  if (!model_ok(line.model)) {
    return openai::LineError{
        "model_not_found",
        fmt::format("The provided model '{}' is not supported by the Batch API.", line.model),
        "body.model"};
  }
  return std::nullopt;
}

bool Expectation::url_ok(std::string_view url) const {
  const auto parsed = openai::parse_endpoint(url);
  return parsed && openai::path(*parsed) == endpoint;
}

bool Expectation::allowed(std::string_view model) const {
  return !override_model.empty() || target_models.empty() ||
         std::ranges::find(target_models, model) != target_models.end();
}

bool Expectation::model_ok(std::string_view model) const {
  return !override_model.empty() || (allowed(model) && !deployments.group(model).empty());
}

openai::BatchError too_many_names() {
  return {"invalid_request",
          fmt::format("The file names more than {} different models or urls. hint: split it",
                      files::kScanNamesMax),
          "body.model", std::nullopt};
}

}  // namespace quarry::batch
