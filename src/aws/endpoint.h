#pragma once
// Where a service of AWS answers: its own host by region and partition, or an override. Pure but
// for the environment.

#include "base/result.h"
#include "config/settings.h"

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

// Which of AWS's own hosts.
struct EndpointVariant {
  bool fips = false;        // AWS_USE_FIPS_ENDPOINT
  bool dual_stack = false;  // AWS_USE_DUALSTACK_ENDPOINT
};

// service: "s3", "bedrock", "bedrock-runtime", "sts", "servicequotas", "portal.sso", "oidc".
// "us-gov-west-1" -> "bedrock.us-gov-west-1.amazonaws.com"; the suffix follows the region's
// partition (botocore's partitions.json and each service's endpoint rules).
Endpoint aws_endpoint(std::string_view service,
                      std::string_view region,
                      EndpointVariant variant = {});

// "aws", "aws-us-gov", "aws-cn", "aws-eusc", "aws-iso"…
std::string_view partition_of(std::string_view region);

// What the environment says of endpoints: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL (neither
// where AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true), AWS_USE_FIPS_ENDPOINT,
// AWS_USE_DUALSTACK_ENDPOINT. `setting` wins where it is not empty. Errors: invalid_request (a URL
// that is none; the message names the variable).
Result<Endpoint> find_endpoint(std::string_view service,
                               const std::string& region,
                               const std::string& setting,
                               const config::Environment& environment);

}  // namespace quarry::aws
