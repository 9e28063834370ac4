#include "aws/s3_client_http.h"

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

AwsError s3_error(const ClientResponse& response) {
  AwsError error{.status = response.status};
  error.request_id = response.headers.get("x-amz-request-id").value_or("");
  std::string region(response.headers.get("x-amz-bucket-region").value_or(""));
  if (auto body = parse_s3_error(response.body)) {
    error.code = std::move(body->code);
    error.message = std::move(body->message);
    if (error.request_id.empty()) error.request_id = std::move(body->request_id);
    if (!body->region.empty()) region = std::move(body->region);
  }
  const bool wrong_region = response.status == 301 || error.code == "AuthorizationHeaderMalformed";
  if (wrong_region && !region.empty()) {
    error.message += "; hint: the bucket is in " + region + ", set s3_region_name to it";
  }
  return error;
}

std::optional<AwsError> find_s3_error(const ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return std::nullopt;
  return s3_error(response);
}

// S3 sends the 200 before it knows: "A 200 OK response can contain either a success or an error"
// (API reference, CompleteMultipartUpload).
std::optional<AwsError> find_error_in_any_body(const ClientResponse& response) {
  if (find_s3_error(response) || parse_s3_error(response.body)) return s3_error(response);
  return std::nullopt;
}

Errc s3_errc(const AwsError& failure) {
  const std::string& code = failure.code;
  if (is_throttle_code(code) || failure.status == 429) return Errc::throttled;
  // A missing bucket is no missing object: who takes it for one would think its data gone.
  if (code == "NoSuchBucket") return Errc::upstream;
  if (failure.status == 404) return Errc::not_found;
  if (failure.status == 412 || code == "ConditionalRequestConflict" || code == "OperationAborted") {
    return Errc::conflict;
  }
  const Remedy remedy = remedy_for(failure);
  if (remedy == Remedy::wait) return Errc::unavailable;
  if (remedy == Remedy::renew_credentials && !code.empty()) return Errc::forbidden;
  if (failure.status == 401 || failure.status == 403) return Errc::forbidden;
  return failure.status >= 500 && failure.status != 501 ? Errc::unavailable : Errc::upstream;
}

// "bytes 0-9/100" -> {0, 9, 100}; "bytes */100" -> {nullopt, nullopt, 100}.
struct ContentRange {
  std::optional<std::uint64_t> first, last, total;
};
ContentRange parse_content_range(std::string_view text) {
  ContentRange out;
  if (!text.starts_with("bytes ")) return out;
  text.remove_prefix(6);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return out;
  out.total = number(text.substr(slash + 1));
  const std::size_t dash = std::min(text.find('-'), slash);
  out.first = number(text.substr(0, dash));
  if (dash < slash) out.last = number(text.substr(dash + 1, slash - dash - 1));
  return out;
}

std::string etag_header(const ClientResponse& response) {
  return strip_etag(response.headers.get("ETag").value_or(""));
}

// What a 2xx answer to a ranged GET says, checked against what was asked for.
Result<RangeRead> read_of(const ClientResponse& response, std::uint64_t offset) {
  RangeRead read{.bytes = response.buffer_bytes, .etag = etag_header(response)};
  if (response.status != 206) {
    // The whole object: an empty one, or a server that knows no ranges.
    if (offset != 0) return fail(Errc::upstream, "the server ignored Range");
    read.object_bytes = response.buffer_bytes;
    return read;
  }
  const auto range = parse_content_range(response.headers.get("Content-Range").value_or(""));
  if (!range.first || !range.last || !range.total || *range.first != offset ||
      *range.last - offset + 1 != response.buffer_bytes) {
    return fail(Errc::corrupt, "Content-Range does not match the bytes asked for and sent");
  }
  read.object_bytes = *range.total;
  return read;
}

class HttpS3Client final : public S3Client {
 public:
  HttpS3Client(Wire wire,
               std::shared_ptr<CredentialProvider> credentials,
               SenderOptions sender_options,
               S3Options options)
      : sender_(wire, std::move(credentials), std::move(sender_options)),
        options_(std::move(options)) {}

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
  AwsRequest request(std::string operation, std::string method, const S3Uri& object) const;
  // As sender_.send(), but S3's refusals are Errors too.
  Task<ClientResponse> call(AwsRequest request, Deadline deadline);

  RequestSender sender_;
  S3Options options_;
};

Error refused(const AwsError& failure, const AwsRequest& request) {
  return to_error(s3_errc(failure), failure, request.operation, request.subject);
}

AwsRequest HttpS3Client::request(std::string operation,
                                 std::string method,
                                 const S3Uri& object) const {
  AwsRequest out;
  out.operation = std::move(operation);
  out.subject = to_string(object);
  out.method = std::move(method);
  const std::string key = percent_encode(object.key, true);
  if (!sender_.endpoint().overridden && can_be_virtual_host(object.bucket)) {
    out.authority = object.bucket + "." + sender_.endpoint().authority;
    out.path = "/" + key;
  } else {
    out.path = "/" + percent_encode(object.bucket, false) + "/" + key;
  }
  return out;
}

// A name for messages, kept apart since the request itself is given away.
AwsRequest label_of(const AwsRequest& request) {
  AwsRequest label;
  label.operation = request.operation;
  label.subject = request.subject;
  return label;
}

Task<ClientResponse> HttpS3Client::call(AwsRequest request, Deadline deadline) {
  const AwsRequest label = label_of(request);
  auto reply = co_await sender_.send(std::move(request), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) co_return fail(refused(*reply->failure, label));
  co_return std::move(reply->response);
}

Task<RangeRead> HttpS3Client::get_range(S3Uri object,
                                        std::uint64_t offset,
                                        std::span<std::byte> buffer,
                                        std::string if_match,
                                        Deadline deadline) {
  AwsRequest get = request("GetObject", "GET", object);
  if (buffer.empty()) co_return fail(Errc::internal, "get_range into an empty buffer");
  get.headers.set("Range", fmt::format("bytes={}-{}", offset, offset + buffer.size() - 1));
  if (!if_match.empty()) get.headers.set("If-Match", "\"" + if_match + "\"");
  get.response_buffer = buffer;
  const AwsRequest label = label_of(get);
  auto reply = co_await sender_.send(std::move(get), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (!reply->failure) {
    auto read = read_of(reply->response, offset);
    if (!read) co_return fail(std::move(read.error()).within("GetObject " + label.subject));
    co_return std::move(*read);
  }
  if (reply->failure->status != 416) co_return fail(refused(*reply->failure, label));
  // Nothing lies at `offset`: right at the end, and so in every empty object, that is no error.
  auto total = parse_content_range(reply->response.headers.get("Content-Range").value_or("")).total;
  if (const auto body = parse_s3_error(reply->response.body); !total && body) {
    total = number(body->actual_object_size);
  }
  if (total == offset) {
    co_return RangeRead{.bytes = 0, .object_bytes = offset, .etag = etag_header(reply->response)};
  }
  co_return fail(to_error(Errc::invalid_request, *reply->failure, label.operation, label.subject));
}

Task<ObjectInfo> HttpS3Client::put(S3Uri object,
                                   std::span<const std::byte> bytes,
                                   Deadline deadline) {
  AwsRequest put = request("PutObject", "PUT", object);
  put.body = bytes;
  auto response = co_await call(std::move(put), deadline);
  if (!response) co_return fail(std::move(response.error()));
  co_return ObjectInfo{std::move(object.key), bytes.size(), etag_header(*response)};
}

Task<ObjectInfo> HttpS3Client::put_new(S3Uri object,
                                       std::span<const std::byte> bytes,
                                       Deadline deadline) {
  AwsRequest put = request("PutObject", "PUT", object);
  put.body = bytes;
  put.headers.set("If-None-Match", "*");
  auto response = co_await call(std::move(put), deadline);
  if (!response) co_return fail(std::move(response.error()));
  co_return ObjectInfo{std::move(object.key), bytes.size(), etag_header(*response)};
}

Task<std::string> HttpS3Client::bucket_region(std::string bucket, Deadline deadline) {
  auto reply = co_await sender_.send(request("HeadBucket", "HEAD", {bucket, ""}), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  const auto region = reply->response.headers.get("x-amz-bucket-region");
  if (region) co_return std::string(*region);
  if (reply->failure) {
    co_return fail(to_error(s3_errc(*reply->failure), *reply->failure, "HeadBucket", bucket));
  }
  co_return std::string();
}

Task<ObjectInfo> HttpS3Client::head(S3Uri object, Deadline deadline) {
  auto response = co_await call(request("HeadObject", "HEAD", object), deadline);
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
  AwsRequest list = request("ListObjectsV2", "GET", {prefix.bucket, ""});
  list.subject = to_string(prefix);
  // Keys may hold what XML cannot say.
  list.query = "list-type=2&encoding-type=url&prefix=" + percent_encode(prefix.key, false);
  if (token) list.query += "&continuation-token=" + percent_encode(*token, false);
  auto response = co_await call(std::move(list), deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto page = parse_list_page(response->body);
  if (!page) co_return fail(std::move(page.error()).within("ListObjectsV2 " + to_string(prefix)));
  co_return std::move(*page);
}

Task<void> HttpS3Client::remove(S3Uri object, Deadline deadline) {
  auto response = co_await call(request("DeleteObject", "DELETE", object), deadline);
  // Some S3 servers say so; AWS answers 204.
  if (!response && response.error().code() != Errc::not_found) {
    co_return fail(std::move(response.error()));
  }
  co_return Result<void>();
}

Task<std::string> HttpS3Client::create_multipart(S3Uri object, Deadline deadline) {
  AwsRequest create = request("CreateMultipartUpload", "POST", object);
  create.query = "uploads=";
  auto response = co_await call(std::move(create), deadline);
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
  AwsRequest part = request("UploadPart", "PUT", object);
  part.query = fmt::format("partNumber={}&uploadId={}", number, percent_encode(upload_id, false));
  part.body = bytes;
  auto response = co_await call(std::move(part), deadline);
  if (!response) co_return fail(std::move(response.error()));
  PartTag tag{number, etag_header(*response)};
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
  AwsRequest complete = request("CompleteMultipartUpload", "POST", object);
  complete.query = "uploadId=" + percent_encode(upload_id, false);
  complete.headers.set("Content-Type", "application/xml");
  complete.body = as_bytes(body);
  complete.find_error = find_error_in_any_body;
  const AwsRequest label = label_of(complete);
  auto reply = co_await sender_.send(std::move(complete), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) {
    Error error = refused(*reply->failure, label);
    // The attempt before may have made the object and lost its answer. Then the object has one part
    // for each of ours.
    if (reply->failure->code != "NoSuchUpload" || reply->attempts == 1)
      co_return fail(std::move(error));
    auto made = co_await head(object, deadline);
    if (!made || !made->etag.ends_with(fmt::format("-{}", parts.size()))) {
      co_return fail(std::move(error));
    }
    co_return std::move(*made);
  }
  auto etag = parse_completed_etag(reply->response.body);
  if (!etag) co_return fail(std::move(etag.error()).within(label.operation + " " + label.subject));
  co_return ObjectInfo{std::move(object.key), 0, std::move(*etag)};
}

Task<void> HttpS3Client::abort_multipart(S3Uri object, std::string upload_id, Deadline deadline) {
  AwsRequest abort = request("AbortMultipartUpload", "DELETE", object);
  abort.query = "uploadId=" + percent_encode(upload_id, false);
  auto response = co_await call(std::move(abort), deadline);
  if (!response && response.error().code() != Errc::not_found) {
    co_return fail(std::move(response.error()));
  }
  co_return Result<void>();
}

Task<MultipartPage> HttpS3Client::list_multiparts(S3Uri prefix,
                                                  std::optional<MultipartMarker> after,
                                                  Deadline deadline) {
  AwsRequest list = request("ListMultipartUploads", "GET", {prefix.bucket, ""});
  list.subject = to_string(prefix);
  list.query = "uploads=&encoding-type=url&prefix=" + percent_encode(prefix.key, false);
  if (after) {
    list.query += "&key-marker=" + percent_encode(after->key, false) +
                  "&upload-id-marker=" + percent_encode(after->upload_id, false);
  }
  auto response = co_await call(std::move(list), deadline);
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
  SenderOptions sender;
  sender.endpoint = std::move(endpoint);
  sender.scope = {options.region, "s3", PathRule::as_is};
  sender.find_error = find_s3_error;
  sender.jitter = std::move(jitter);
  return std::make_shared<HttpS3Client>(wire, std::move(credentials), std::move(sender),
                                        std::move(options));
}

}  // namespace quarry::aws
