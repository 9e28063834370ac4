#include "batch/result_lines.h"

#include "batch/names.h"
#include "batch/resource_names.h"
#include "json/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::batch {
namespace {

// So much of a line of several records is held; what goes beyond it is put aside.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

std::string_view error_type(int status) {
  if (status == 429) return "rate_limit_error";
  if (status == 401 || status == 403) return "permission_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

// Which part of the line's body a part was: "input[3]". A record of Cohere's holds many inputs.
std::string item_name(const ResultSettings& settings, std::uint32_t part, std::uint32_t parts) {
  if (settings.family == "cohere_embed")
    return fmt::format("input, part {} of {}", part + 1, parts);
  const bool prompts = settings.endpoint == openai::Endpoint::completions;
  return fmt::format("{}[{}]", prompts ? "prompt" : "input", part);
}

// A result line around its body.
struct Frame {
  std::string head;
  std::string tail;
};

Frame response_frame(const CustomIdRow& row, std::string_view seed) {
  constexpr std::string_view kBody = "{}";  // nothing after the body has the like
  Frame frame;
  openai::append_response_line(frame.head, row.custom_id_json, seed, 200, kBody);
  const std::size_t at = frame.head.rfind(kBody);
  frame.tail = frame.head.substr(at + kBody.size());
  frame.head.resize(at);
  return frame;
}

// AWS's words for: the moment was bad, not the request.
bool passing_status(int code) {
  constexpr std::array<int, 7> kCodes{408, 424, 429, 500, 502, 503, 504};
  return std::ranges::find(kCodes, code) != kCodes.end();
}

bedrock::RecordError malformed(const openai::LineError& error) {
  return {.code = 502, .message = error.message};
}

}  // namespace

ResultLines::ResultLines(ResultSettings settings, CustomIds custom_ids)
    : settings_(std::move(settings)),
      custom_ids_(std::move(custom_ids)),
      parts_(settings_.scratch_directory, custom_ids_.parts_of_several()),
      finished_(custom_ids_.size(), false),
      left_(custom_ids_.size(), false),
      long_line_(settings_.scratch_directory) {}

std::string ResultLines::seed(const CustomIdRow& row) const {
  return line_seed(settings_.batch_id, row.line_index);
}

translate::ResultOptions ResultLines::options(const CustomIdRow& row,
                                              std::string_view seed,
                                              std::optional<openai::Usage> metered) const {
  return {.endpoint = settings_.endpoint,
          .family = settings_.family,
          .wire = settings_.wire,
          .model_name = settings_.model_name,
          .created = settings_.created,
          .completion_seed = seed,
          .note = row.note,
          .metered = metered};
}

void ResultLines::mark_finished(std::size_t place) {
  finished_[place] = true;
  ++finished_count_;
}

void ResultLines::leave(std::size_t place) {
  left_[place] = true;
  ++left_count_;
}

std::optional<CustomIdRow> ResultLines::left_line(std::uint64_t line_index) const {
  const auto place = custom_ids_.find(line_index);
  if (!place || !left_[*place]) return std::nullopt;
  return custom_ids_.row(*place);
}

bool ResultLines::passes(const bedrock::RecordError& error) const {
  if (error.expired) return settings_.leave_expired;
  return settings_.leave_passing_failures && (error.retryable || passing_status(error.code));
}

void ResultLines::count(const translate::LineUsage& said) {
  if (said) {
    usage += *said;
  } else {
    ++without_usage;
  }
}

Result<void> ResultLines::add_row(std::string_view text) {
  ++rows;
  auto read = reader_.read(text);
  if (!read) {
    ++unreadable_rows;
    return {};
  }
  const auto key = bedrock::parse_record_id(read->record_id);
  const auto place = key ? custom_ids_.find(key->line) : std::nullopt;
  if (!place) {
    ++unknown_rows;
    return {};
  }
  const CustomIdRow row = custom_ids_.row(*place);
  if (key->part.has_value() != (row.parts > 1)) {
    ++unknown_rows;
    return {};
  }
  Outcome outcome;
  if (read->error) {
    outcome.error = std::move(read->error);
  } else {
    outcome.model_output = *read->model_output;
  }
  return add(*place, row, key->part.value_or(0), outcome);
}

Result<void> ResultLines::add_answer(const DirectAnswer& answer) {
  const auto place = custom_ids_.find(answer.line_index);
  if (!place) {
    ++unknown_rows;
    return {};
  }
  Outcome outcome;
  if (answer.status == 200) {
    outcome.model_output = answer.body;
    outcome.metered = answer.metered;
  } else {
    outcome.error =
        bedrock::RecordError{.code = answer.status, .message = std::string(answer.body)};
  }
  return add(*place, custom_ids_.row(*place), answer.part, outcome);
}

Result<void> ResultLines::add(std::size_t place,
                              const CustomIdRow& row,
                              std::uint32_t part,
                              const Outcome& outcome) {
  if (has_more_output()) return fail(Errc::internal, "a long line was not written to its end");
  if (part >= row.parts) {
    ++unknown_rows;
    return {};
  }
  if (finished_[place]) {
    ++repeated_rows;
    return {};
  }
  if (row.parts == 1) {
    if (!outcome.error) ++answers;
    mark_finished(place);
    finish_one(place, row, outcome);
    return {};
  }
  const std::size_t first = custom_ids_.first_part(place);
  const auto fresh = parts_.put(first, part, outcome);
  if (!fresh) return fail(fresh.error());
  if (!*fresh) {
    ++repeated_rows;
  } else if (!outcome.error) {
    ++answers;
  }
  if (parts_.arrived(first) < row.parts) return {};
  return finish_several(place, row, nullptr);
}

void ResultLines::finish_one(std::size_t place, const CustomIdRow& row, const Outcome& outcome) {
  if (outcome.error) {
    if (passes(*outcome.error)) {
      leave(place);
      return;
    }
    write_error(row, *outcome.error);
    return;
  }
  body_.clear();
  const std::string id = seed(row);
  const auto translated =
      translator_.translate(outcome.model_output, options(row, id, outcome.metered), body_);
  if (!translated) {
    // AWS bills it all the same.
    count(translator_.usage_read() ? translator_.usage_read() : outcome.metered);
    write_error(row, malformed(translated.error()));
    return;
  }
  count(*translated);
  write_result(row);
}

Result<ResultLines::Arrived> ResultLines::look_at_parts(std::size_t place, const CustomIdRow& row) {
  const std::size_t first = custom_ids_.first_part(place);
  Arrived arrived;
  openai::Usage metered;
  bool all_metered = true;
  for (std::uint32_t part = 0; part < row.parts; ++part) {
    if (!parts_.has(first, part)) continue;
    auto outcome = parts_.get_without_output(first, part);
    if (!outcome) return fail(std::move(outcome.error()));
    if (outcome->error) {
      const bool decided = arrived.failure && !passes(arrived.failure->error);
      if (decided || (arrived.failure && passes(*outcome->error))) continue;
      outcome = parts_.get(first, part);  // the message too
      if (!outcome) return fail(std::move(outcome.error()));
      arrived.failure = Failure{part, std::move(*outcome->error)};
    } else if (outcome->metered) {
      metered += *outcome->metered;
    } else {
      all_metered = false;
    }
  }
  if (all_metered) arrived.metered = metered;
  return arrived;
}

Result<void> ResultLines::put_aside(std::string_view text) {
  auto put = long_line_.append(text);
  if (!put) return fail(std::move(put.error()));
  long_line_bytes_ += text.size();
  return {};
}

Result<void> ResultLines::more_output() {
  const std::uint64_t size = std::min<std::uint64_t>(kPieceBytes, long_line_bytes_ - long_line_at_);
  auto read = long_line_.read(long_line_at_, size, body_);
  if (!read) return read;
  output += body_;
  long_line_at_ += size;
  if (has_more_output()) return {};
  long_line_at_ = long_line_bytes_ = 0;
  return long_line_.clear();
}

// What follows `put_aside` stays in body_.
Result<std::optional<ResultLines::Failure>> ResultLines::translate_parts(
    std::size_t place, const CustomIdRow& row, const translate::ResultOptions& options) {
  const std::size_t first = custom_ids_.first_part(place);
  translator_.begin(options, body_);
  for (std::uint32_t part = 0; part < row.parts; ++part) {
    const auto outcome = parts_.get(first, part);
    if (!outcome) return fail(outcome.error());
    const auto added = translator_.add(outcome->model_output, body_);
    if (!added) return Failure{part, malformed(added.error())};
    if (body_.size() < kPieceBytes) continue;
    std::string piece;
    if (long_line_bytes_ == 0) piece = response_frame(row, options.completion_seed).head;
    json::append_line(piece, body_);
    if (auto put = put_aside(piece); !put) return fail(std::move(put.error()));
    body_.clear();
  }
  const auto finished = translator_.finish(body_);
  if (!finished) return Failure{row.parts - 1, malformed(finished.error())};
  if (!*finished && translator_.usage_read()) usage += *translator_.usage_read();  // of some parts
  count(*finished);
  return std::nullopt;
}

Result<std::optional<ResultLines::Failure>> ResultLines::join(
    std::size_t place, const CustomIdRow& row, std::optional<openai::Usage> metered) {
  const std::string id = seed(row);
  body_.clear();
  auto failure = translate_parts(place, row, options(row, id, metered));
  if (!failure) return failure;
  if (*failure) {
    long_line_bytes_ = 0;
    auto cleared = long_line_.clear();
    if (!cleared) return fail(std::move(cleared.error()));
    return failure;
  }
  if (long_line_bytes_ == 0) {
    write_result(row);
    return failure;
  }
  std::string piece;
  json::append_line(piece, body_);
  piece += response_frame(row, id).tail;
  auto put = put_aside(piece);
  if (!put) return fail(std::move(put.error()));
  ++completed;
  return failure;
}

// A line without a result: what did run of it is billed all the same.
Result<void> ResultLines::count_parts(std::size_t place, const CustomIdRow& row) {
  const std::size_t first = custom_ids_.first_part(place);
  const std::string id = seed(row);
  for (std::uint32_t part = 0; part < row.parts; ++part) {
    if (!parts_.has(first, part)) continue;
    const auto outcome = parts_.get(first, part);
    if (!outcome) return fail(outcome.error());
    if (outcome->error) continue;
    body_.clear();
    translator_.begin(options(row, id, std::nullopt), body_);
    (void)translator_.add(outcome->model_output, body_);  // only its usage is wanted
    count(translator_.usage_read() ? translator_.usage_read() : outcome->metered);
  }
  return {};
}

Result<void> ResultLines::finish_several(std::size_t place,
                                         const CustomIdRow& row,
                                         const Absence* absence) {
  auto arrived = look_at_parts(place, row);
  if (!arrived) return fail(std::move(arrived.error()));
  std::optional<Failure> failure = std::move(arrived->failure);
  const bool left = failure ? passes(failure->error) : absence && absence->leave;
  bool whole = !failure && !absence;
  if (whole) {
    auto joined = join(place, row, arrived->metered);
    if (!joined) return fail(std::move(joined.error()));
    failure = std::move(*joined);
    whole = !failure;
  }
  if (!whole) {
    if (auto counted = count_parts(place, row); !counted) return counted;
    if (left) {
      leave(place);
    } else if (failure) {
      failure->error.message = fmt::format("{}: {}", item_name(settings_, failure->part, row.parts),
                                           failure->error.message);
      write_error(row, failure->error);
    } else {
      write_absent(row, *absence);
    }
  }
  mark_finished(place);
  return parts_.release(custom_ids_.first_part(place));
}

void ResultLines::write_result(const CustomIdRow& row) {
  ++completed;
  openai::append_response_line(output, row.custom_id_json, seed(row), 200, body_);
}

void ResultLines::write_error(const CustomIdRow& row, const bedrock::RecordError& error) {
  if (error.expired) {
    write_absent(
        row, {"batch_expired",
              "This request could not be executed before the completion window expired.", true});
    return;
  }
  ++failed;
  const int status = error.code >= 400 && error.code <= 599 ? error.code : 500;
  openai::append_response_line(
      errors, row.custom_id_json, seed(row), status,
      openai::error_envelope(without_resource_names(error.message), error_type(status), "", ""));
}

void ResultLines::write_absent(const CustomIdRow& row, const Absence& absence) {
  ++failed;
  if (absence.unfinished) ++unfinished;
  openai::append_unexecuted_line(errors, row.custom_id_json, seed(row), absence.code,
                                 absence.message);
}

Result<bool> ResultLines::add_absent(const Absence& absence, std::size_t lines_max) {
  for (std::size_t added = 0; next_absent_ < finished_.size(); ++next_absent_) {
    if (finished_[next_absent_]) continue;
    if (added == lines_max) return true;
    ++added;
    const CustomIdRow row = custom_ids_.row(next_absent_);
    const bool some_came =
        row.parts > 1 && parts_.arrived(custom_ids_.first_part(next_absent_)) > 0;
    if (some_came) {
      if (auto done = finish_several(next_absent_, row, &absence); !done) {
        return fail(std::move(done.error()));
      }
      continue;
    }
    mark_finished(next_absent_);
    if (absence.leave) {
      leave(next_absent_);
    } else {
      write_absent(row, absence);
    }
  }
  return false;
}

}  // namespace quarry::batch
