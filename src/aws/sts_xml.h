#pragma once
// STS's XML documents (STS API reference, version 2011-06-15), read. Pure.

#include "aws/credentials.h"
#include "aws/retry.h"
#include "aws/sts_client.h"
#include "base/result.h"
#include "http/client.h"

#include <optional>
#include <string_view>

namespace quarry::aws {

// <ErrorResponse>; what is not one (a proxy's HTML) is a failure without a code. nullopt for a 2xx.
std::optional<AwsError> find_sts_error(const http::ClientResponse& response);
// What the caller can do about it.
Errc sts_errc(const AwsError& failure);

// <AssumeRoleResponse>, <AssumeRoleWithWebIdentityResponse>: operation is "AssumeRole" and so on.
// Errors: corrupt.
Result<Credentials> parse_role_session(std::string_view xml, std::string_view operation);
// <GetCallerIdentityResponse>. Errors: corrupt.
Result<CallerIdentity> parse_caller_identity(std::string_view xml);

}  // namespace quarry::aws
