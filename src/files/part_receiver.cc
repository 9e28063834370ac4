#include "files/part_receiver.h"

#include "aws/object_stream.h"
#include "base/bytes.h"
#include "files/file_service.h"
#include "files/form_stream.h"

#include <fmt/format.h>

namespace quarry::files {

// What the multipart reader has called back with and the coroutine has not taken yet.
struct PartReceiver::Form {
  bool in_data = false;
  bool data_seen = false;
  std::string pending;

  Result<void> begin(const http::FormPart& part) {
    in_data = part.name == "data";
    if (in_data && std::exchange(data_seen, true)) {
      return fail(
          Error(Errc::invalid_request, "The form has more than one part 'data'.").param("data"));
    }
    return {};
  }
  // Other fields are hints for other gateways.
  Result<void> data(std::span<const std::byte> bytes) {
    if (in_data) pending += as_text(bytes);
    return {};
  }
  Result<void> end() {
    in_data = false;
    return {};
  }
};

PartReceiver::PartReceiver(const aws::Deployment& deployment,
                           TransferMemory& memory,
                           aws::S3Uri object)
    : deployment_(deployment),
      memory_(memory),
      object_(std::move(object)),
      form_(std::make_unique<Form>()) {}

PartReceiver::~PartReceiver() = default;

Task<std::uint64_t> PartReceiver::receive(std::string content_type,
                                          http::BodyReader& body,
                                          Deadline deadline) {
  auto streamed = co_await stream(std::move(content_type), body, deadline);
  if (streamed) {
    auto bytes = co_await writer_->finish(deadline);
    if (bytes) co_return *bytes;
    streamed = fail(std::move(bytes.error()));
  }
  if (writer_) co_await writer_->abort();
  co_return fail(std::move(streamed.error()));
}

Task<void> PartReceiver::stream(std::string content_type,
                                http::BodyReader& body,
                                Deadline deadline) {
  auto read = co_await read_form(std::move(content_type), body, events_into(*form_),
                                 [this, deadline] { return take_bytes(deadline); });
  if (!read) co_return read;
  if (!form_->data_seen) {
    co_return fail(Error(Errc::invalid_request, "Missing required parameter: 'data'.")
                       .param("data")
                       .reason("missing_required_parameter"));
  }
  if (!writer_) {
    co_return fail(Error(Errc::invalid_request, "The part 'data' is empty.").param("data"));
  }
  co_return Result<void>();
}

Task<void> PartReceiver::take_bytes(Deadline deadline) {
  std::string& pending = form_->pending;
  if (pending.empty()) co_return Result<void>();
  if (!writer_) {
    auto buffers = co_await memory_.acquire(2, deadline.sooner(kMemoryWaitMax));
    if (!buffers) co_return fail(std::move(buffers.error()));
    writer_ = std::make_unique<aws::ObjectWriter>(*deployment_.s3, object_, std::move(*buffers));
  }
  if (writer_->written_bytes() + pending.size() > kUploadPartBytesMax) {
    co_return fail(
        Error(Errc::invalid_request,
              fmt::format("The part is larger than the maximum of {} bytes.", kUploadPartBytesMax))
            .param("data")
            .reason("body_too_large"));
  }
  auto written = co_await writer_->write(as_bytes(pending), deadline);
  pending.clear();
  co_return written;
}

}  // namespace quarry::files
