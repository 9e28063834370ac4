#include "sandbox/s3_rules.h"

#include "sandbox/kms.h"
#include "sandbox/request_facts.h"

#include <fmt/format.h>

#include <array>

namespace quarry::sandbox {
namespace {

constexpr auto kActions = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"ListBuckets", "s3:ListAllMyBuckets"},
    {"CreateBucket", "s3:CreateBucket"},
    {"DeleteBucket", "s3:DeleteBucket"},
    {"HeadBucket", "s3:ListBucket"},
    {"GetBucketLocation", "s3:GetBucketLocation"},
    {"GetBucketVersioning", "s3:GetBucketVersioning"},
    {"ListObjects", "s3:ListBucket"},
    {"ListObjectsV2", "s3:ListBucket"},
    {"PutObject", "s3:PutObject"},
    {"CopyObject", "s3:PutObject"},
    {"GetObject", "s3:GetObject"},
    {"HeadObject", "s3:GetObject"},
    {"DeleteObject", "s3:DeleteObject"},
    {"CreateMultipartUpload", "s3:PutObject"},
    {"UploadPart", "s3:PutObject"},
    {"CompleteMultipartUpload", "s3:PutObject"},
    {"AbortMultipartUpload", "s3:AbortMultipartUpload"},
    {"ListParts", "s3:ListMultipartUploadParts"},
    {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
});

// "" where the operation is asked about object by object (DeleteObjects).
std::string_view action_of(std::string_view operation) {
  for (const auto& [name, action] : kActions) {
    if (name == operation) return action;
  }
  return "";
}

std::string arn_of(std::string_view bucket, std::string_view key) {
  return key.empty() ? fmt::format("arn:aws:s3:::{}", bucket)
                     : fmt::format("arn:aws:s3:::{}/{}", bucket, key);
}

Answer<void> check_region(const S3Context& s3, const S3Request& request) {
  const AccountBucket* known = s3.identities.account().bucket(request.bucket);
  if (known == nullptr || known->region.empty() || known->region == request.caller.region)
    return {};
  auto fault = refuse(
      301, "PermanentRedirect",
      "The bucket you are attempting to access must be addressed using the specified endpoint. "
      "Please send all future requests to this endpoint.");
  fault.error().details = {
      {"Endpoint", fmt::format("{}.s3.{}.amazonaws.com", request.bucket, known->region)},
      {"Bucket", request.bucket}};
  return fault;
}

Answer<void> check_owner(const S3Context& s3, const S3Request& request) {
  const auto expected = request.http.headers.get("x-amz-expected-bucket-owner");
  if (!expected) return {};
  if (!is_account_id(*expected))
    return refuse(400, "InvalidBucketOwnerAWSAccountID",
                  "The value of the expected bucket owner parameter must be an AWS account ID");
  if (*expected == s3.identities.account().owner_of(request.bucket)) return {};
  return refuse(403, "AccessDenied", "Access Denied");
}

}  // namespace

std::string region_of_bucket(const S3Context& s3, const std::string& bucket, const Caller& caller) {
  const AccountBucket* known = s3.identities.account().bucket(bucket);
  if (known != nullptr && !known->region.empty()) return known->region;
  const auto made = s3.objects.bucket(bucket);
  if (!made) return "";
  return made->region.empty() ? caller.region : made->region;
}

Answer<void> check_object_action(const S3Context& s3,
                                 const S3Request& request,
                                 std::string_view action,
                                 std::string_view bucket,
                                 std::string_view key) {
  return s3.identities.authorize(request.caller.principal, action, arn_of(bucket, key),
                                 "AccessDenied");
}

Answer<void> check_permission(const S3Context& s3, const S3Request& request) {
  const auto facts = s3_facts(request.http, request.bucket, request.key);
  const std::string_view action = action_of(facts.operation.name);
  if (action.empty()) return {};
  return check_object_action(s3, request, action, request.bucket.empty() ? "*" : request.bucket,
                             request.key);
}

Answer<void> check_bucket_rules(const S3Context& s3, const S3Request& request) {
  if (auto right = check_region(s3, request); !right) return right;
  if (auto right = check_owner(s3, request); !right) return right;
  return check_permission(s3, request);
}

Answer<void> check_new_encryption(const S3Context& s3, const S3Request& request) {
  const auto& headers = request.http.headers;
  const std::string_view kind = headers.get("x-amz-server-side-encryption").value_or("");
  const bool by_kms = kind == "aws:kms" || kind == "aws:kms:dsse";
  if (!kind.empty() && kind != "AES256" && !by_kms) {
    return refuse(400, "InvalidArgument", "The encryption method specified is not supported");
  }
  std::string key = key_of(headers.fields());
  if (!key.empty() && !by_kms) {
    return refuse(400, "InvalidArgument",
                  "Server Side Encryption with AWS KMS managed key requires HTTP header "
                  "x-amz-server-side-encryption : aws:kms");
  }
  const Account& account = s3.identities.account();
  const std::string& who = request.caller.principal.arn;
  key = key_arn(key, request.caller.region, request.caller.principal.account);
  if (!key.empty()) {
    if (auto right = use_key(account, who, key, "kms:GenerateDataKey"); !right) return right;
  }
  return check_required_key(account, who, request.bucket, key, request.key);
}

Answer<void> check_decrypt(const S3Context& s3,
                           const S3Request& request,
                           const std::vector<std::pair<std::string, std::string>>& object_headers) {
  const std::string key =
      key_arn(key_of(object_headers), request.caller.region, request.caller.principal.account);
  if (key.empty()) return {};
  return use_key(s3.identities.account(), request.caller.principal.arn, key, "kms:Decrypt");
}

Fault missing_object(const S3Context& s3, const S3Request& request, const std::string& key) {
  auto right = check_object_action(s3, request, "s3:ListBucket", request.bucket, "");
  return right ? no_such_key(key) : std::move(right.error());
}

}  // namespace quarry::sandbox
