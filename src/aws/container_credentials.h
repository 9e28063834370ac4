#pragma once
// The credentials of a container: Amazon ECS, EKS Pod Identity, Greengrass ("Container credential
// provider", AWS SDKs and Tools Reference Guide).

#include "aws/credential_source.h"
#include "base/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace quarry::aws {

// The token that goes with the request must not go elsewhere: https, a loopback address, or one of
// the addresses that ECS and EKS answer at. Pure. Errors: forbidden.
Result<void> check_container_url(std::string_view url);

// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, else AWS_CONTAINER_CREDENTIALS_FULL_URI; with the token
// of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, read at every look, else of
// AWS_CONTAINER_AUTHORIZATION_TOKEN. pause: between two of three attempts.
std::shared_ptr<CredentialSource> container_source(
    IdentityWorld world, std::chrono::milliseconds pause = std::chrono::seconds(1));

}  // namespace quarry::aws
