#include "files/file_service.h"

#include "access/admission_rules.h"
#include "files/file_receiver.h"

#include <utility>

namespace quarry::files {
namespace {

// A stream whose first window is here already.
class Begun final : public http::BodyReader {
 public:
  Begun(std::unique_ptr<http::BodyReader> stream, std::span<const std::byte> first, FileId id)
      : stream_(std::move(stream)), first_(first), id_(std::move(id)) {}

  Task<std::span<const std::byte>> read() override {
    if (!std::exchange(first_given_, true)) co_return first_;
    auto window = co_await stream_->read();
    if (!window) co_return fail(std::move(window.error()).within("reading " + id_.value));
    co_return *window;
  }

 private:
  std::unique_ptr<http::BodyReader> stream_;
  std::span<const std::byte> first_;  // into stream_'s buffers
  bool first_given_ = false;
  FileId id_;
};

// The file is known here, so what S3 says of its objects is not the client's: not its 404 either.
Error not_the_clients(Error error, const FileId& id) {
  const bool mine = error.code() == Errc::not_found || error.code() == Errc::invalid_request ||
                    error.code() == Errc::conflict;
  const std::string doing = "reading " + id.value;
  if (!mine) return std::move(error).within(doing);
  return Error(Errc::corrupt, std::move(error).within(doing).message());
}

}  // namespace

Task<store::FileRow> FileService::receive(std::string content_type,
                                          http::BodyReader& body,
                                          access::Caller caller) {
  const store::FileQuota quota = access::quota_of(caller, unix_seconds(clock_.now()));
  // Asked twice: nobody should send gigabytes to hear that it was one file too many.
  auto room = co_await store_.may_insert(caller.by, quota);
  if (!room) co_return fail(std::move(room.error()));
  FileReceiver receiver(deployments_, memory_, pool_, clock_, limits_);
  auto received = co_await receiver.receive(std::move(content_type), body, std::move(caller));
  if (!received) co_return fail(std::move(received.error()));
  store::FileRow row = received->file;
  auto inserted =
      co_await store_.insert(std::move(received->file), {std::move(received->segment)}, quota);
  if (!inserted) {
    if (inserted.error().code() == Errc::limited) co_await receiver.discard();
    co_return fail(std::move(inserted.error()));
  }
  co_return row;
}

Task<store::FileRow> FileService::find(FileId id, access::Caller caller) {
  co_return co_await store_.find(std::move(id), caller.viewer(), unix_seconds(clock_.now()));
}

Task<store::Page<store::FileRow>> FileService::list(store::ListQuery query) {
  co_return co_await store_.list(std::move(query), unix_seconds(clock_.now()));
}

Task<void> FileService::remove(FileId id, access::Caller caller) {
  co_return co_await store_.remove(std::move(id), caller.viewer(), unix_seconds(clock_.now()));
}

Task<Content> FileService::open(FileId id, access::Caller caller, std::optional<ByteRange> range) {
  auto file = co_await find(id, std::move(caller));
  if (!file) co_return fail(std::move(file.error()));
  auto segments = co_await store_.segments(id);
  if (!segments) co_return fail(std::move(segments.error()));
  for (const store::SegmentRow& segment : *segments) {
    if (!deployments_.by_id(segment.deployment_id)) {
      co_return fail(
          Errc::unavailable,
          "the deployment that holds this file (" + segment.deployment_id +
              ") is no longer configured; hint: put it back into model_list, or give the new "
              "entry the same model_info.id");
    }
  }
  Content content;
  content.bytes = range ? range->length : static_cast<std::uint64_t>(file->bytes);
  content.file = std::move(*file);
  auto stream = read_segments(std::move(*segments), deployments_, memory_, range,
                              Deadline::after(limits_.transfer_time_max));
  auto first = co_await stream->read();
  if (!first) co_return fail(not_the_clients(std::move(first.error()), id));
  content.stream = std::make_unique<Begun>(std::move(stream), *first, std::move(id));
  co_return content;
}

}  // namespace quarry::files
