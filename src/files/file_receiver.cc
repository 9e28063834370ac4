#include "files/file_receiver.h"

#include "access/admission_rules.h"
#include "access/model_access.h"
#include "aws/object_stream.h"
#include "base/bytes.h"
#include "files/file_rules.h"
#include "files/form_stream.h"

#include <fmt/format.h>

namespace quarry::files {
namespace {

constexpr std::size_t kFieldBytesMax = 64 * 1024;

Error missing_file() {
  return Error(Errc::invalid_request, "Missing required parameter: 'file'.")
      .param("file")
      .reason("missing_required_parameter");
}

}  // namespace

// What the multipart reader has called back with and the coroutine has not taken yet.
struct FileReceiver::Form {
  std::vector<FormField> fields;
  bool in_file = false;
  bool file_seen = false;
  std::string filename;
  std::string pending;  // bytes of the file

  Result<void> begin(const http::FormPart& part);
  Result<void> data(std::span<const std::byte> bytes);
  Result<void> end() {
    in_file = false;
    return {};
  }
};

Result<void> FileReceiver::Form::begin(const http::FormPart& part) {
  in_file = part.name == "file" && part.filename.has_value();
  if (part.name == "file" && !part.filename) {
    return fail(Error(Errc::invalid_request,
                      "The part 'file' is not a file: it has no filename. hint: with curl, use -F "
                      "file=@name.jsonl")
                    .param("file"));
  }
  if (!in_file) {
    fields.emplace_back(part.name, std::string());
    return {};
  }
  if (file_seen) {
    return fail(
        Error(Errc::invalid_request, "The form has more than one part 'file'.").param("file"));
  }
  file_seen = true;
  filename = safe_filename(*part.filename);
  return {};
}

Result<void> FileReceiver::Form::data(std::span<const std::byte> bytes) {
  if (in_file) {
    pending += as_text(bytes);
    return {};
  }
  auto& [field, value] = fields.back();
  if (value.size() + bytes.size() > kFieldBytesMax) {
    return fail(
        Error(Errc::invalid_request,
              fmt::format("The form field '{}' is longer than {} bytes.", field, kFieldBytesMax))
            .param(field));
  }
  value += as_text(bytes);
  return {};
}

FileReceiver::FileReceiver(const aws::DeploymentSet& deployments,
                           TransferMemory& memory,
                           BlockingPool& pool,
                           const Clock& clock,
                           const FileLimits& limits)
    : deployments_(deployments),
      memory_(memory),
      pool_(pool),
      clock_(clock),
      limits_(limits),
      deadline_(Deadline::after(limits.transfer_time_max)),
      id_(new_file_id()),
      form_(std::make_unique<Form>()),
      scanner_(std::make_unique<Scanner>(limits.line_bytes_max)) {}

FileReceiver::~FileReceiver() = default;

Task<Received> FileReceiver::receive(std::string content_type,
                                     http::BodyReader& body,
                                     access::Caller caller) {
  caller_ = std::move(caller);
  auto streamed = co_await stream(std::move(content_type), body);
  if (streamed) {
    auto received = co_await conclude();
    if (received) co_return received;
    streamed = fail(std::move(received.error()));
  }
  if (writer_) co_await writer_->abort();
  co_return fail(std::move(streamed.error()));
}

Awaitable<void> FileReceiver::discard() {
  if (deployment_) {
    co_await forget_object(*deployment_, deployment_->object("files/" + id_.value + "/0"));
  }
}

Task<void> FileReceiver::stream(std::string content_type, http::BodyReader& body) {
  auto read = co_await read_form(std::move(content_type), body, events_into(*form_),
                                 [this] { return take_file_bytes(); });
  if (!read) co_return read;
  if (!form_->file_seen) co_return fail(missing_file());
  if (!writer_) co_return co_await open_object();  // a file of no bytes
  co_return Result<void>();
}

Task<void> FileReceiver::open_object() {
  // The models may be named only after the file: then it goes to the first deployment's bucket.
  auto names = target_models(form_->fields);
  if (!names) co_return fail(std::move(names.error()));
  deployment_ = deployment_for(*names, deployments_);
  auto buffers = co_await memory_.acquire(2, deadline_.sooner(kMemoryWaitMax));
  if (!buffers) co_return fail(std::move(buffers.error()));
  writer_ = std::make_unique<aws::ObjectWriter>(
      *deployment_->s3, deployment_->object("files/" + id_.value + "/0"), std::move(*buffers));
  co_return Result<void>();
}

Task<void> FileReceiver::take_file_bytes() {
  std::string& pending = form_->pending;
  if (pending.empty()) co_return Result<void>();
  if (!writer_) {
    auto opened = co_await open_object();
    if (!opened) co_return opened;
  }
  if (writer_->written_bytes() + pending.size() > limits_.upload_bytes_max) {
    co_return fail(Error(Errc::invalid_request,
                         fmt::format("The file is larger than the maximum of {} bytes. hint: "
                                     "general_settings.max_upload_bytes raises it",
                                     limits_.upload_bytes_max))
                       .param("file")
                       .reason("body_too_large"));
  }
  if (auto allowed = access::check_file_bytes(caller_, writer_->written_bytes() + pending.size());
      !allowed) {
    co_return allowed;
  }
  co_await run_blocking(pool_, [this, &pending] { scanner_->feed(as_bytes(pending)); });
  auto written = co_await writer_->write(as_bytes(pending), deadline_);
  pending.clear();
  co_return written;
}

Task<Received> FileReceiver::conclude() {
  auto form = parse_file_form(form_->fields);
  if (!form) co_return fail(std::move(form.error()));
  if (auto allowed = access::check_models(caller_, form->target_models, "target_model_names");
      !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  if (auto known = check_target_models(form->target_models, deployments_); !known) {
    co_return fail(std::move(known.error()));
  }
  const Scan scan = co_await run_blocking(pool_, [this] { return scanner_->finish(); });
  if (form->purpose == "batch") {
    if (auto checked = check_batch_input(scan); !checked)
      co_return fail(std::move(checked.error()));
    if (auto allowed = check_lines(scan, form->target_models, caller_, deployments_); !allowed) {
      co_return fail(std::move(allowed.error()));
    }
  }
  auto bytes = co_await writer_->finish(deadline_);
  if (!bytes) co_return fail(std::move(bytes.error()));

  Received received;
  store::FileRow& file = received.file;
  file.id = id_;
  file.by = caller_.by;
  file.filename = form_->filename;
  file.purpose = form->purpose;
  file.bytes = static_cast<std::int64_t>(*bytes);
  file.created_at = unix_seconds(clock_.now());
  file.expires_at = expiry(file.purpose, file.created_at, form->expires_after_s);
  file.target_models = std::move(form->target_models);
  if (file.purpose == "batch") file.scan_json = to_json(scan);
  const aws::S3Uri object = deployment_->object("files/" + id_.value + "/0");
  received.segment = {0, deployment_->id(), object.bucket, object.key, file.bytes};
  co_return received;
}

}  // namespace quarry::files
