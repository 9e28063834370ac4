#pragma once
// Credentials that STS gives for a role.

#include "aws/credential_source.h"
#include "aws/sts_client.h"
#include "base/result.h"

#include <memory>
#include <string>
#include <string_view>

namespace quarry::aws {

// Where STS is asked.
struct StsPlace {
  std::string region;
  std::string endpoint;  // a URL, or "": the region's, or what the environment says
};

// The region that STS at this host signs for: that of its name, where it names one
// ("sts.eu-west-1.amazonaws.com"; "sts.amazonaws.com" is us-east-1), else `otherwise`. Pure.
std::string sts_signing_region(std::string_view authority, const std::string& otherwise);

// session_name "" = one of ours with the time in it. Errors: those of StsClient and of base; a
// refusal says what the role's trust policy must allow.
Task<Credentials> assume_role(IdentityWorld world,
                              StsPlace place,
                              AssumeRole request,
                              std::shared_ptr<CredentialProvider> base,
                              Deadline deadline);
Task<Credentials> assume_role_with_web_identity(IdentityWorld world,
                                                StsPlace place,
                                                AssumeRole request,
                                                Secret<std::string> token,
                                                Deadline deadline);

// The token that AwsIdentity::web_identity_token stands for, read anew, for those who write it
// change it. Errors: forbidden (no such file or variable, empty); never with the token in it.
Task<Secret<std::string>> read_web_identity_token(IdentityWorld world, Secret<std::string> given);
// As above, of a file alone.
Task<Secret<std::string>> read_token_file(IdentityWorld world, std::string path);

std::shared_ptr<CredentialSource> role_source(IdentityWorld world,
                                              StsPlace place,
                                              AssumeRole request,
                                              std::shared_ptr<CredentialProvider> base);
std::shared_ptr<CredentialSource> web_identity_source(IdentityWorld world,
                                                      StsPlace place,
                                                      AssumeRole request,
                                                      Secret<std::string> token);

}  // namespace quarry::aws
