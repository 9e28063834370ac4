#pragma once
// AWS credentials and where they come from.

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/secret.h"
#include "base/task.h"
#include "config/settings.h"

namespace quarry::aws {

struct Credentials {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  Secret<std::string> session_token;  // "" when none
  std::optional<SysTime> expires_at;
};

// Shared by all clients of a deployment. Loop thread.
class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  // Errors: forbidden (none found; message says where was looked), unavailable.
  virtual Task<Credentials> get(Deadline deadline) = 0;
  // AWS said that the token has expired: the next get() must not answer from memory.
  virtual void forget() = 0;
};

std::shared_ptr<CredentialProvider> static_credentials(config::StaticCredentials credentials);
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (botocore's EnvProvider).
std::shared_ptr<CredentialProvider> environment_credentials(config::Environment environment);

}  // namespace quarry::aws
