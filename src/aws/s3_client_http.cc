#include "aws/s3_client_http.h"

#include "aws/s3_caller.h"
#include "aws/s3_checksum.h"
#include "aws/s3_range.h"
#include "aws/s3_xml.h"
#include "base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace quarry::aws {

namespace {

using http::ClientResponse;

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::string etag_header(const ClientResponse& response) {
  return strip_etag(response.headers.get("ETag").value_or(""));
}

class HttpS3Client final : public S3Client {
 public:
  HttpS3Client(Wire wire,
               std::shared_ptr<CredentialProvider> credentials,
               Endpoint endpoint,
               S3Options options,
               Jitter jitter)
      : s3_(wire,
            std::move(credentials),
            std::move(endpoint),
            std::move(options),
            std::move(jitter)) {}

  Task<RangeRead> get_range(S3Uri object,
                            std::uint64_t offset,
                            std::span<std::byte> buffer,
                            std::string if_match,
                            Deadline deadline) override;
  Task<ObjectInfo> put(S3Uri object, std::span<const std::byte> bytes, Deadline deadline) override;
  Task<ObjectInfo> put_new(S3Uri object,
                           std::span<const std::byte> bytes,
                           Deadline deadline) override;
  Task<ObjectInfo> head(S3Uri object, Deadline deadline) override;
  Task<std::string> bucket_region(std::string bucket, Deadline deadline) override;
  Task<ListPage> list(S3Uri prefix, std::optional<std::string> token, Deadline deadline) override;
  Task<void> remove(S3Uri object, Deadline deadline) override;
  Task<std::string> create_multipart(S3Uri object, Deadline deadline) override;
  Task<PartTag> upload_part(S3Uri object,
                            std::string upload_id,
                            int number,
                            std::span<const std::byte> bytes,
                            Deadline deadline) override;
  Task<ObjectInfo> complete_multipart(S3Uri object,
                                      std::string upload_id,
                                      std::vector<PartTag> parts,
                                      Deadline deadline) override;
  Task<void> abort_multipart(S3Uri object, std::string upload_id, Deadline deadline) override;
  Task<MultipartPage> list_multiparts(S3Uri prefix,
                                      std::optional<MultipartMarker> after,
                                      Deadline deadline) override;

 private:
  // The object, if it is the one of these bytes that put_new was to make.
  Awaitable<std::optional<ObjectInfo>> find_made(S3Uri object,
                                                 std::span<const std::byte> bytes,
                                                 std::string checksum,
                                                 Deadline deadline);

  S3Caller s3_;
};

Task<RangeRead> HttpS3Client::get_range(S3Uri object,
                                        std::uint64_t offset,
                                        std::span<std::byte> buffer,
                                        std::string if_match,
                                        Deadline deadline) {
  return read_range(s3_, std::move(object), offset, buffer, std::move(if_match), deadline);
}

Task<ObjectInfo> HttpS3Client::put(S3Uri object,
                                   std::span<const std::byte> bytes,
                                   Deadline deadline) {
  const auto checksum = co_await s3_.checksum_of(bytes);
  AwsRequest put = s3_.request("PutObject", "PUT", object);
  put.body = bytes;
  s3_.set_encryption(put);
  s3_.set_checksum(put, checksum);
  auto response = co_await s3_.call(std::move(put), object.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  co_return ObjectInfo{std::move(object.key), bytes.size(), etag_header(*response)};
}

Task<ObjectInfo> HttpS3Client::put_new(S3Uri object,
                                       std::span<const std::byte> bytes,
                                       Deadline deadline) {
  const auto checksum = co_await s3_.checksum_of(bytes);
  AwsRequest put = s3_.request("PutObject", "PUT", object);
  put.body = bytes;
  put.headers.set("If-None-Match", "*");
  s3_.set_encryption(put);
  s3_.set_checksum(put, checksum);
  const S3Label label = label_of(put, object.bucket);
  auto reply = co_await s3_.send(std::move(put), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (!reply->failure) {
    co_return ObjectInfo{std::move(object.key), bytes.size(), etag_header(reply->response)};
  }
  // An attempt before may have made the object and lost its answer; libcurl makes one of its own
  // where a pooled connection turns out to be dead.
  if (reply->failure->status == 412) {
    auto made = co_await find_made(object, bytes, checksum, deadline);
    if (made) co_return *std::move(made);
  }
  co_return fail(s3_refusal(*std::move(reply->failure), label, s3_.options()));
}

// By its checksum, or by its MD5, which the etag is unless a key of KMS's encrypted it.
Awaitable<std::optional<ObjectInfo>> HttpS3Client::find_made(S3Uri object,
                                                             std::span<const std::byte> bytes,
                                                             std::string checksum,
                                                             Deadline deadline) {
  AwsRequest head = s3_.request("HeadObject", "HEAD", object);
  head.headers.set("x-amz-checksum-mode", "ENABLED");
  const auto found = co_await s3_.call(std::move(head), object.bucket, deadline);
  if (!found || number(found->headers.get("Content-Length").value_or("")) != bytes.size()) {
    co_return std::nullopt;
  }
  const std::string etag = etag_header(*found);
  const auto encryption = found->headers.get("x-amz-server-side-encryption").value_or("");
  const auto theirs = found->headers.get("x-amz-checksum-crc32");
  bool ours = !checksum.empty() && theirs == checksum;
  if (!ours && !encryption.starts_with("aws:kms")) {
    ours = etag == hex(co_await run_blocking(s3_.pool(), [bytes] { return md5(bytes); }));
  }
  if (!ours) co_return std::nullopt;
  co_return ObjectInfo{std::move(object.key), bytes.size(), etag};
}

Task<std::string> HttpS3Client::bucket_region(std::string bucket, Deadline deadline) {
  AwsRequest head = s3_.request("HeadBucket", "HEAD", {bucket, ""});
  head.subject = bucket;
  const S3Label label = label_of(head, bucket);
  auto reply = co_await s3_.send(std::move(head), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  const auto region = reply->response.headers.get("x-amz-bucket-region");
  if (region) co_return std::string(*region);
  if (reply->failure) {
    co_return fail(s3_refusal(*std::move(reply->failure), label, s3_.options()));
  }
  co_return std::string();
}

Task<ObjectInfo> HttpS3Client::head(S3Uri object, Deadline deadline) {
  auto response =
      co_await s3_.call(s3_.request("HeadObject", "HEAD", object), object.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  const auto size = number(response->headers.get("Content-Length").value_or(""));
  if (!size) {
    co_return fail(Errc::corrupt, "HeadObject " + to_string(object) + ": no Content-Length");
  }
  co_return ObjectInfo{std::move(object.key), *size, etag_header(*response)};
}

Task<ListPage> HttpS3Client::list(S3Uri prefix,
                                  std::optional<std::string> token,
                                  Deadline deadline) {
  AwsRequest list = s3_.request("ListObjectsV2", "GET", {prefix.bucket, ""});
  list.subject = to_string(prefix);
  // Keys may hold what XML cannot say.
  list.query = "list-type=2&encoding-type=url&prefix=" + percent_encode(prefix.key, false);
  if (token) list.query += "&continuation-token=" + percent_encode(*token, false);
  auto response = co_await s3_.call(std::move(list), prefix.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto page = parse_list_page(response->body);
  if (!page) co_return fail(std::move(page.error()).within("ListObjectsV2 " + to_string(prefix)));
  co_return std::move(*page);
}

Task<void> HttpS3Client::remove(S3Uri object, Deadline deadline) {
  auto response =
      co_await s3_.call(s3_.request("DeleteObject", "DELETE", object), object.bucket, deadline);
  // Some S3 servers say so; AWS answers 204.
  if (!response && response.error().code() != Errc::not_found) {
    co_return fail(std::move(response.error()));
  }
  co_return Result<void>();
}

Task<std::string> HttpS3Client::create_multipart(S3Uri object, Deadline deadline) {
  AwsRequest create = s3_.request("CreateMultipartUpload", "POST", object);
  create.query = "uploads=";
  s3_.set_encryption(create);
  if (s3_.options().send_checksums) create.headers.set("x-amz-checksum-algorithm", "CRC32");
  auto response = co_await s3_.call(std::move(create), object.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto id = parse_upload_id(response->body);
  if (!id)
    co_return fail(std::move(id.error()).within("CreateMultipartUpload " + to_string(object)));
  co_return std::move(*id);
}

Task<PartTag> HttpS3Client::upload_part(S3Uri object,
                                        std::string upload_id,
                                        int number,
                                        std::span<const std::byte> bytes,
                                        Deadline deadline) {
  const auto checksum = co_await s3_.checksum_of(bytes);
  AwsRequest part = s3_.request("UploadPart", "PUT", object);
  part.query = fmt::format("partNumber={}&uploadId={}", number, percent_encode(upload_id, false));
  part.body = bytes;
  s3_.set_checksum(part, checksum);
  auto response = co_await s3_.call(std::move(part), object.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  // A server that says nothing of it keeps none, and need not know one when it completes.
  const auto kept = response->headers.get("x-amz-checksum-crc32");
  PartTag tag{number, etag_header(*response), kept ? checksum : std::string()};
  if (tag.etag.empty()) {
    co_return fail(Errc::corrupt, "UploadPart " + to_string(object) + ": no ETag");
  }
  co_return tag;
}

Task<ObjectInfo> HttpS3Client::complete_multipart(S3Uri object,
                                                  std::string upload_id,
                                                  std::vector<PartTag> parts,
                                                  Deadline deadline) {
  const std::string body = complete_multipart_body(parts);
  AwsRequest complete = s3_.request("CompleteMultipartUpload", "POST", object);
  complete.query = "uploadId=" + percent_encode(upload_id, false);
  complete.headers.set("Content-Type", "application/xml");
  complete.body = as_bytes(body);
  complete.find_error = find_s3_error_in_any_body;
  const S3Label label = label_of(complete, object.bucket);
  auto reply = co_await s3_.send(std::move(complete), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) {
    const bool gone = reply->failure->code == "NoSuchUpload";
    Error error = s3_refusal(*std::move(reply->failure), label, s3_.options());
    // The attempt before may have made the object and lost its answer. Then the object has one part
    // for each of ours.
    if (!gone || reply->attempts == 1) co_return fail(std::move(error));
    auto made = co_await head(object, deadline);
    if (!made || !made->etag.ends_with(fmt::format("-{}", parts.size()))) {
      co_return fail(std::move(error));
    }
    co_return std::move(*made);
  }
  auto made = parse_completed(reply->response.body);
  if (!made) co_return fail(std::move(made.error()).within(label.operation + " " + label.subject));
  // One of the whole object, without a "-", cannot be told from the parts' own.
  if (const std::string ours = composite_crc32(parts);
      !ours.empty() && made->crc32.contains('-') && made->crc32 != ours) {
    co_return fail(Error(Errc::corrupt, label.operation + " " + label.subject +
                                            ": S3's checksum is not that of the parts")
                       .reason(kChecksumMismatch));
  }
  co_return ObjectInfo{std::move(object.key), 0, std::move(made->etag)};
}

Task<void> HttpS3Client::abort_multipart(S3Uri object, std::string upload_id, Deadline deadline) {
  AwsRequest abort = s3_.request("AbortMultipartUpload", "DELETE", object);
  abort.query = "uploadId=" + percent_encode(upload_id, false);
  auto response = co_await s3_.call(std::move(abort), object.bucket, deadline);
  if (!response && response.error().code() != Errc::not_found) {
    co_return fail(std::move(response.error()));
  }
  co_return Result<void>();
}

Task<MultipartPage> HttpS3Client::list_multiparts(S3Uri prefix,
                                                  std::optional<MultipartMarker> after,
                                                  Deadline deadline) {
  AwsRequest list = s3_.request("ListMultipartUploads", "GET", {prefix.bucket, ""});
  list.subject = to_string(prefix);
  list.query = "uploads=&encoding-type=url&prefix=" + percent_encode(prefix.key, false);
  if (after) {
    list.query += "&key-marker=" + percent_encode(after->key, false) +
                  "&upload-id-marker=" + percent_encode(after->upload_id, false);
  }
  auto response = co_await s3_.call(std::move(list), prefix.bucket, deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto page = parse_multipart_page(response->body);
  if (!page) {
    co_return fail(std::move(page.error()).within("ListMultipartUploads " + to_string(prefix)));
  }
  co_return std::move(*page);
}

}  // namespace

bool can_be_virtual_host(const std::string& bucket) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return bucket.size() >= 3 && bucket.size() <= 63 && std::ranges::all_of(bucket, allowed) &&
         bucket.front() != '-' && bucket.back() != '-';
}

std::shared_ptr<S3Client> make_s3_client(Wire wire,
                                         std::shared_ptr<CredentialProvider> credentials,
                                         Endpoint endpoint,
                                         S3Options options,
                                         Jitter jitter) {
  return std::make_shared<HttpS3Client>(wire, std::move(credentials), std::move(endpoint),
                                        std::move(options), std::move(jitter));
}

void read_checksum_settings(S3Options& options, const config::Environment& environment) {
  const auto is_wanted = [&](const char* variable) {
    std::string value = environment(variable).value_or("");
    std::ranges::transform(value, value.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return value != "when_required";
  };
  options.send_checksums = is_wanted("AWS_REQUEST_CHECKSUM_CALCULATION");
  options.verify_checksums = is_wanted("AWS_RESPONSE_CHECKSUM_VALIDATION");
}

}  // namespace quarry::aws
