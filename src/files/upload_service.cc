#include "files/upload_service.h"

#include "access/admission_rules.h"
#include "access/model_access.h"
#include "base/ids.h"
#include "files/file_rules.h"
#include "files/md5_stream.h"
#include "files/part_receiver.h"
#include "obs/log.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace quarry::files {

namespace asio = boost::asio;

namespace {

Error wrong_parts(std::string message) {
  return Error(Errc::invalid_request, std::move(message)).param("part_ids");
}

std::vector<store::SegmentRow> segments_of(const std::vector<store::UploadPartRow>& parts) {
  std::vector<store::SegmentRow> segments;
  for (const store::UploadPartRow& part : parts) {
    segments.push_back(
        {static_cast<int>(segments.size()), part.deployment_id, part.bucket, part.key, part.bytes});
  }
  return segments;
}

store::FileRow file_of(const store::UploadRow& upload, std::string scan_json, std::int64_t now_s) {
  store::FileRow file;
  file.id = upload.file_id;
  file.by = upload.by;
  file.filename = upload.filename;
  file.purpose = upload.purpose;
  file.bytes = upload.bytes;
  file.created_at = now_s;
  file.expires_at = expiry(upload.purpose, now_s, upload.file_expires_after_s);
  file.target_models = upload.target_models;
  file.scan_json = std::move(scan_json);
  return file;
}

}  // namespace

// While one lives, other calls for the same upload wait.
class UploadService::Completing {
 public:
  Completing(UploadService& service, store::UploadId id, const asio::any_io_executor& executor)
      : service_(service), id_(std::move(id)) {
    service_.completing_[id_] =
        std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  }
  ~Completing() {
    auto node = service_.completing_.extract(id_);
    node.mapped()->cancel();
  }
  Completing(const Completing&) = delete;
  Completing& operator=(const Completing&) = delete;

 private:
  UploadService& service_;
  store::UploadId id_;
};

Task<UploadView> UploadService::create(openai::CreateUpload request, access::Caller caller) {
  if (auto checked = check_purpose(request.purpose); !checked) {
    co_return fail(std::move(checked.error()));
  }
  const std::uint64_t bytes_max = std::min(kUploadBytesMax, limits_.upload_bytes_max);
  if (static_cast<std::uint64_t>(request.bytes) > bytes_max) {
    co_return fail(
        Error(Errc::invalid_request,
              fmt::format("Invalid 'bytes': integer above maximum value. Expected a value <= {}, "
                          "but got {} instead.",
                          bytes_max, request.bytes))
            .param("bytes")
            .reason("integer_above_max_value"));
  }
  if (auto allowed = access::check_file_bytes(caller, static_cast<std::uint64_t>(request.bytes));
      !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  store::UploadRow upload;
  for (const std::string& names : request.target_model_names) {
    add_model_names(upload.target_models, names);
  }
  if (auto allowed = access::check_models(caller, upload.target_models, "target_model_names");
      !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  if (auto known = check_target_models(upload.target_models, deployments_); !known) {
    co_return fail(std::move(known.error()));
  }
  upload.id = store::UploadId{"upload_" + random_hex128()};
  upload.by = std::move(caller.by);
  upload.filename = safe_filename(request.filename);
  upload.purpose = std::move(request.purpose);
  upload.mime_type = std::move(request.mime_type);
  upload.bytes = request.bytes;
  upload.created_at = unix_seconds(clock_.now());
  upload.expires_at = upload.created_at + kUploadLifeSeconds;
  upload.file_expires_after_s = request.expires_after_s;
  upload.file_id = new_file_id();
  auto inserted = co_await uploads_.insert(upload);
  if (!inserted) co_return fail(std::move(inserted.error()));
  co_return UploadView{std::move(upload), std::nullopt};
}

Task<store::UploadPartRow> UploadService::add_part(store::UploadId id,
                                                   std::string content_type,
                                                   http::BodyReader& body,
                                                   access::Caller caller) {
  auto upload = co_await uploads_.find(id, caller.viewer(), unix_seconds(clock_.now()));
  if (!upload) co_return fail(std::move(upload.error()));
  if (upload->status != openai::UploadStatus::pending) co_return fail(not_pending(*upload));

  const aws::DeploymentPtr deployment = deployment_for(upload->target_models, deployments_);
  store::UploadPartRow part;
  part.id = "part_" + random_hex128();
  const aws::S3Uri object = deployment->object("files/" + upload->file_id.value + "/" + part.id);
  PartReceiver receiver(*deployment, memory_, object);
  auto bytes = co_await receiver.receive(std::move(content_type), body,
                                         Deadline::after(limits_.transfer_time_max));
  if (!bytes) co_return fail(std::move(bytes.error()));

  part.upload_id = std::move(id);
  part.created_at = unix_seconds(clock_.now());
  part.deployment_id = deployment->id();
  part.bucket = object.bucket;
  part.key = object.key;
  part.bytes = static_cast<std::int64_t>(*bytes);
  auto added = co_await uploads_.add_part(part, kUploadPartsMax, part.created_at);
  if (!added) {
    co_await forget_object(*deployment, object);
    co_return fail(std::move(added.error()));
  }
  co_return part;
}

Task<UploadView> UploadService::complete(store::UploadId id,
                                         openai::CompleteUpload request,
                                         access::Caller caller) {
  while (true) {
    auto upload = co_await uploads_.find(id, caller.viewer(), unix_seconds(clock_.now()));
    if (!upload) co_return fail(std::move(upload.error()));
    if (upload->status == openai::UploadStatus::completed) {
      co_return co_await completed_before(std::move(*upload), std::move(request));
    }
    if (const auto running = completing_.find(id); running != completing_.end()) {
      // Reading gigabytes takes longer than some clients wait before they ask again.
      const auto done = running->second;
      boost::system::error_code woken;  // the other's end is the wake-up itself
      co_await done->async_wait(asio::redirect_error(asio::use_awaitable, woken));
      continue;
    }
    if (upload->status != openai::UploadStatus::pending) co_return fail(not_pending(*upload));
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    const Completing place(*this, id, executor);
    co_return co_await complete_pending(std::move(*upload), std::move(request), caller);
  }
}

Result<std::vector<store::UploadPartRow>> UploadService::pick(
    const store::UploadRow& upload,
    const openai::CompleteUpload& request,
    std::vector<store::UploadPartRow> parts) const {
  std::map<std::string, store::UploadPartRow, std::less<>> known;
  for (store::UploadPartRow& part : parts) {
    std::string part_id = part.id;
    known.emplace(std::move(part_id), std::move(part));
  }
  std::vector<store::UploadPartRow> picked;
  std::set<std::string_view> named;
  std::int64_t bytes = 0;
  for (const std::string& part_id : request.part_ids) {
    if (!named.insert(part_id).second) {
      return fail(wrong_parts(fmt::format("The part '{}' is named twice.", part_id)));
    }
    const auto found = known.find(part_id);
    if (found == known.end()) {
      return fail(
          wrong_parts(fmt::format("Upload {} has no part '{}'.", upload.id.value, part_id)));
    }
    bytes += found->second.bytes;
    picked.push_back(found->second);
  }
  if (bytes != upload.bytes) {
    return fail(wrong_parts(
        fmt::format("The parts have {} bytes in all, but the upload was created for {} bytes.",
                    bytes, upload.bytes)));
  }
  return picked;
}

Task<UploadView> UploadService::complete_pending(store::UploadRow upload,
                                                 openai::CompleteUpload request,
                                                 access::Caller caller) {
  const std::int64_t now_s = unix_seconds(clock_.now());
  // Counted are the files of the key that created the upload, and judged by the limit of the one
  // that completes it: not to be counted is what two keys could do for one another.
  store::FileQuota quota = access::quota_of(caller, now_s);
  auto room = co_await files_.may_insert(upload.by, quota);
  if (!room) co_return fail(std::move(room.error()));
  auto parts = co_await uploads_.parts(upload.id);
  if (!parts) co_return fail(std::move(parts.error()));
  auto picked = pick(upload, request, std::move(*parts));
  if (!picked) co_return fail(std::move(picked.error()));
  std::vector<store::SegmentRow> segments = segments_of(*picked);
  auto scan_json = co_await examine(upload, segments, std::move(request.md5_hex), caller);
  if (!scan_json) co_return fail(std::move(scan_json.error()));
  store::FileRow file = file_of(upload, std::move(*scan_json), now_s);
  auto completed =
      co_await uploads_.complete(upload.id, file, std::move(segments), std::move(quota));
  if (!completed) co_return fail(std::move(completed.error()));
  upload.status = openai::UploadStatus::completed;
  co_return UploadView{std::move(upload), std::move(file)};
}

Task<UploadView> UploadService::completed_before(store::UploadRow upload,
                                                 openai::CompleteUpload request) {
  auto parts = co_await uploads_.parts(upload.id);
  if (!parts) co_return fail(std::move(parts.error()));
  auto segments = co_await files_.segments(upload.file_id);
  if (!segments) co_return fail(std::move(segments.error()));
  const auto picked = pick(upload, request, std::move(*parts));
  const auto same_object = [](const store::UploadPartRow& part, const store::SegmentRow& segment) {
    return part.key == segment.key;
  };
  if (!picked || !std::ranges::equal(*picked, *segments, same_object)) {
    co_return fail(not_pending(upload));
  }
  auto file = co_await files_.find_even_deleted(upload.file_id);
  if (!file) co_return fail(std::move(file.error()));
  co_return UploadView{std::move(upload), std::move(*file)};
}

Task<std::string> UploadService::examine(const store::UploadRow& upload,
                                         const std::vector<store::SegmentRow>& segments,
                                         std::string md5_hex,
                                         access::Caller caller) {
  if (auto allowed = access::check_file_bytes(caller, static_cast<std::uint64_t>(upload.bytes));
      !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  const bool is_batch = upload.purpose == "batch";
  if (!is_batch && md5_hex.empty()) co_return std::string();
  Scanner scanner(limits_.line_bytes_max);
  Md5Stream md5;
  auto reader = read_segments(segments, deployments_, memory_, std::nullopt,
                              Deadline::after(limits_.transfer_time_max));
  while (true) {
    auto window = co_await reader->read();
    if (!window) co_return fail(std::move(window.error()));
    if (window->empty()) break;
    co_await run_blocking(pool_, [&, bytes = *window] {
      if (is_batch) scanner.feed(bytes);
      if (!md5_hex.empty()) md5.feed(bytes);
    });
  }
  if (!md5_hex.empty()) {
    if (const std::string actual = md5.finish(); actual != md5_hex) {
      co_return fail(
          Error(Errc::invalid_request,
                fmt::format("The MD5 of the parts is {}, not {} as given.", actual, md5_hex))
              .param("md5"));
    }
  }
  if (!is_batch) co_return std::string();
  const Scan scan = co_await run_blocking(pool_, [&] { return scanner.finish(); });
  if (auto checked = check_batch_input(scan); !checked) co_return fail(std::move(checked.error()));
  if (auto allowed = check_lines(scan, upload.target_models, caller, deployments_); !allowed) {
    co_return fail(std::move(allowed.error()));
  }
  co_return to_json(scan);
}

Task<UploadView> UploadService::cancel(store::UploadId id, access::Caller caller) {
  auto upload =
      co_await uploads_.cancel(std::move(id), caller.viewer(), unix_seconds(clock_.now()));
  if (!upload) co_return fail(std::move(upload.error()));
  co_return UploadView{std::move(*upload), std::nullopt};
}

}  // namespace quarry::files
