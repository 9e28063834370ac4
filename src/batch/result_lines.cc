#include "batch/result_lines.h"

#include "batch/names.h"
#include "batch/resource_names.h"

namespace quarry::batch {
namespace {

std::string_view error_type(int status) {
  if (status == 429) return "rate_limit_error";
  if (status == 401 || status == 403) return "permission_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

}  // namespace

ResultLines::ResultLines(ResultSettings settings, CustomIds custom_ids)
    : settings_(std::move(settings)),
      custom_ids_(std::move(custom_ids)),
      found_(custom_ids_.size(), false) {}

std::string ResultLines::seed(std::size_t record) const {
  return line_seed(settings_.batch_id, custom_ids_.line_index(record));
}

bool ResultLines::claim(std::size_t record) {
  if (found_[record]) {
    ++repeated_rows;
    return false;
  }
  found_[record] = true;
  ++found_count_;
  return true;
}

void ResultLines::add_row(std::string_view row) {
  const auto read = reader_.read(row);
  if (!read) {
    ++unreadable_rows;
    return;
  }
  const auto line_index = bedrock::parse_record_id(read->record_id);
  const auto record = line_index ? custom_ids_.find(*line_index) : std::nullopt;
  if (!record) {
    ++unknown_rows;
    return;
  }
  if (!claim(*record)) return;
  if (read->error) {
    add_error(*record, *read->error);
  } else {
    add_success(*record, *read->model_output);
  }
}

void ResultLines::add_answer(std::uint64_t line_index, int status, std::string_view body) {
  const auto record = custom_ids_.find(line_index);
  if (!record) {
    ++unknown_rows;
    return;
  }
  if (!claim(*record)) return;
  if (status == 200) {
    add_success(*record, body);
  } else {
    add_error(*record, {status, std::string(body), false, false});
  }
}

void ResultLines::add_success(std::size_t record, std::string_view model_output) {
  const std::string id = seed(record);
  body_.clear();
  const auto translated = translator_.translate(
      model_output,
      {settings_.endpoint, settings_.family, settings_.model_name, settings_.created, id}, body_);
  if (!translated) {
    if (translator_.usage_read()) usage += *translator_.usage_read();  // AWS bills it all the same
    add_error(record, {502, translated.error().message, false, false});
    return;
  }
  usage += *translated;
  ++completed;
  openai::append_response_line(output, custom_ids_.custom_id_json(record), id, 200, body_);
}

void ResultLines::add_error(std::size_t record, const bedrock::RecordError& error) {
  ++failed;
  if (error.expired) {
    ++unfinished;
    openai::append_unexecuted_line(
        errors, custom_ids_.custom_id_json(record), seed(record), "batch_expired",
        "This request could not be executed before the completion window "
        "expired.");
    return;
  }
  const int status = error.code >= 400 && error.code <= 599 ? error.code : 500;
  openai::append_response_line(
      errors, custom_ids_.custom_id_json(record), seed(record), status,
      openai::error_envelope(without_resource_names(error.message), error_type(status), "", ""));
}

bool ResultLines::add_absent(const Absence& absence, std::size_t records_max) {
  for (std::size_t added = 0; next_absent_ < found_.size(); ++next_absent_) {
    if (found_[next_absent_]) continue;
    if (added == records_max) return true;
    ++added;
    ++failed;
    if (absence.unfinished) ++unfinished;
    openai::append_unexecuted_line(errors, custom_ids_.custom_id_json(next_absent_),
                                   seed(next_absent_), absence.code, absence.message);
  }
  return false;
}

}  // namespace quarry::batch
