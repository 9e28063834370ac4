#pragma once
// Credentials as JSON, as instance metadata, containers and credential processes write them. Pure.

#include "aws/credentials.h"
#include "base/result.h"

#include <string>
#include <string_view>

namespace quarry::aws {

// {"AccessKeyId", "SecretAccessKey", token_name, "Expiration"}; token and expiry may be left out.
// Errors: corrupt (not JSON, a member missing: the message names it, never what stood there);
// forbidden where the document is {"Code", "Message"} of a refusal instead.
Result<Credentials> parse_credentials_document(std::string_view json, std::string_view token_name);

}  // namespace quarry::aws
