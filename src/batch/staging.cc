#include "batch/staging.h"

#include "batch/custom_ids.h"
#include "batch/names.h"
#include "bedrock/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace quarry::batch {
namespace {

// So much is translated before the caller writes it: half a part, so that no buffer of ours
// outgrows a transfer buffer.
constexpr std::size_t kWriteBytes = std::size_t{2} << 20;
constexpr std::size_t kFatalErrorsMax = 100;

// The parameter that became the line's records.
std::string list_param(openai::Endpoint endpoint) {
  switch (endpoint) {
    case openai::Endpoint::chat_completions:
      return "body.messages";
    case openai::Endpoint::completions:
      return "body.prompt";
    case openai::Endpoint::embeddings:
    case openai::Endpoint::responses:
      break;
  }
  return "body.input";
}

std::optional<openai::LineError> too_many(openai::Endpoint endpoint,
                                          std::size_t parts,
                                          std::uint64_t line_number,
                                          const config::DeploymentSettings& limits) {
  const std::uint64_t most = std::min(limits.max_records_per_job, bedrock::kPartsMax);
  if (parts > most) {
    return openai::LineError{
        "invalid_value",
        fmt::format("This line is {} requests to the model, more than the {} that one batch job "
                    "takes. hint: split the list over several lines",
                    parts, most),
        list_param(endpoint)};
  }
  if (parts > 1 && line_number > bedrock::kSeveralLineMax) {
    return openai::LineError{"invalid_value",
                             fmt::format("A list is not taken after line {}. hint: split the file",
                                         bedrock::kSeveralLineMax),
                             list_param(endpoint)};
  }
  return std::nullopt;
}

openai::LineError too_long(openai::Endpoint endpoint,
                           std::size_t bytes,
                           const config::DeploymentSettings& limits) {
  return {"invalid_value",
          fmt::format("This line is {} bytes for the model, more than the {} that one batch job "
                      "takes. hint: split it over several lines",
                      bytes, limits.max_job_bytes),
          list_param(endpoint)};
}

// What OpenAI finds in validation, so that the batch fails before anything is paid for: a line
// without what every request to its endpoint must have.
bool fails_validation(const openai::LineError& error) {
  const bool of_the_request =
      error.param == "body.messages" || error.param == "body.prompt" || error.param == "body.input";
  return of_the_request && (error.code == "missing_required_parameter" ||
                            error.message.ends_with(" parameter is required."));
}

}  // namespace

void GroupStage::begin_job() {
  records.clear();
  custom_ids.clear();
  line_count = record_count = job_bytes = 0;
  full = false;
}

std::uint64_t GroupStage::records_wanted() const {
  const std::uint64_t most = deployment->settings.max_records_per_job;
  if (lines_seen_ == 0) return most;
  // Lines to come are taken to have as many records as those that came.
  const std::uint64_t expected = (lines * records_seen_ + lines_seen_ - 1) / lines_seen_;
  return even_cut(expected, most);
}

void GroupStage::count_line(std::uint64_t records_of_line) {
  ++line_count;
  record_count += records_of_line;
  ++lines_seen_;
  records_seen_ += records_of_line;
}

std::uint64_t even_cut(std::uint64_t records, std::uint64_t records_per_job_max) {
  if (records <= records_per_job_max) return records_per_job_max;
  const std::uint64_t jobs = (records + records_per_job_max - 1) / records_per_job_max;
  return (records + jobs - 1) / jobs;
}

Stager::Stager(StageSettings settings, Groups groups)
    : settings_(std::move(settings)),
      groups_(std::move(groups)),
      splitter_(settings_.line_bytes_max) {}

void Stager::feed(std::span<const std::byte> window) { splitter_.feed(window); }

void Stager::end() { ended_ = true; }

bool Stager::next_line() {
  if (waiting_) return true;
  return splitter_.next(line_) || (ended_ && splitter_.finish(line_));
}

bool Stager::advance() {
  while (next_line()) {
    waiting_ = take() == Taken::job_is_full;
    if (waiting_) return true;
    std::size_t waiting_bytes = refused.size();
    for (const auto& [model, group] : groups_) waiting_bytes += group->records.size();
    if (waiting_bytes >= kWriteBytes) return true;
  }
  return false;
}

Stager::Taken Stager::take() {
  const auto read = reader_.read(line_.text);
  if (!read) {
    // The scan let the file pass, so the object in S3 is not what was uploaded.
    if (fatal.size() < kFatalErrorsMax) {
      fatal.push_back({read.error().code, read.error().message, read.error().param,
                       static_cast<std::int64_t>(line_.number)});
    }
    return Taken::yes;
  }
  const std::string_view model_name =
      settings_.model_override.empty() ? read->model : std::string_view(settings_.model_override);
  const auto found = groups_.find(model_name);
  if (found == groups_.end()) return Taken::yes;
  const Taken taken = take_into(*found->second, *read);
  if (taken == Taken::yes) ++line_count;
  return taken;
}

Stager::Taken Stager::take_into(GroupStage& group, const openai::BatchLine& line) {
  if (group.record_count > 0 && group.record_count >= group.records_wanted()) {
    group.full = true;
    return Taken::job_is_full;
  }
  const auto translated = translator_.translate(line.body,
                                                {.endpoint = settings_.endpoint,
                                                 .model = group.model,
                                                 .wire = group.wire,
                                                 .drop_params = settings_.drop_params},
                                                translated_);
  if (!translated) {
    refuse(group, line, translated.error());
    return Taken::yes;
  }
  const config::DeploymentSettings& limits = group.deployment->settings;
  const std::size_t parts = translated_.records();
  if (const auto error = too_many(settings_.endpoint, parts, line_.number, limits)) {
    refuse(group, line, *error);
    return Taken::yes;
  }
  const std::size_t before = group.records.size();
  for (std::size_t i = 0; i < parts; ++i) {
    bedrock::RecordKey key{line_.number};
    if (parts > 1) key.part = static_cast<std::uint32_t>(i);
    bedrock::append_input_record(group.records, key, translated_.record(i));
  }
  const std::size_t bytes = group.records.size() - before;
  if (bytes > limits.max_job_bytes) {
    group.records.resize(before);
    refuse(group, line, too_long(settings_.endpoint, bytes, limits));
    return Taken::yes;
  }
  if (group.record_count + parts > limits.max_records_per_job ||
      group.job_bytes + bytes > limits.max_job_bytes) {
    group.records.resize(before);
    group.full = true;
    return Taken::job_is_full;
  }
  append_custom_id(group.custom_ids, {line_.number, line.custom_id_json,
                                      static_cast<std::uint32_t>(parts), translated_.note()});
  group.count_line(parts);
  group.job_bytes += bytes;
  return Taken::yes;
}

void Stager::refuse(const GroupStage& group,
                    const openai::BatchLine& line,
                    const openai::LineError& error) {
  const bool fails_batch = fails_validation(error);
  if (on_refused) on_refused({group.model_name, line_.number, line.custom_id, error, fails_batch});
  if (fails_batch) {
    if (fatal.size() < kFatalErrorsMax) {
      fatal.push_back(
          {error.code, error.message, error.param, static_cast<std::int64_t>(line_.number)});
    }
    return;
  }
  ++refused_count;
  openai::append_response_line(
      refused, line.custom_id_json, line_seed(settings_.batch_id, line_.number), 400,
      openai::error_envelope(error.message, "invalid_request_error", error.param, error.code));
}

}  // namespace quarry::batch
