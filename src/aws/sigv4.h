#pragma once
// AWS Signature Version 4 (AWS IAM user guide, "Create a signed AWS API request"). A pure function of the request,
// the credentials, the scope and one `now`.

#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "http/message.h"

namespace quarry::aws {

// How the path becomes the canonical URI.
enum class PathRule {
  as_is,         // S3: the path as sent, never normalised
  encode_again,  // every other service: dot segments removed, then each segment percent-encoded once more
};

struct SigningScope {
  std::string region;
  std::string service;  // "s3", "bedrock" (for bedrock-runtime too), "sts"
  PathRule path_rule = PathRule::encode_again;
};

struct UnsignedRequest {
  std::string method;
  std::string path;   // as sent, percent-encoded
  std::string query;  // as sent, without '?'
  http::Headers headers;       // Host included
  std::string payload_sha256;  // hex of the body, or "UNSIGNED-PAYLOAD"
};

std::string canonical_uri(std::string_view sent_path, PathRule rule);
// Sorted by encoded name, then value; "uploads" becomes "uploads=".
std::string canonical_query(std::string_view sent_query);

struct Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;       // hex
  std::string signed_headers;
};

// Sets X-Amz-Date, X-Amz-Security-Token (if any), for "s3" X-Amz-Content-Sha256, and Authorization on
// `request.headers`. Signing twice gives the same headers, not doubled ones. The returned texts are for tests;
// never log them (the token is in them).
Signature sign(UnsignedRequest& request, const Credentials& credentials, const SigningScope& scope, SysTime now);

}  // namespace quarry::aws
