#pragma once
// Who a deployment is to AWS, and what its jobs carry there, as its entry in config.yaml says.

#include "base/secret.h"

#include <optional>
#include <string>
#include <vector>

namespace quarry::config {

struct StaticCredentials {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  Secret<std::string> session_token;  // "" when none

  bool operator==(const StaticCredentials&) const = default;
};

struct Tag {
  std::string key;
  std::string value;

  bool operator==(const Tag&) const = default;
};

// LiteLLM's aws_* keys, each else from the environment variable of its name in capitals. Nothing
// given means what AWS's SDKs would use here.
struct AwsIdentity {
  std::optional<StaticCredentials> keys;  // aws_access_key_id, _secret_access_key, _session_token
  std::string profile;                    // aws_profile_name
  std::string role_arn;                   // aws_role_name
  std::string session_name;               // aws_session_name
  std::string external_id;                // aws_external_id
  std::vector<Tag> session_tags;          // aws_session_tags
  // aws_web_identity_token: the token itself, a file's absolute path, oidc/file/PATH, oidc/env/NAME
  // or oidc/env_path/NAME. With role_arn: AssumeRoleWithWebIdentity.
  Secret<std::string> web_identity_token;
  std::string sts_endpoint;  // aws_sts_endpoint

  bool operator==(const AwsIdentity&) const = default;
};

// bedrock_vpc_config: the job's vpcConfig.
struct VpcConfig {
  std::vector<std::string> subnet_ids;          // subnet_ids: 1 to 16
  std::vector<std::string> security_group_ids;  // security_group_ids: 1 to 5

  bool operator==(const VpcConfig&) const = default;
};

// s3_addressing_style
enum class S3Addressing { automatic, path, virtual_host };

}  // namespace quarry::config
