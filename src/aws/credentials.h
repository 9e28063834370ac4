#pragma once
// AWS credentials and where they come from.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/task.h"
#include "config/settings.h"
#include "http/client.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quarry::aws {

struct Credentials {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  Secret<std::string> session_token;  // "" when none
  std::optional<SysTime> expires_at;
  // Where they are from, in words, nothing secret: "environment", "profile batch",
  // "role arn:aws:iam::…:role/x of profile base", "container", "instance metadata".
  std::string source;
  // Set: an API key of Bedrock's, sent instead of a signature; the rest is empty then.
  Secret<std::string> bearer_token;
};

// Shared by all clients of a deployment. Loop thread.
class CredentialProvider {
 public:
  virtual ~CredentialProvider() = default;
  // Errors: forbidden (none found; message says where was looked, and what to set), unavailable.
  virtual Task<Credentials> get(Deadline deadline) = 0;
  // AWS said that the token has expired: the next get() must not answer from memory.
  virtual void forget() = 0;
};

std::shared_ptr<CredentialProvider> static_credentials(config::StaticCredentials credentials);
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (botocore's EnvProvider).
std::shared_ptr<CredentialProvider> environment_credentials(config::Environment environment);
// An API key of Bedrock's (AWS_BEARER_TOKEN_BEDROCK).
std::shared_ptr<CredentialProvider> bearer_credentials(Secret<std::string> token);

class ProgramRunner;

// What resolving takes, and does not own.
struct IdentityWorld {
  http::Client& client;
  const Clock& clock;
  BlockingPool& pool;  // files
  config::Environment environment;
  // For credential_process; the resolver brings its own.
  std::shared_ptr<ProgramRunner> programs = nullptr;
};

// The one way from settings to credentials. Equal identities share one provider, so that a hundred
// deployments refresh once. Every provider that it gives refreshes ahead of expiry (from 15 minutes
// before, in the background; from 10 on it must), once for all who wait (botocore's
// RefreshableCredentials). Loop thread; world's parts outlive it and its providers.
class CredentialResolver {
 public:
  explicit CredentialResolver(IdentityWorld world);
  ~CredentialResolver();  // stop(), and waits until the programs are gone; the loop is still there
  // Kills the programs that are asked for credentials, and starts no more: a provider of theirs
  // then has what it has. Does not wait.
  void stop();

  // region: where STS is asked, unless the identity or the profile says otherwise. Never fails:
  // what is wrong with an identity is the error of get(). What is given in `identity` is tried in
  // LiteLLM's order: web identity with role, role, profile, keys; nothing given is the chain of
  // AWS's SDKs (botocore/credentials.py, create_credential_resolver).
  std::shared_ptr<CredentialProvider> resolve(const config::AwsIdentity& identity,
                                              const std::string& region);

 private:
  IdentityWorld world_;
  struct Known;
  std::vector<Known> known_;
};

// The region that a profile names; "" = AWS_PROFILE's, else the default one's. Reads
// AWS_CONFIG_FILE (~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE; blocks. nullopt where none does.
std::optional<std::string> profile_region(const std::string& profile,
                                          const config::Environment& environment);

}  // namespace quarry::aws
