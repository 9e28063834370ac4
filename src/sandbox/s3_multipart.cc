// Multipart uploads: create, parts, complete, abort, and the two lists.

#include "sandbox/s3.h"
#include "sandbox/s3_rules.h"
#include "sandbox/xml.h"

#include <algorithm>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kCompleteBytesMax = 4 << 20;  // 10,000 parts with their checksums
constexpr std::size_t kPageMax = 1000;

std::unexpected<Fault> no_such_upload(const std::string& id) {
  auto fault = refuse(404, "NoSuchUpload",
                      "The specified upload does not exist. The upload ID may be invalid, or the "
                      "upload may have been aborted or completed.");
  fault.error().details = {{"UploadId", id}};
  return fault;
}

void write_account(XmlWriter& xml, std::string_view element) {
  xml.open(element);
  xml.element("ID", kAccountId);
  xml.element("DisplayName", "quarry-sandbox");
  xml.close(element);
}

}  // namespace

Awaitable<S3Answer> create_upload(S3Context& s3, S3Request request) {
  if (auto right = check_new_encryption(s3, request); !right)
    co_return std::unexpected(std::move(right.error()));
  MultipartUpload upload;
  upload.bucket = request.bucket;
  upload.key = request.key;
  upload.initiated = s3.clock.now();
  upload.headers = object_headers(request.http.headers);
  if (const auto algorithm = request.http.headers.get("x-amz-checksum-algorithm")) {
    upload.checksum = checksum_kind(*algorithm);
    if (!upload.checksum) {
      co_return refuse(400, "InvalidRequest",
                       "Checksum algorithm provided is unsupported. Please try again with any of "
                       "the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
    }
    upload.full_object_checksum =
        request.http.headers.get("x-amz-checksum-type")
            .value_or(upload.checksum == DigestKind::crc64nvme ? "FULL_OBJECT" : "COMPOSITE") ==
        "FULL_OBJECT";
    if (upload.full_object_checksum ? !is_crc(*upload.checksum)
                                    : upload.checksum == DigestKind::crc64nvme) {
      co_return refuse(400, "InvalidRequest",
                       std::string("The ") +
                           (upload.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE") +
                           " checksum type cannot be used with the " +
                           checksum_name(*upload.checksum) + " checksum algorithm.");
    }
  }
  auto made = co_await run_blocking(s3.pool, [&] { return s3.uploads.create(std::move(upload)); });
  XmlWriter xml;
  xml.open_result("InitiateMultipartUploadResult");
  xml.element("Bucket", made.bucket);
  xml.element("Key", made.key);
  xml.element("UploadId", made.id);
  xml.close("InitiateMultipartUploadResult");
  auto response = xml_response(std::move(xml).text());
  add_encryption_headers(response.headers, made.headers);
  if (made.checksum) {
    response.headers.set("x-amz-checksum-algorithm", checksum_name(*made.checksum));
    response.headers.set("x-amz-checksum-type",
                         made.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
  }
  co_return response;
}

Awaitable<S3Answer> upload_part(S3Context& s3, S3Request request, http::BodyReader& body) {
  const std::string id = *request.query.get("uploadId");
  const auto number = count_argument(request.query, "partNumber", 0);
  if (!number || *number < 1 || *number > UploadStore::kPartNumberMax) {
    co_return refuse(400, "InvalidArgument",
                     "Part number must be an integer between 1 and 10000, inclusive");
  }
  if (request.http.headers.get("x-amz-copy-source")) {
    co_return refuse(501, "NotImplemented",
                     "A header you provided implies functionality that is not implemented");
  }
  // Asked before the body is taken, and again by add_part().
  const auto upload = s3.uploads.find_head(request.bucket, request.key, id);
  if (!upload) co_return no_such_upload(id);
  if (auto right = check_decrypt(s3, request, upload->headers); !right)
    co_return std::unexpected(std::move(right.error()));
  auto payload = Payload::expect(request.http.headers, request.caller);
  if (!payload) co_return std::unexpected(std::move(payload.error()));
  if (upload->checksum) {
    if (const auto given = payload->given_checksum(); given && given != upload->checksum) {
      co_return refuse(400, "InvalidRequest",
                       "Checksum Type mismatch occurred, expected checksum Type: " +
                           checksum_name(*upload->checksum) +
                           ", actual checksum Type: " + checksum_name(*given));
    }
    payload->compute(*upload->checksum);
  }
  auto received = co_await receive_file(s3.io, s3.pool, s3.blocks, body, std::move(*payload),
                                        s3.objects.temp_folder());
  if (!received) co_return std::unexpected(std::move(received.error()));
  UploadPart part{.number = static_cast<int>(*number),
                  .size = received->summary.size,
                  .etag = hex(as_bytes(received->summary.md5)),
                  .checksum = received->summary.checksum,
                  .modified = s3.clock.now(),
                  .file = {}};
  auto added = co_await run_blocking(s3.pool, [&] {
    return s3.uploads.add_part(request.bucket, request.key, id, std::move(part), *received->file);
  });
  if (!added) co_return std::unexpected(std::move(added.error()));
  http::ServerResponse response;
  response.headers.set("ETag", quoted_etag(added->etag));
  add_encryption_headers(response.headers, upload->headers);
  if (added->checksum)
    response.headers.set(checksum_header(added->checksum->kind), added->checksum->value);
  co_return response;
}

Awaitable<S3Answer> complete_upload(S3Context& s3, S3Request request, http::BodyReader& body) {
  const std::string id = *request.query.get("uploadId");
  auto condition = write_condition(request.http.headers);
  if (!condition) co_return std::unexpected(std::move(condition.error()));
  if (const auto upload = s3.uploads.find_head(request.bucket, request.key, id)) {
    if (auto right = check_decrypt(s3, request, upload->headers); !right)
      co_return std::unexpected(std::move(right.error()));
  }
  // Its x-amz-checksum-* are those of the object to be, not of this body.
  http::Headers of_body;
  std::optional<Checksum> expected;
  for (const auto& [name, value] : request.http.headers.fields()) {
    const auto kind = checksum_kind(name);
    if (kind) expected = Checksum{.kind = *kind, .value = value};
    if (!kind) of_body.add(name, value);
  }
  auto payload = Payload::expect(of_body, request.caller);
  if (!payload) co_return std::unexpected(std::move(payload.error()));
  auto text = co_await receive_text(body, std::move(*payload), kCompleteBytesMax);
  if (!text) co_return std::unexpected(std::move(text.error()));
  const auto parts = read_complete_request(*text);
  if (!parts) {
    co_return refuse(400, "MalformedXML",
                     "The XML you provided was not well-formed or did not validate against our "
                     "published schema");
  }
  const SysTime now = s3.clock.now();
  auto made = co_await run_blocking(s3.pool, [&] {
    return s3.uploads.complete(request.bucket, request.key, id, *parts,
                               {.condition = *condition, .checksum = expected}, now);
  });
  if (!made) co_return std::unexpected(std::move(made.error()));
  XmlWriter xml;
  xml.open_result("CompleteMultipartUploadResult");
  xml.element("Location", "http://" + std::string(request.http.headers.get("host").value_or("")) +
                              request.http.path);
  xml.element("Bucket", request.bucket);
  xml.element("Key", request.key);
  xml.element("ETag", quoted_etag((*made)->etag));
  for (const auto& [name, value] : (*made)->headers) {
    if (const auto kind = checksum_kind(name))
      xml.element("Checksum" + checksum_name(*kind), value);
    if (name == "x-amz-checksum-type") xml.element("ChecksumType", value);
  }
  xml.close("CompleteMultipartUploadResult");
  auto response = xml_response(std::move(xml).text());
  add_encryption_headers(response.headers, (*made)->headers);
  co_return response;
}

Awaitable<S3Answer> abort_upload(S3Context& s3, S3Request request) {
  const std::string id = *request.query.get("uploadId");
  auto gone = co_await run_blocking(
      s3.pool, [&] { return s3.uploads.abort(request.bucket, request.key, id); });
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  http::ServerResponse response;
  response.status = 204;
  co_return response;
}

S3Answer list_parts(S3Context& s3, const S3Request& request) {
  const std::string id = *request.query.get("uploadId");
  const auto upload = s3.uploads.find(request.bucket, request.key, id);
  if (!upload) return no_such_upload(id);
  auto after = count_argument(request.query, "part-number-marker", 0);
  auto count = count_argument(request.query, "max-parts", kPageMax);
  if (!after || !count) return std::unexpected(after ? count.error() : after.error());
  const std::size_t count_max = std::min(*count, kPageMax);
  XmlWriter xml;
  xml.open_result("ListPartsResult");
  xml.element("Bucket", upload->bucket);
  xml.element("Key", upload->key);
  xml.element("UploadId", upload->id);
  write_account(xml, "Initiator");
  write_account(xml, "Owner");
  xml.element("StorageClass", "STANDARD");
  xml.element("PartNumberMarker", std::to_string(*after));
  xml.element("MaxParts", std::to_string(count_max));
  if (upload->checksum) xml.element("ChecksumAlgorithm", checksum_name(*upload->checksum));
  std::size_t given = 0;
  auto at = upload->parts.upper_bound(
      static_cast<int>(std::min<std::size_t>(*after, UploadStore::kPartNumberMax)));
  std::size_t last = *after;
  for (; at != upload->parts.end() && given < count_max; ++at, ++given) {
    const UploadPart& part = at->second;
    last = static_cast<std::size_t>(part.number);
    xml.open("Part");
    xml.element("PartNumber", std::to_string(part.number));
    xml.element("LastModified", iso8601(part.modified));
    xml.element("ETag", quoted_etag(part.etag));
    xml.element("Size", std::to_string(part.size));
    if (part.checksum)
      xml.element("Checksum" + checksum_name(part.checksum->kind), part.checksum->value);
    xml.close("Part");
  }
  const bool truncated = at != upload->parts.end();
  if (truncated) xml.element("NextPartNumberMarker", std::to_string(last));
  xml.element("IsTruncated", truncated ? "true" : "false");
  xml.close("ListPartsResult");
  return xml_response(std::move(xml).text());
}

S3Answer list_uploads(S3Context& s3, const S3Request& request) {
  auto count = count_argument(request.query, "max-uploads", kPageMax);
  if (!count) return std::unexpected(std::move(count.error()));
  const std::size_t count_max = std::min(*count, kPageMax);
  const std::string prefix = request.query.get("prefix").value_or("");
  const std::string key_marker = request.query.get("key-marker").value_or("");
  const std::string id_marker = request.query.get("upload-id-marker").value_or("");
  auto uploads = s3.uploads.list(request.bucket);
  std::erase_if(uploads,
                [&](const MultipartUpload& upload) { return !upload.key.starts_with(prefix); });
  // Past the marker: later keys, and, when an upload is named too, the later uploads of that key.
  auto at = std::ranges::find_if(
      uploads, [&](const MultipartUpload& upload) { return upload.key > key_marker; });
  if (!id_marker.empty()) {
    const auto marked = std::ranges::find(uploads, id_marker, &MultipartUpload::id);
    if (marked != uploads.end()) at = std::next(marked);
  }
  XmlWriter xml;
  xml.open_result("ListMultipartUploadsResult");
  xml.element("Bucket", request.bucket);
  xml.element("Prefix", prefix);
  xml.element("KeyMarker", key_marker);
  xml.element("UploadIdMarker", id_marker);
  xml.element("MaxUploads", std::to_string(count_max));
  std::size_t given = 0;
  const MultipartUpload* last = nullptr;
  for (; at != uploads.end() && given < count_max; ++at, ++given) {
    last = &*at;
    xml.open("Upload");
    xml.element("Key", at->key);
    xml.element("UploadId", at->id);
    write_account(xml, "Initiator");
    write_account(xml, "Owner");
    xml.element("StorageClass", "STANDARD");
    xml.element("Initiated", iso8601(at->initiated));
    xml.close("Upload");
  }
  const bool truncated = at != uploads.end();
  if (truncated && last != nullptr) {
    xml.element("NextKeyMarker", last->key);
    xml.element("NextUploadIdMarker", last->id);
  }
  xml.element("IsTruncated", truncated ? "true" : "false");
  xml.close("ListMultipartUploadsResult");
  return xml_response(std::move(xml).text());
}

}  // namespace quarry::sandbox
