#include "aws/s3_error.h"

#include "aws/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace quarry::aws {

namespace {

using http::ClientResponse;

AwsError s3_error(const ClientResponse& response) {
  AwsError error{.status = response.status};
  error.request_id = response.headers.get("x-amz-request-id").value_or("");
  error.bucket_region = response.headers.get("x-amz-bucket-region").value_or("");
  if (auto body = parse_s3_error(response.body)) {
    error.code = std::move(body->code);
    error.message = std::move(body->message);
    if (error.request_id.empty()) error.request_id = std::move(body->request_id);
    if (!body->region.empty()) error.bucket_region = std::move(body->region);
    error.endpoint = std::move(body->endpoint);
  }
  // HEAD's answers have no body to name it in.
  if (error.code.empty() && error.status == 301) error.code = "PermanentRedirect";
  return error;
}

// The message names what was refused, or is S3's bare "Access Denied".
bool is_access_denied(const AwsError& failure) {
  return failure.code == "AccessDenied" || (failure.status == 403 && failure.code.empty());
}

std::string key_words(const S3Options& options) {
  return options.kms_key_id.empty() ? "the key that encrypts the bucket"
                                    : "s3_encryption_key_id " + options.kms_key_id;
}

std::string region_hint(const AwsError& failure, const S3Label& label, const S3Options& options) {
  const bool wrong_region = failure.status == 301 ||
                            failure.code == "AuthorizationHeaderMalformed" ||
                            (failure.status == 400 && failure.code.empty());  // HEAD's
  if (!wrong_region) return {};
  const std::string& theirs = failure.bucket_region;
  if (!theirs.empty() && theirs != options.region) {
    return fmt::format(
        "bucket {} is in {}, not in {}: set s3_region_name to {}; Bedrock's jobs must run in their "
        "bucket's region, so set aws_region_name to it too, or take a bucket in {}",
        label.bucket, theirs, options.region, theirs, options.region);
  }
  if (failure.endpoint.empty()) return {};
  return fmt::format("bucket {} answers at {}: set s3_region_name to the region that this names",
                     label.bucket, failure.endpoint);
}

// A key that is missing, disabled, or not the caller's to use (KMS developer guide, "Key states").
std::string kms_hint(const AwsError& failure, const S3Options& options) {
  const std::string key = key_words(options);
  constexpr std::array<std::string_view, 3> kActions = {"kms:GenerateDataKey", "kms:Decrypt",
                                                        "kms:Encrypt"};
  for (const std::string_view action : kActions) {
    if (!failure.message.contains(action)) continue;
    return fmt::format(
        "allow kms:GenerateDataKey and kms:Decrypt on {}, both in the caller's policy and in the "
        "key's own",
        key);
  }
  if (!failure.code.starts_with("KMS.")) return {};
  if (failure.code == "KMS.NotFoundException") {
    return fmt::format("no such key in {}: {} must be the ARN of a key in the bucket's region",
                       options.region, key);
  }
  if (failure.code == "KMS.DisabledException") return fmt::format("enable {}", key);
  if (failure.code.contains("InvalidState")) {
    return fmt::format("{} is being deleted or not ready: take another key", key);
  }
  return fmt::format("look at {}", key);
}

std::string access_hint(const AwsError& failure, const S3Label& label, const S3Options& options) {
  if (!is_access_denied(failure)) return {};
  const bool writes = label.operation == "PutObject" || label.operation == "CreateMultipartUpload";
  // Such a policy names neither the header nor the key that it wants.
  if (writes && options.kms_key_id.empty() && failure.message.contains("explicit deny")) {
    return "a policy forbids it; if the bucket's asks for a KMS key, set s3_encryption_key_id";
  }
  // S3 does not tell a wrong owner from a missing permission.
  if (options.bucket_owner.empty() || failure.message.contains("not authorized")) return {};
  return fmt::format("s3_bucket_owner is {}: if bucket {} belongs to another account, that is why",
                     options.bucket_owner, label.bucket);
}

}  // namespace

std::optional<AwsError> find_s3_error(const ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return std::nullopt;
  return s3_error(response);
}

std::optional<AwsError> find_s3_error_in_any_body(const ClientResponse& response) {
  if (find_s3_error(response) || parse_s3_error(response.body)) return s3_error(response);
  return std::nullopt;
}

Errc s3_errc(const AwsError& failure) {
  const std::string& code = failure.code;
  if (is_throttle_code(code) || failure.status == 429) return Errc::throttled;
  // A missing bucket is no missing object: who takes it for one would think its data gone.
  if (code == "NoSuchBucket") return Errc::upstream;
  if (is_damage_code(code)) return Errc::corrupt;
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

Error s3_refusal(AwsError failure, const S3Label& label, const S3Options& options) {
  std::string hint = region_hint(failure, label, options);
  if (hint.empty()) hint = kms_hint(failure, options);
  if (hint.empty()) hint = access_hint(failure, label, options);
  if (!hint.empty()) failure.message += (failure.message.empty() ? "hint: " : "; hint: ") + hint;
  return to_error(s3_errc(failure), failure, label.operation, label.subject);
}

}  // namespace quarry::aws
