#include "aws/credentials.h"

#include "aws/credential_source.h"

#include <utility>

namespace quarry::aws {

namespace {

class FixedProvider final : public CredentialProvider {
 public:
  explicit FixedProvider(Credentials credentials) : credentials_(std::move(credentials)) {}

  Task<Credentials> get(Deadline) override { co_return credentials_; }
  void forget() override {}

 private:
  Credentials credentials_;
};

// Nothing is remembered: every get() asks the environment.
class EnvironmentProvider final : public CredentialProvider {
 public:
  explicit EnvironmentProvider(config::Environment environment)
      : source_(environment_source(std::move(environment))) {}

  Task<Credentials> get(Deadline deadline) override {
    const auto source = source_;
    auto found = co_await source->look(deadline);
    if (!found) co_return fail(std::move(found.error()));
    if (found->credentials) co_return std::move(*found->credentials);
    co_return fail(
        Error(Errc::forbidden, "no AWS credentials: " + found->absent +
                                   "; hint: set it in the environment, or aws_access_key_id and "
                                   "aws_secret_access_key in litellm_params")
            .reason("NoCredentials"));
  }
  void forget() override {}

 private:
  std::shared_ptr<CredentialSource> source_;
};

}  // namespace

std::shared_ptr<CredentialProvider> fixed_credentials(Credentials credentials) {
  return std::make_shared<FixedProvider>(std::move(credentials));
}

std::shared_ptr<CredentialProvider> static_credentials(config::StaticCredentials credentials) {
  return fixed_credentials(
      Credentials{.access_key_id = std::move(credentials.access_key_id),
                  .secret_access_key = std::move(credentials.secret_access_key),
                  .session_token = std::move(credentials.session_token),
                  .expires_at = {},
                  .source = "litellm_params",
                  .bearer_token = {}});
}

std::shared_ptr<CredentialProvider> environment_credentials(config::Environment environment) {
  return std::make_shared<EnvironmentProvider>(std::move(environment));
}

std::shared_ptr<CredentialProvider> bearer_credentials(Secret<std::string> token) {
  return fixed_credentials(Credentials{.access_key_id = {},
                                       .secret_access_key = {},
                                       .session_token = {},
                                       .expires_at = {},
                                       .source = "API key",
                                       .bearer_token = std::move(token)});
}

}  // namespace quarry::aws
