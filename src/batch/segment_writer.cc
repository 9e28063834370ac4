#include "batch/segment_writer.h"

#include "base/bytes.h"

namespace quarry::batch {

Task<void> SegmentWriter::write(std::string& text, Deadline deadline) {
  if (text.empty()) co_return Result<void>();
  if (!writer_) {
    auto buffers = co_await memory_.acquire(2, deadline);
    if (!buffers) co_return fail(std::move(buffers.error()));
    writer_ = std::make_unique<aws::ObjectWriter>(*deployment_.s3, object_, std::move(*buffers));
  }
  auto written = co_await writer_->write(as_bytes(text), deadline);
  text.clear();
  co_return written;
}

Task<std::optional<store::SegmentRow>> SegmentWriter::finish(Deadline deadline) {
  if (!writer_) co_return std::nullopt;
  auto bytes = co_await writer_->finish(deadline);
  if (!bytes) co_return fail(std::move(bytes.error()));
  writer_.reset();  // its buffers are others' from now on
  co_return store::SegmentRow{n_, deployment_.id(), object_.bucket, object_.key,
                              static_cast<std::int64_t>(*bytes)};
}

Awaitable<void> SegmentWriter::abort() {
  if (writer_) co_await writer_->abort();
}

}  // namespace quarry::batch
