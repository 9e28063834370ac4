#pragma once
// Where a service of AWS answers: its own host by region and partition, or an override. Pure.

#include "base/result.h"

#include <string>
#include <string_view>

namespace quarry::aws {

struct Endpoint {
  bool https = true;
  std::string authority;  // "host" or "host:port", lower case, the scheme's own port left out: what
                          // Host says
  std::string base_path;  // "" or "/a/b", percent-encoded
  bool overridden = false;
};

// "https://host[:port][/path]". Errors: invalid_request (another scheme, no host, user info, a
// query or fragment, a port out of range).
Result<Endpoint> parse_endpoint(std::string_view url);

// service: "s3", "bedrock", "bedrock-runtime". "us-gov-west-1" ->
// "bedrock.us-gov-west-1.amazonaws.com"; the suffix follows the region's partition (botocore's
// partitions.json).
Endpoint aws_endpoint(std::string_view service, std::string_view region);

}  // namespace quarry::aws
