#include "batch/staging.h"

#include "batch/custom_ids.h"
#include "batch/names.h"
#include "bedrock/record.h"

namespace quarry::batch {
namespace {

// So much is translated before the caller writes it: half a part, so that no buffer of ours
// outgrows a transfer buffer.
constexpr std::size_t kWriteBytes = std::size_t{2} << 20;
constexpr std::size_t kFatalErrorsMax = 100;

}  // namespace

void GroupStage::begin_job() {
  records = std::move(held_record);
  custom_ids = std::move(held_custom_id);
  held_record.clear();
  held_custom_id.clear();
  record_count = records.empty() ? 0 : 1;
  job_bytes = records.size();
  full = false;
}

std::uint64_t even_cut(std::uint64_t lines, std::uint64_t records_per_job_max) {
  if (lines <= records_per_job_max) return records_per_job_max;
  const std::uint64_t jobs = (lines + records_per_job_max - 1) / records_per_job_max;
  return (lines + jobs - 1) / jobs;
}

Stager::Stager(StageSettings settings, Groups groups)
    : settings_(std::move(settings)),
      groups_(std::move(groups)),
      splitter_(settings_.line_bytes_max) {}

void Stager::feed(std::span<const std::byte> window) { splitter_.feed(window); }

void Stager::end() { ended_ = true; }

bool Stager::next_line(json::LineSplitter::Line& line) {
  return splitter_.next(line) || (ended_ && splitter_.finish(line));
}

bool Stager::advance() {
  json::LineSplitter::Line line;
  while (next_line(line)) {
    if (take(line)) return true;
    std::size_t waiting = refused.size();
    for (const auto& [model, group] : groups_) waiting += group->records.size();
    if (waiting >= kWriteBytes) return true;
  }
  return false;
}

bool Stager::take(const json::LineSplitter::Line& line) {
  const auto read = reader_.read(line.text);
  if (!read) {
    // The scan let the file pass, so the object in S3 is not what was uploaded.
    if (fatal.size() < kFatalErrorsMax) {
      fatal.push_back({read.error().code, read.error().message, read.error().param,
                       static_cast<std::int64_t>(line.number)});
    }
    return false;
  }
  const std::string_view model_name =
      settings_.model_override.empty() ? read->model : std::string_view(settings_.model_override);
  const auto found = groups_.find(model_name);
  if (found == groups_.end()) return false;
  GroupStage& group = *found->second;
  ++line_count;

  model_input_.clear();
  const auto translated = translator_.translate(
      read->body, {settings_.endpoint, group.model, settings_.drop_params}, model_input_);
  if (!translated) {
    refuse(*read, line.number, translated.error());
    return false;
  }
  const std::size_t before = group.records.size();
  bedrock::append_input_record(group.records, line.number, model_input_);
  const std::size_t record_bytes = group.records.size() - before;
  const config::DeploymentSettings& limits = group.deployment->settings;
  if (group.record_count > 0 && (group.record_count >= group.records_per_job_max ||
                                 group.job_bytes + record_bytes > limits.max_job_bytes)) {
    group.held_record = group.records.substr(before);
    group.records.resize(before);
    append_custom_id(group.held_custom_id, line.number, read->custom_id_json);
    group.full = true;
    return true;
  }
  append_custom_id(group.custom_ids, line.number, read->custom_id_json);
  ++group.record_count;
  group.job_bytes += record_bytes;
  return false;
}

void Stager::refuse(const openai::BatchLine& line,
                    std::uint64_t line_number,
                    const openai::LineError& error) {
  if (error.code == "invalid_request" && error.param == "body.messages") {
    // OpenAI finds this in validation, so the batch fails before anything is paid for.
    if (fatal.size() < kFatalErrorsMax) {
      fatal.push_back(
          {error.code, error.message, error.param, static_cast<std::int64_t>(line_number)});
    }
    return;
  }
  ++refused_count;
  openai::append_response_line(
      refused, line.custom_id_json, line_seed(settings_.batch_id, line_number), 400,
      openai::error_envelope(error.message, "invalid_request_error", error.param, error.code));
}

}  // namespace quarry::batch
