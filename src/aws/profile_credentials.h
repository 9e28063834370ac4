#pragma once
// What a profile of the shared files says of credentials: a role over another profile or place, a
// web identity, IAM Identity Center, keys, a program; in botocore's order.

#include "aws/assumed_role.h"
#include "aws/credential_source.h"

#include <memory>
#include <optional>
#include <string>

namespace quarry::aws {

struct ProfileChoice {
  // nullopt: the environment's, else "default", which need not be there; and the web identity of
  // the environment (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN) goes with it.
  std::optional<std::string> profile;
};

// The files are read at every look. Errors: forbidden (no such profile; a profile that is wrong:
// the message names it, its file and what to set), and those of what it leads to.
std::shared_ptr<CredentialSource> profile_source(IdentityWorld world,
                                                 StsPlace place,
                                                 ProfileChoice choice);

}  // namespace quarry::aws
