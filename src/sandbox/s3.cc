#include "sandbox/s3.h"

#include "sandbox/s3_rules.h"
#include "sandbox/xml.h"

#include <array>
#include <charconv>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kKeyBytesMax = 1024;
constexpr std::size_t kXmlBytesMax = 4 * 1024;  // of CreateBucket's body

// Sub-resources that S3 has and the sandbox has not: a request for one must not fall through to the
// object.
constexpr std::array<std::string_view, 25> kNotImplemented{"accelerate",
                                                           "acl",
                                                           "analytics",
                                                           "attributes",
                                                           "cors",
                                                           "encryption",
                                                           "intelligent-tiering",
                                                           "inventory",
                                                           "legal-hold",
                                                           "lifecycle",
                                                           "logging",
                                                           "metrics",
                                                           "notification",
                                                           "object-lock",
                                                           "ownershipControls",
                                                           "policy",
                                                           "policyStatus",
                                                           "publicAccessBlock",
                                                           "replication",
                                                           "requestPayment",
                                                           "restore",
                                                           "retention",
                                                           "tagging",
                                                           "versions",
                                                           "website"};

S3Answer head_bucket(S3Context& s3, const S3Request& request) {
  http::ServerResponse response;
  response.headers.set("x-amz-bucket-region", region_of_bucket(s3, request.bucket, request.caller));
  response.headers.set("Content-Type", "application/xml");
  return response;
}

S3Answer bucket_location(S3Context& s3, const S3Request& request) {
  const std::string region = region_of_bucket(s3, request.bucket, request.caller);
  XmlWriter xml;
  xml.open_result("LocationConstraint");
  // us-east-1 is the empty constraint (S3, GetBucketLocation).
  std::string text = std::move(xml).text();
  text += region == "us-east-1" ? "" : xml_escape(region);
  return xml_response(text + "</LocationConstraint>");
}

S3Answer versioning() {
  XmlWriter xml;
  xml.open_result("VersioningConfiguration");
  xml.close("VersioningConfiguration");
  return xml_response(std::move(xml).text());
}

S3Answer method_not_allowed() {
  return refuse(405, "MethodNotAllowed",
                "The specified method is not allowed against this resource.");
}

Awaitable<S3Answer> bucket_operation(S3Context& s3, S3Request request, http::BodyReader& body) {
  const std::string& method = request.http.method;
  if (method == "PUT") co_return co_await create_bucket(s3, std::move(request), body);
  if (method == "DELETE") co_return co_await delete_bucket(s3, std::move(request));
  if (method == "HEAD") co_return head_bucket(s3, request);
  if (method == "POST" && request.query.has("delete")) {
    co_return co_await delete_objects(s3, std::move(request), body);
  }
  if (method != "GET") co_return method_not_allowed();
  if (request.query.has("location")) co_return bucket_location(s3, request);
  if (request.query.has("versioning")) co_return versioning();
  if (request.query.has("uploads")) co_return list_uploads(s3, request);
  co_return list_objects(s3, request);
}

Awaitable<S3Answer> object_operation(S3Context& s3, S3Request request, http::BodyReader& body) {
  const std::string& method = request.http.method;
  const bool of_upload = request.query.has("uploadId");
  if (method == "PUT") {
    if (of_upload) co_return co_await upload_part(s3, std::move(request), body);
    if (request.http.headers.get("x-amz-copy-source"))
      co_return co_await copy_object(s3, std::move(request));
    co_return co_await put_object(s3, std::move(request), body);
  }
  if (method == "POST") {
    if (request.query.has("uploads")) co_return co_await create_upload(s3, std::move(request));
    if (of_upload) co_return co_await complete_upload(s3, std::move(request), body);
    co_return method_not_allowed();
  }
  if (method == "DELETE") {
    if (of_upload) co_return co_await abort_upload(s3, std::move(request));
    co_return co_await delete_object(s3, std::move(request));
  }
  if (method == "GET" && of_upload) co_return list_parts(s3, request);
  if (method == "GET" || method == "HEAD") co_return co_await get_object(s3, std::move(request));
  co_return method_not_allowed();
}

Awaitable<S3Answer> operate(S3Context& s3, S3Request request, http::BodyReader& body) {
  if (request.bucket.empty()) {
    if (request.http.method != "GET") co_return method_not_allowed();
    if (auto right = check_permission(s3, request); !right)
      co_return std::unexpected(std::move(right.error()));
    co_return list_buckets(s3, request);
  }
  if (request.key.size() > kKeyBytesMax) {
    co_return refuse(400, "KeyTooLongError", "Your key is too long");
  }
  for (const std::string_view name : kNotImplemented) {
    if (request.query.has(name)) {
      co_return refuse(501, "NotImplemented",
                       "A header you provided implies functionality that is not implemented");
    }
  }
  const bool creates = request.http.method == "PUT" && request.key.empty();
  if (!creates && !s3.objects.bucket(request.bucket)) {
    auto fault = refuse(404, "NoSuchBucket", "The specified bucket does not exist");
    fault.error().details = {{"BucketName", request.bucket}};
    co_return fault;
  }
  if (auto right = creates ? check_permission(s3, request) : check_bucket_rules(s3, request);
      !right) {
    co_return std::unexpected(std::move(right.error()));
  }
  if (request.key.empty()) co_return co_await bucket_operation(s3, std::move(request), body);
  co_return co_await object_operation(s3, std::move(request), body);
}

Answer<S3Request> verified(const S3Context& s3,
                           http::ServerRequest request,
                           std::chrono::seconds clock_offset) {
  const std::string declared(
      request.headers.get("x-amz-content-sha256").value_or("UNSIGNED-PAYLOAD"));
  auto caller =
      verify_signature(request, Service::s3, declared, s3.identities, s3.wall.now() + clock_offset);
  if (!caller) return std::unexpected(std::move(caller.error()));
  if (!caller->presigned && !request.headers.get("x-amz-content-sha256")) {
    return refuse(400, "InvalidRequest",
                  "Missing required header for this request: x-amz-content-sha256");
  }
  auto query = Query::parse(request.query);
  if (!query) return refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
  return S3Request{.http = std::move(request),
                   .query = std::move(*query),
                   .bucket = {},
                   .key = {},
                   .caller = std::move(*caller)};
}

}  // namespace

Awaitable<http::ServerResponse> handle_s3(S3Context& s3,
                                          http::ServerRequest request,
                                          http::BodyReader& body,
                                          std::string bucket,
                                          std::string key,
                                          std::chrono::seconds clock_offset) {
  const std::string path = request.path;
  const std::string id = s3_request_id();
  std::string region;  // of the bucket, for whom it is not to be had
  S3Answer answer;
  if (auto ready = verified(s3, std::move(request), clock_offset); ready) {
    ready->bucket = std::move(bucket);
    ready->key = std::move(key);
    region = region_of_bucket(s3, ready->bucket, ready->caller);
    answer = co_await operate(s3, std::move(*ready), body);
  } else {
    answer = std::unexpected(std::move(ready.error()));
  }
  http::ServerResponse response = answer ? std::move(*answer) : s3_fault(answer.error(), path, id);
  if (!region.empty() && (response.status == 301 || response.status == 403))
    response.headers.set("x-amz-bucket-region", region);
  response.headers.set("x-amz-request-id", id);
  response.headers.set("x-amz-id-2", "quarry-sandbox");
  response.headers.set("Server", "AmazonS3");
  co_return response;
}

http::ServerResponse xml_response(std::string body) {
  http::ServerResponse response;
  response.headers.set("Content-Type", "application/xml");
  response.body = std::move(body);
  return response;
}

Fault no_such_key(const std::string& key) {
  return Fault{.status = 404,
               .code = "NoSuchKey",
               .message = "The specified key does not exist.",
               .details = {{"Key", key}}};
}

std::string quoted_etag(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

Answer<std::size_t> count_argument(const Query& query,
                                   std::string_view name,
                                   std::size_t fallback) {
  const auto text = query.get(name);
  if (!text || text->empty()) return fallback;
  std::size_t value = 0;
  const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || at != text->data() + text->size()) {
    return refuse(400, "InvalidArgument",
                  "Provided " + std::string(name) + " not an integer or within integer range");
  }
  return value;
}

Awaitable<S3Answer> create_bucket(S3Context& s3, S3Request request, http::BodyReader& body) {
  std::string region = request.caller.region;
  if (request.http.headers.get("content-length").value_or("0") != "0") {
    auto payload = Payload::expect(request.http.headers, request.caller);
    if (!payload) co_return std::unexpected(std::move(payload.error()));
    auto text = co_await receive_text(body, std::move(*payload), kXmlBytesMax);
    if (!text) co_return std::unexpected(std::move(text.error()));
    const auto constraint = read_location_constraint(*text);
    if (!constraint) {
      co_return refuse(400, "MalformedXML",
                       "The XML you provided was not well-formed or did not validate against our "
                       "published schema");
    }
    if (!constraint->empty()) region = *constraint;
  }
  if (!valid_bucket_name(request.bucket)) {
    auto fault = refuse(400, "InvalidBucketName", "The specified bucket is not valid.");
    fault.error().details = {{"BucketName", request.bucket}};
    co_return fault;
  }
  const bool made = co_await run_blocking(
      s3.pool, [&] { return s3.objects.create_bucket(request.bucket, region, s3.clock.now()); });
  // In us-east-1 creating one's own bucket again succeeds (S3, CreateBucket).
  const std::string known = region_of_bucket(s3, request.bucket, request.caller);
  if (!made && known != "us-east-1") {
    auto fault = refuse(
        409, "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.");
    fault.error().details = {{"BucketName", request.bucket}};
    co_return fault;
  }
  http::ServerResponse response;
  response.headers.set("Location", "/" + request.bucket);
  co_return response;
}

Awaitable<S3Answer> delete_bucket(S3Context& s3, S3Request request) {
  auto gone =
      co_await run_blocking(s3.pool, [&] { return s3.objects.delete_bucket(request.bucket); });
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  s3.uploads.forget_bucket(request.bucket);
  http::ServerResponse response;
  response.status = 204;
  co_return response;
}

S3Answer list_buckets(S3Context& s3, const S3Request& request) {
  XmlWriter xml;
  xml.open_result("ListAllMyBucketsResult");
  xml.open("Owner");
  xml.element("ID", kAccountId);
  xml.element("DisplayName", "quarry-sandbox");
  xml.close("Owner");
  xml.open("Buckets");
  for (const BucketInfo& bucket : s3.objects.buckets()) {
    xml.open("Bucket");
    xml.element("Name", bucket.name);
    xml.element("CreationDate", iso8601(bucket.created));
    xml.element("BucketRegion", region_of_bucket(s3, bucket.name, request.caller));
    xml.close("Bucket");
  }
  xml.close("Buckets");
  xml.close("ListAllMyBucketsResult");
  return xml_response(std::move(xml).text());
}

}  // namespace quarry::sandbox
