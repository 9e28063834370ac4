#include "batch/direct_input.h"

#include "bedrock/record.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

namespace quarry::batch {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::chrono::minutes kReadTimeMax{10};

}  // namespace

DirectInput::DirectInput(aws::S3Client& s3,
                         aws::S3Uri object,
                         std::vector<store::DirectResultStore::Key> answered)
    : s3_(s3),
      object_(std::move(object)),
      buffer_(kReadBytes),
      lines_(std::numeric_limits<std::size_t>::max()),
      answered_(std::move(answered)) {}

Task<void> DirectInput::read_more() {
  auto read =
      co_await s3_.get_range(object_, offset_, buffer_, etag_, Deadline::after(kReadTimeMax));
  if (!read) co_return fail(std::move(read.error()));
  offset_ += read->bytes;
  etag_ = std::move(read->etag);
  ended_ = offset_ >= read->object_bytes;
  if (read->bytes == 0 && !ended_) co_return fail(Errc::corrupt, "an empty part of an object");
  lines_.feed(std::span(buffer_).first(read->bytes));
  co_return Result<void>();
}

Task<std::optional<DirectRecord>> DirectInput::next() {
  json::LineSplitter::Line line;
  while (true) {
    while (lines_.next(line) || (ended_ && lines_.finish(line))) {
      auto record = parsed(line.text);
      if (!record || *record) co_return record;
    }
    if (ended_) co_return std::optional<DirectRecord>();
    auto more = co_await read_more();
    if (!more) co_return fail(std::move(more.error()));
  }
}

// nullopt: it has its answer.
Result<std::optional<DirectRecord>> DirectInput::parsed(std::string_view line) const {
  const auto record = bedrock::parse_input_record(line);
  if (!record) return fail(record.error());
  const auto index = bedrock::parse_record_id(record->record_id);
  if (!index) return fail(Errc::corrupt, "a staged record has an id that is not ours");
  const store::DirectResultStore::Key key{static_cast<std::int64_t>(index->line),
                                          index->part.value_or(0)};
  if (std::ranges::binary_search(answered_, key)) return std::optional<DirectRecord>();
  return DirectRecord{.key = key, .model_input = std::string(record->model_input)};
}

}  // namespace quarry::batch
