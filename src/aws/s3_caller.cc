#include "aws/s3_caller.h"

#include "aws/s3_checksum.h"
#include "base/bytes.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace quarry::aws {

namespace {

constexpr const char* kChecksumField = "x-amz-checksum-crc32";

// An address has no names below it.
bool is_address(std::string_view authority) {
  if (authority.starts_with('[')) return true;
  const std::string_view host = authority.substr(0, authority.find(':'));
  return std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool stands_before_host(const Endpoint& endpoint,
                        const S3Options& options,
                        const std::string& bucket) {
  if (!can_be_virtual_host(bucket)) return false;
  switch (options.addressing) {
    case config::S3Addressing::path:
      return false;
    case config::S3Addressing::virtual_host:
      return !is_address(endpoint.authority);
    case config::S3Addressing::automatic:
      return !endpoint.overridden;
  }
  return false;
}

// "amazonaws.com" of "s3.us-east-1.amazonaws.com"; "" where it is not AWS's own.
std::string_view dns_suffix(const Endpoint& endpoint, const std::string& region) {
  const std::string before = "." + region + ".";
  const std::size_t at = endpoint.overridden ? std::string::npos : endpoint.authority.find(before);
  if (at == std::string::npos) return {};
  return std::string_view(endpoint.authority).substr(at + before.size());
}

// Where a redirect of S3's leads: to another host of AWS's, and never to less than TLS. Whatever an
// answer names gets a signed request, and perhaps an object.
struct Target {
  std::string authority;
  std::string path;
};
std::optional<Target> redirect_target(const http::ClientResponse& response,
                                      const Endpoint& endpoint,
                                      const std::string& region) {
  std::string_view url = response.headers.get("Location").value_or("");
  const std::string_view scheme = endpoint.https ? "https://" : "http://";
  if (!url.starts_with(scheme) || !endpoint.base_path.empty()) return std::nullopt;
  url.remove_prefix(scheme.size());
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slash = url.find('/');
  const auto host = parse_endpoint(std::string(scheme) + std::string(url.substr(0, slash)));
  if (!host || slash == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = dns_suffix(endpoint, region);
  if (suffix.empty() || !host->authority.ends_with("." + std::string(suffix))) return std::nullopt;
  return Target{host->authority, std::string(url.substr(slash))};
}

SenderOptions sender_options(Endpoint endpoint, const std::string& region, Jitter jitter) {
  SenderOptions out;
  out.endpoint = std::move(endpoint);
  out.scope = {region, "s3", PathRule::as_is};
  // Only another region than ours says something.
  out.find_error = [region](const http::ClientResponse& response) {
    auto error = find_s3_error(response);
    if (error && error->bucket_region == region) error->bucket_region.clear();
    return error;
  };
  out.jitter = std::move(jitter);
  return out;
}

}  // namespace

S3Label label_of(const AwsRequest& request, const std::string& bucket) {
  return {request.operation, request.subject, bucket};
}

S3Caller::S3Caller(Wire wire,
                   std::shared_ptr<CredentialProvider> credentials,
                   Endpoint endpoint,
                   S3Options options,
                   Jitter jitter)
    : sender_(wire,
              std::move(credentials),
              sender_options(std::move(endpoint), options.region, std::move(jitter))),
      pool_(wire.pool),
      options_(std::move(options)) {}

AwsRequest S3Caller::request(std::string operation, std::string method, const S3Uri& object) const {
  AwsRequest out;
  out.operation = std::move(operation);
  out.subject = to_string(object);
  out.method = std::move(method);
  const std::string key = percent_encode(object.key, true);
  if (stands_before_host(sender_.endpoint(), options_, object.bucket)) {
    out.authority = object.bucket + "." + sender_.endpoint().authority;
    out.path = "/" + key;
  } else {
    out.path = "/" + percent_encode(object.bucket, false) + "/" + key;
  }
  if (!options_.bucket_owner.empty()) {
    out.headers.set("x-amz-expected-bucket-owner", options_.bucket_owner);
  }
  return out;
}

Task<AwsReply> S3Caller::send(AwsRequest request, Deadline deadline) {
  AwsRequest again = request;
  auto reply = co_await sender_.send(std::move(request), deadline);
  if (!reply || !reply->failure || reply->failure->status != 307) co_return reply;
  // What was won by resuming is not asked for again.
  if (again.resume && reply->attempts > 1) co_return reply;
  auto target = redirect_target(reply->response, sender_.endpoint(), options_.region);
  if (!target) co_return reply;
  again.authority = std::move(target->authority);
  again.path = std::move(target->path);
  co_return co_await sender_.send(std::move(again), deadline);
}

Task<http::ClientResponse> S3Caller::call(AwsRequest request,
                                          std::string bucket,
                                          Deadline deadline) {
  const S3Label label = label_of(request, bucket);
  auto reply = co_await send(std::move(request), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) co_return fail(s3_refusal(*std::move(reply->failure), label, options_));
  co_return std::move(reply->response);
}

void S3Caller::set_encryption(AwsRequest& request) const {
  if (options_.kms_key_id.empty()) return;
  request.headers.set("x-amz-server-side-encryption", "aws:kms");
  request.headers.set("x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key_id);
  if (options_.bucket_key) {
    request.headers.set("x-amz-server-side-encryption-bucket-key-enabled", "true");
  }
}

Awaitable<std::string> S3Caller::checksum_of(std::span<const std::byte> bytes) {
  if (!options_.send_checksums) co_return std::string();
  if (bytes.size() <= kInlineBytesMax) co_return crc32_text(bytes);
  co_return co_await run_blocking(pool_, [bytes] { return crc32_text(bytes); });
}

void S3Caller::set_checksum(AwsRequest& request, const std::string& checksum) const {
  if (checksum.empty()) return;
  request.headers.set(kChecksumField, checksum);
  request.find_error = [checksum](const http::ClientResponse& response) {
    auto error = find_s3_error(response);
    // A server that keeps none says nothing.
    const auto theirs = response.headers.get(kChecksumField);
    if (error || !theirs || *theirs == checksum) return error;
    return std::optional(AwsError{.status = response.status,
                                  .code = kChecksumMismatch,
                                  .message = "S3 got other bytes than were sent"});
  };
}

}  // namespace quarry::aws
