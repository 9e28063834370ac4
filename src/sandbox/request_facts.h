#pragma once
// What a request asks for, told from its head alone and before anything about it is verified: the
// operation by AWS's name, the region it claims, and the texts by which a fault may pick it out.

#include "http/server.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

enum class OperationGroup { s3, bedrock, runtime, sts, quotas, metadata, job, unknown };

struct Operation {
  std::string_view name;  // "PutObject"; "Unknown"
  OperationGroup group = OperationGroup::unknown;
};

// Every operation that the sandbox tells apart, without "Unknown".
std::span<const Operation> known_operations();

struct RequestFacts {
  Operation operation{.name = "Unknown"};
  std::string region;  // of the credential scope as claimed; "" when there is none
  // S3: "bucket/key", of a list "bucket/prefix". Bedrock: the ARN or model id of the path, decoded,
  // and the body; where the path names a job, that job's name and model id too.
  std::vector<std::string> texts;
};

// `bucket` and `key` are decoded.
RequestFacts s3_facts(const http::ServerRequest& request,
                      std::string_view bucket,
                      std::string_view key);
RequestFacts bedrock_facts(const http::ServerRequest& request);
// Of STS (its Action and its form), Service Quotas, and where instances get their credentials.
RequestFacts named_facts(const http::ServerRequest& request,
                         OperationGroup group,
                         std::string_view operation_name,
                         std::string_view text);

}  // namespace quarry::sandbox
