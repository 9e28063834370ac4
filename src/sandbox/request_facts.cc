#include "sandbox/request_facts.h"

#include "base/bytes.h"
#include "sandbox/wire.h"

#include <algorithm>
#include <array>
#include <optional>

namespace quarry::sandbox {
namespace {

using enum OperationGroup;

constexpr std::array kOperations{
    Operation{"ListBuckets", s3},
    Operation{"CreateBucket", s3},
    Operation{"DeleteBucket", s3},
    Operation{"HeadBucket", s3},
    Operation{"GetBucketLocation", s3},
    Operation{"GetBucketVersioning", s3},
    Operation{"ListObjects", s3},
    Operation{"ListObjectsV2", s3},
    Operation{"PutObject", s3},
    Operation{"CopyObject", s3},
    Operation{"GetObject", s3},
    Operation{"HeadObject", s3},
    Operation{"DeleteObject", s3},
    Operation{"DeleteObjects", s3},
    Operation{"CreateMultipartUpload", s3},
    Operation{"UploadPart", s3},
    Operation{"CompleteMultipartUpload", s3},
    Operation{"AbortMultipartUpload", s3},
    Operation{"ListParts", s3},
    Operation{"ListMultipartUploads", s3},
    Operation{"CreateModelInvocationJob", bedrock},
    Operation{"GetModelInvocationJob", bedrock},
    Operation{"ListModelInvocationJobs", bedrock},
    Operation{"StopModelInvocationJob", bedrock},
    Operation{"GetFoundationModel", bedrock},
    Operation{"GetInferenceProfile", bedrock},
    Operation{"ListInferenceProfiles", bedrock},
    Operation{"ListTagsForResource", bedrock},
    Operation{"TagResource", bedrock},
    Operation{"UntagResource", bedrock},
    Operation{"InvokeModel", runtime},
    Operation{"Converse", runtime},
    Operation{"AssumeRole", sts},
    Operation{"AssumeRoleWithWebIdentity", sts},
    Operation{"GetCallerIdentity", sts},
    Operation{"GetSessionToken", sts},
    Operation{"ListServiceQuotas", quotas},
    Operation{"GetServiceQuota", quotas},
    Operation{"GetMetadataToken", metadata},
    Operation{"GetMetadata", metadata},
    Operation{"GetInstanceRole", metadata},
    Operation{"GetInstanceCredentials", metadata},
    Operation{"GetContainerCredentials", metadata},
    Operation{"GetRoleCredentials", metadata},
};

Operation named(std::string_view operation_name) {
  const auto* found = std::ranges::find(kOperations, operation_name, &Operation::name);
  return found == kOperations.end() ? Operation{.name = "Unknown"} : *found;
}

std::string_view bucket_operation(std::string_view method, const Query& query) {
  if (method == "PUT") return "CreateBucket";
  if (method == "DELETE") return "DeleteBucket";
  if (method == "HEAD") return "HeadBucket";
  if (method == "POST" && query.has("delete")) return "DeleteObjects";
  if (method != "GET") return "Unknown";
  if (query.has("location")) return "GetBucketLocation";
  if (query.has("versioning")) return "GetBucketVersioning";
  if (query.has("uploads")) return "ListMultipartUploads";
  return query.get("list-type") == "2" ? "ListObjectsV2" : "ListObjects";
}

std::string_view object_operation(std::string_view method,
                                  const Query& query,
                                  const http::Headers& headers) {
  const bool of_upload = query.has("uploadId");
  if (method == "PUT") {
    if (of_upload) return "UploadPart";
    return headers.get("x-amz-copy-source") ? "CopyObject" : "PutObject";
  }
  if (method == "POST") {
    if (query.has("uploads")) return "CreateMultipartUpload";
    return of_upload ? "CompleteMultipartUpload" : "Unknown";
  }
  if (method == "DELETE") return of_upload ? "AbortMultipartUpload" : "DeleteObject";
  if (method == "GET") return of_upload ? "ListParts" : "GetObject";
  return method == "HEAD" ? "HeadObject" : "Unknown";
}

// "AKID/20260102/us-east-1/s3/aws4_request" -> "us-east-1"
std::string region_of_scope(std::string_view credential) {
  for (int skipped = 0; skipped < 2; ++skipped) {
    const std::size_t slash = credential.find('/');
    if (slash == std::string_view::npos) return "";
    credential.remove_prefix(slash + 1);
  }
  const std::size_t end = credential.find('/');
  return end == std::string_view::npos ? "" : std::string(credential.substr(0, end));
}

std::string claimed_region(const http::ServerRequest& request) {
  constexpr std::string_view kCredential = "Credential=";
  const std::string_view header = request.headers.get("authorization").value_or("");
  if (const std::size_t at = header.find(kCredential); at != std::string_view::npos)
    return region_of_scope(header.substr(at + kCredential.size()));
  const auto query = Query::parse(request.query);
  return query ? region_of_scope(query->get("X-Amz-Credential").value_or("")) : "";
}

}  // namespace

std::span<const Operation> known_operations() { return kOperations; }

RequestFacts s3_facts(const http::ServerRequest& request,
                      std::string_view bucket,
                      std::string_view key) {
  RequestFacts facts;
  facts.operation.group = s3;
  facts.region = claimed_region(request);
  const auto query = Query::parse(request.query);
  if (!query) return facts;
  if (bucket.empty()) {
    if (request.method == "GET") facts.operation = named("ListBuckets");
  } else {
    facts.operation =
        named(key.empty() ? bucket_operation(request.method, *query)
                          : object_operation(request.method, *query, request.headers));
  }
  facts.operation.group = s3;
  std::string place(bucket);
  place += '/';
  place += key.empty() ? query->get("prefix").value_or("") : std::string(key);
  facts.texts.push_back(std::move(place));
  return facts;
}

RequestFacts bedrock_facts(const http::ServerRequest& request) {
  RequestFacts facts;
  facts.region = claimed_region(request);
  std::vector<std::string_view> segments;
  for (std::string_view rest = std::string_view(request.path).substr(1);;) {
    const std::size_t slash = rest.find('/');
    segments.push_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  const bool get = request.method == "GET", post = request.method == "POST";
  const std::size_t count = segments.size();
  facts.operation.group = bedrock;
  if (segments[0] == "model-invocation-job") {
    if (count == 1 && post) facts.operation = named("CreateModelInvocationJob");
    if (count == 2 && get) facts.operation = named("GetModelInvocationJob");
    if (count == 3 && post && segments[2] == "stop")
      facts.operation = named("StopModelInvocationJob");
  } else if (segments[0] == "model-invocation-jobs") {
    if (count == 1 && get) facts.operation = named("ListModelInvocationJobs");
  } else if (segments[0] == "foundation-models") {
    if (count == 2 && get) facts.operation = named("GetFoundationModel");
  } else if (segments[0] == "inference-profiles") {
    if (count == 1 && get) facts.operation = named("ListInferenceProfiles");
    if (count == 2 && get) facts.operation = named("GetInferenceProfile");
  } else if (segments[0] == "listTagsForResource" || segments[0] == "tagResource" ||
             segments[0] == "untagResource") {
    if (count == 1 && post) {
      facts.operation = named(segments[0] == "tagResource"     ? "TagResource"
                              : segments[0] == "untagResource" ? "UntagResource"
                                                               : "ListTagsForResource");
    }
  } else {
    facts.operation.group = runtime;
    if (count == 3 && post && segments[2] == "invoke") facts.operation = named("InvokeModel");
    if (count == 3 && post && segments[2] == "converse") facts.operation = named("Converse");
  }
  if (count > 1) facts.texts.push_back(percent_decode(segments[1]).value_or(""));
  return facts;
}

RequestFacts named_facts(const http::ServerRequest& request,
                         OperationGroup group,
                         std::string_view operation_name,
                         std::string_view text) {
  RequestFacts facts;
  facts.operation = named(operation_name);
  facts.operation.group = group;
  facts.region = claimed_region(request);
  facts.texts.emplace_back(text);
  return facts;
}

}  // namespace quarry::sandbox
