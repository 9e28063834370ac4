#pragma once
// The credentials of a profile that signs in through IAM Identity Center ("IAM Identity Center
// credential provider", AWS SDKs and Tools Reference Guide): a token that `aws sso login` left in a
// file, for a role's credentials from the portal.

#include "aws/credentials.h"
#include "base/result.h"

#include <string>

namespace quarry::aws {

struct SsoProfile {
  std::string profile;  // for messages
  std::string session;  // sso_session; "" = the profile itself names the start URL
  std::string start_url;
  std::string region;
  std::string account_id;
  std::string role_name;
};

// ~/.aws/sso/cache/<sha1 of the session's name, else of the start URL>.json
std::string sso_token_path(const SsoProfile& sso, const config::Environment& environment);

// The token of a session is renewed where the file says how, and kept there for the CLI and others.
// Errors: forbidden (no token, or it has expired: says to run aws sso login), unavailable.
Task<Credentials> fetch_sso_credentials(IdentityWorld world, SsoProfile sso, Deadline deadline);

}  // namespace quarry::aws
