#pragma once
// The role of an EC2 instance, from its metadata service ("IMDS credential provider", AWS SDKs and
// Tools Reference Guide): version 2 with a token, version 1 where there is no answer to the asking
// for one.

#include "aws/credential_source.h"

#include <memory>
#include <string>

namespace quarry::aws {

// AWS_EC2_METADATA_SERVICE_ENDPOINT, else by AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE (IPv4, IPv6)
// the link-local address; without the last '/'. Pure but for the environment.
std::string instance_metadata_url(const config::Environment& environment);

// None: AWS_EC2_METADATA_DISABLED, nobody answers, or the instance has no role. What it gives
// outlives its end while the service cannot give newer ones, and what it gives too late is used
// for as long as AWS takes it (botocore: "static stability").
std::shared_ptr<CredentialSource> instance_metadata_source(IdentityWorld world);

}  // namespace quarry::aws
