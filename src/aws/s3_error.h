#pragma once
// S3's refusals: what an answer says, what the caller can do about it, and what its operator can.
// Pure.

#include "aws/retry.h"
#include "aws/s3_client_http.h"
#include "base/result.h"
#include "http/client.h"

#include <optional>
#include <string>

namespace quarry::aws {

// nullopt: a 2xx.
std::optional<AwsError> find_s3_error(const http::ClientResponse& response);
// S3 sends the 200 before it knows: "A 200 OK response can contain either a success or an error"
// (API reference, CompleteMultipartUpload).
std::optional<AwsError> find_s3_error_in_any_body(const http::ClientResponse& response);

// The code that find_error gives an answer whose checksum is not that of the bytes; no word of
// S3's.
inline constexpr const char* kChecksumMismatch = "ChecksumMismatch";

Errc s3_errc(const AwsError& failure);

// What a call is about, for messages and hints.
struct S3Label {
  std::string operation;
  std::string subject;  // s3://bucket/key
  std::string bucket;
};
// With a hint where a setting or a permission would mend it.
Error s3_refusal(AwsError failure, const S3Label& label, const S3Options& options);

}  // namespace quarry::aws
