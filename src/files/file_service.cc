#include "files/file_service.h"

#include "files/file_receiver.h"

namespace quarry::files {

Task<store::FileRow> FileService::receive(std::string content_type,
                                          http::BodyReader& body,
                                          access::Caller caller) {
  FileReceiver receiver(deployments_, memory_, pool_, clock_, limits_);
  auto received = co_await receiver.receive(std::move(content_type), body, std::move(caller));
  if (!received) co_return fail(std::move(received.error()));
  store::FileRow row = received->file;
  auto inserted = co_await store_.insert(std::move(received->file), {std::move(received->segment)});
  if (!inserted) co_return fail(std::move(inserted.error()));
  co_return row;
}

Task<store::FileRow> FileService::find(FileId id, access::Caller caller) {
  co_return co_await store_.find(std::move(id), std::move(caller.owner),
                                 unix_seconds(clock_.now()));
}

Task<store::Page<store::FileRow>> FileService::list(store::ListQuery query) {
  co_return co_await store_.list(std::move(query), unix_seconds(clock_.now()));
}

Task<void> FileService::remove(FileId id, access::Caller caller) {
  co_return co_await store_.remove(std::move(id), std::move(caller.owner),
                                   unix_seconds(clock_.now()));
}

Task<Content> FileService::open(FileId id, access::Caller caller, std::optional<ByteRange> range) {
  auto file = co_await find(id, std::move(caller));
  if (!file) co_return fail(std::move(file.error()));
  auto segments = co_await store_.segments(std::move(id));
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
  content.stream = read_segments(std::move(*segments), deployments_, memory_, range,
                                 Deadline::after(limits_.transfer_time_max));
  co_return content;
}

}  // namespace quarry::files
