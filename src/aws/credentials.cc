#include "aws/credentials.h"

#include <utility>

namespace quarry::aws {

namespace {

class StaticProvider final : public CredentialProvider {
 public:
  explicit StaticProvider(config::StaticCredentials credentials)
      : credentials_{std::move(credentials.access_key_id),
                     std::move(credentials.secret_access_key),
                     std::move(credentials.session_token),
                     std::nullopt,
                     "litellm_params",
                     {}} {}

  Task<Credentials> get(Deadline) override { co_return credentials_; }
  void forget() override {}

 private:
  Credentials credentials_;
};

class EnvironmentProvider final : public CredentialProvider {
 public:
  explicit EnvironmentProvider(config::Environment environment)
      : environment_(std::move(environment)) {}

  Task<Credentials> get(Deadline) override {
    auto id = value("AWS_ACCESS_KEY_ID");
    auto secret = value("AWS_SECRET_ACCESS_KEY");
    if (id.empty() || secret.empty()) {
      const std::string_view missing = id.empty() ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY";
      co_return fail(
          Error(Errc::forbidden,
                "no AWS credentials: " + std::string(missing) +
                    " is not set; hint: set it in the environment, or aws_access_key_id and "
                    "aws_secret_access_key in litellm_params")
              .reason("NoCredentials"));
    }
    co_return Credentials{std::move(id),
                          Secret<std::string>(std::move(secret)),
                          Secret<std::string>(value("AWS_SESSION_TOKEN")),
                          std::nullopt,
                          "environment",
                          {}};
  }
  // Nothing is remembered: every get() asks the environment.
  void forget() override {}

 private:
  std::string value(const std::string& name) const {
    return environment_(name).value_or(std::string());
  }

  config::Environment environment_;
};

class BearerProvider final : public CredentialProvider {
 public:
  explicit BearerProvider(Secret<std::string> token) : token_(std::move(token)) {}

  Task<Credentials> get(Deadline) override {
    co_return Credentials{.access_key_id = {},
                          .secret_access_key = {},
                          .session_token = {},
                          .expires_at = {},
                          .source = "API key",
                          .bearer_token = token_};
  }
  void forget() override {}

 private:
  Secret<std::string> token_;
};

}  // namespace

std::shared_ptr<CredentialProvider> bearer_credentials(Secret<std::string> token) {
  return std::make_shared<BearerProvider>(std::move(token));
}

struct CredentialResolver::Known {
  config::AwsIdentity identity;
  std::string region;
  std::shared_ptr<CredentialProvider> provider;
};

CredentialResolver::CredentialResolver(IdentityWorld world) : world_(std::move(world)) {}
CredentialResolver::~CredentialResolver() = default;

std::shared_ptr<CredentialProvider> CredentialResolver::resolve(const config::AwsIdentity& identity,
                                                                const std::string& region) {
  for (const Known& known : known_) {
    if (known.identity == identity && known.region == region) return known.provider;
  }
  auto provider = identity.keys ? static_credentials(*identity.keys)
                                : environment_credentials(world_.environment);
  known_.push_back({identity, region, provider});
  return provider;
}

std::shared_ptr<CredentialProvider> static_credentials(config::StaticCredentials credentials) {
  return std::make_shared<StaticProvider>(std::move(credentials));
}

std::shared_ptr<CredentialProvider> environment_credentials(config::Environment environment) {
  return std::make_shared<EnvironmentProvider>(std::move(environment));
}

}  // namespace quarry::aws
