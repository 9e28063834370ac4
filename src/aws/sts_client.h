#pragma once
// AWS Security Token Service (STS API reference, version 2011-06-15; query protocol).

#include "aws/credentials.h"
#include "aws/request_sender.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quarry::aws {

struct AssumeRole {
  std::string role_arn;
  std::string session_name;  // 2..64 of [\w+=,.@-]
  std::string external_id;   // "" = none
  std::vector<config::Tag> tags;
  std::optional<int> duration_seconds;  // 900..43200
};

struct CallerIdentity {
  std::string account;  // 12 digits
  std::string arn;
  std::string user_id;
};

// Errors of every call: as S3Client's; the message carries STS's code and words.
class StsClient {
 public:
  virtual ~StsClient() = default;
  virtual Task<Credentials> assume_role(AssumeRole request, Deadline deadline) = 0;
  // Not signed: the token speaks for itself.
  virtual Task<Credentials> assume_role_with_web_identity(AssumeRole request,
                                                          Secret<std::string> token,
                                                          Deadline deadline) = 0;
  virtual Task<CallerIdentity> caller_identity(Deadline deadline) = 0;
};

// credentials: who signs; may be null for assume_role_with_web_identity alone. wire's parts outlive
// the client.
std::shared_ptr<StsClient> make_sts_client(Wire wire,
                                           std::shared_ptr<CredentialProvider> credentials,
                                           Endpoint endpoint,
                                           std::string region,
                                           Jitter jitter = random_jitter());

}  // namespace quarry::aws
