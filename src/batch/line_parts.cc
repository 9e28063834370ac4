#include "batch/line_parts.h"

#include <cstring>

namespace quarry::batch {
namespace {

// Before each part's bytes, which are the model's output or the error's message. Read back by the
// process that wrote it, so any layout does.
struct Head {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int32_t error_code = 0;
  bool failed = false;
  bool expired = false;
  bool retryable = false;
  bool metered = false;
};

}  // namespace

LineParts::LineParts(std::filesystem::path directory, std::size_t parts)
    : file_(std::move(directory)), index_(parts) {}

Result<bool> LineParts::put(std::size_t first, std::size_t part, const Outcome& outcome) {
  Entry& entry = index_[first + part];
  if (entry.size > 0) return false;
  Head head;
  std::string_view body = outcome.model_output;
  if (outcome.error) {
    head.failed = true;
    head.error_code = outcome.error->code;
    head.expired = outcome.error->expired;
    head.retryable = outcome.error->retryable;
    body = outcome.error->message;
  }
  if (outcome.metered) {
    head.metered = true;
    head.input_tokens = outcome.metered->input_tokens;
    head.output_tokens = outcome.metered->output_tokens;
  }
  buffer_.resize(sizeof head);
  std::memcpy(buffer_.data(), &head, sizeof head);
  buffer_ += body;
  auto offset = file_.append(buffer_);
  if (!offset) return fail(std::move(offset.error()));
  entry.offset = *offset;
  entry.size = static_cast<std::uint32_t>(buffer_.size());
  if (index_[first].arrived++ == 0) ++open_lines_;
  return true;
}

Result<Outcome> LineParts::read(const Entry& entry, std::size_t size) {
  auto read = file_.read(entry.offset, size, buffer_);
  if (!read) return fail(std::move(read.error()));
  Head head;
  std::memcpy(&head, buffer_.data(), sizeof head);
  const std::string_view body = std::string_view(buffer_).substr(sizeof head);
  Outcome outcome;
  if (head.failed) {
    outcome.error = bedrock::RecordError{.code = head.error_code,
                                         .message = std::string(body),
                                         .expired = head.expired,
                                         .retryable = head.retryable};
  } else {
    outcome.model_output = body;
  }
  if (head.metered) {
    outcome.metered = openai::Usage{.input_tokens = head.input_tokens,
                                    .cached_input_tokens = 0,
                                    .cache_write_tokens = 0,
                                    .output_tokens = head.output_tokens,
                                    .reasoning_tokens = 0};
  }
  return outcome;
}

Result<Outcome> LineParts::get_without_output(std::size_t first, std::size_t part) {
  return read(index_[first + part], sizeof(Head));
}

Result<Outcome> LineParts::get(std::size_t first, std::size_t part) {
  const Entry& entry = index_[first + part];
  return read(entry, entry.size);
}

Result<void> LineParts::release(std::size_t first) {
  if (index_[first].arrived == 0) return {};
  // Of an output in order only one line is open at a time, and the file stays small.
  return --open_lines_ == 0 ? file_.clear() : Result<void>();
}

}  // namespace quarry::batch
