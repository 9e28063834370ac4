#include "aws/object_stream.h"
#include "files/file_service.h"

namespace quarry::files {
namespace {

class SegmentReader final : public http::BodyReader {
 public:
  SegmentReader(std::vector<store::SegmentRow> segments,
                const aws::DeploymentSet& deployments,
                TransferMemory& memory,
                std::optional<ByteRange> range,
                Deadline deadline)
      : segments_(std::move(segments)),
        deployments_(deployments),
        memory_(memory),
        deadline_(deadline) {
    if (range) {
      skip_ = range->offset;
      left_ = range->length;
    }
  }

  Task<std::span<const std::byte>> read() override {
    while (left_ > 0) {
      if (!reader_) {
        if (next_ == segments_.size()) break;
        auto opened = co_await open_next();
        if (!opened) co_return fail(std::move(opened.error()));
        continue;
      }
      auto window = co_await reader_->read(deadline_);
      if (!window) co_return fail(std::move(window.error()));
      if (window->empty()) {
        if (owed_ > 0) {
          co_return fail(Errc::corrupt,
                         "an object of the file is shorter in S3 than it was written");
        }
        reader_.reset();
        continue;
      }
      owed_ -= window->size();
      left_ -= window->size();
      co_return *window;
    }
    reader_.reset();
    co_return std::span<const std::byte>();
  }

 private:
  // Leaves reader_ empty when the range begins beyond the segment.
  Task<void> open_next() {
    const store::SegmentRow& segment = segments_[next_++];
    const auto bytes = static_cast<std::uint64_t>(segment.bytes);
    if (skip_ >= bytes) {
      skip_ -= bytes;
      co_return Result<void>();
    }
    deployment_ = deployments_.by_id(segment.deployment_id);
    if (!deployment_) {
      co_return fail(Errc::unavailable, "deployment " + segment.deployment_id + " is gone");
    }
    auto buffers = co_await memory_.acquire(2, deadline_.sooner(kMemoryWaitMax));
    if (!buffers) co_return fail(std::move(buffers.error()));
    reader_ = std::make_unique<aws::ObjectReader>(
        *deployment_->s3, aws::S3Uri{segment.bucket, segment.key}, std::move(*buffers));
    owed_ = std::min(bytes - skip_, left_);
    reader_->set_range(skip_, owed_);
    skip_ = 0;
    co_return Result<void>();
  }

  std::vector<store::SegmentRow> segments_;
  const aws::DeploymentSet& deployments_;
  TransferMemory& memory_;
  Deadline deadline_;
  std::size_t next_ = 0;
  std::uint64_t skip_ = 0;
  std::uint64_t owed_ = 0;  // by the segment that is read
  std::uint64_t left_ = std::numeric_limits<std::uint64_t>::max();
  aws::DeploymentPtr deployment_;  // keeps the client alive that reader_ uses
  std::unique_ptr<aws::ObjectReader> reader_;
};

}  // namespace

std::unique_ptr<http::BodyReader> read_segments(std::vector<store::SegmentRow> segments,
                                                const aws::DeploymentSet& deployments,
                                                TransferMemory& memory,
                                                std::optional<ByteRange> range,
                                                Deadline deadline) {
  return std::make_unique<SegmentReader>(std::move(segments), deployments, memory, range, deadline);
}

}  // namespace quarry::files
