#include "aws/assumed_role.h"
#include "aws/child_process.h"
#include "aws/container_credentials.h"
#include "aws/credential_source.h"
#include "aws/credentials.h"
#include "aws/instance_metadata.h"
#include "aws/profile_credentials.h"
#include "aws/profile_file.h"
#include "aws/refreshing_credentials.h"

#include <utility>

namespace quarry::aws {

namespace {

constexpr std::string_view kHint =
    "hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile (AWS_PROFILE, "
    "aws_profile_name), or give this machine, task or pod a role";

// What to do, where nobody had any.
class WithHint final : public CredentialSource {
 public:
  explicit WithHint(std::shared_ptr<CredentialSource> source) : source_(std::move(source)) {}

  Task<Found> look(Deadline deadline) override {
    auto found = co_await source_->look(deadline);
    if (found && !found->credentials) found->absent += "; " + std::string(kHint);
    co_return found;
  }

 private:
  std::shared_ptr<CredentialSource> source_;
};

// Keys of an identity are logged as any other is, when they are first used.
class KeysSource final : public CredentialSource {
 public:
  explicit KeysSource(config::StaticCredentials keys)
      : provider_(static_credentials(std::move(keys))) {}

  Task<Found> look(Deadline deadline) override {
    auto got = co_await provider_->get(deadline);
    if (!got) co_return fail(std::move(got.error()));
    co_return Found::some(std::move(*got));
  }

 private:
  std::shared_ptr<CredentialProvider> provider_;
};

class Mistake final : public CredentialSource {
 public:
  explicit Mistake(Error error) : error_(std::move(error)) {}
  Task<Found> look(Deadline) override { co_return fail(error_); }

 private:
  Error error_;
};

// AWS's SDKs' own order (botocore, create_credential_resolver); a profile that is chosen in so many
// words comes before the environment, and keeps its keys and its web identity out.
std::shared_ptr<CredentialSource> chain(const IdentityWorld& world,
                                        const StsPlace& place,
                                        const std::string& profile) {
  CredentialSources places;
  if (profile.empty()) {
    places.push_back(environment_source(world.environment));
    places.push_back(profile_source(world, place, {}));
  } else {
    places.push_back(profile_source(world, place, {profile}));
  }
  places.push_back(container_source(world));
  places.push_back(instance_metadata_source(world));
  return std::make_shared<WithHint>(first_of(std::move(places)));
}

// A pod that already has the role by its token may not assume it once more; session tags it could
// have no other way.
bool runs_as(const config::AwsIdentity& identity, const config::Environment& environment) {
  return !identity.keys && identity.profile.empty() && identity.session_tags.empty() &&
         value_of(environment, "AWS_ROLE_ARN") == identity.role_arn &&
         !value_of(environment, "AWS_WEB_IDENTITY_TOKEN_FILE").empty();
}

AssumeRole role_request(const config::AwsIdentity& identity) {
  return {.role_arn = identity.role_arn,
          .session_name = identity.session_name,
          .external_id = identity.external_id,
          .tags = identity.session_tags,
          .duration_seconds = {}};
}

// Whose credentials the role is assumed with.
config::AwsIdentity base_of(const config::AwsIdentity& identity) {
  config::AwsIdentity base;
  base.keys = identity.keys;
  base.profile = identity.keys ? std::string() : identity.profile;
  base.sts_endpoint = base.keys ? std::string() : identity.sts_endpoint;
  return base;
}

}  // namespace

struct CredentialResolver::Known {
  config::AwsIdentity identity;
  std::string region;
  std::shared_ptr<CredentialProvider> provider;
};

CredentialResolver::CredentialResolver(IdentityWorld world) : world_(std::move(world)) {
  world_.programs = std::make_shared<ProgramRunner>();
}
CredentialResolver::~CredentialResolver() { world_.programs->join(); }
void CredentialResolver::stop() { world_.programs->stop(); }

std::shared_ptr<CredentialProvider> CredentialResolver::resolve(const config::AwsIdentity& identity,
                                                                const std::string& region) {
  const bool only_keys =
      identity.keys && identity.role_arn.empty() && identity.web_identity_token.reveal().empty();
  const std::string asked_in = only_keys ? std::string() : region;
  for (const Known& known : known_) {
    if (known.identity == identity && known.region == asked_in) return known.provider;
  }
  const StsPlace place{region, identity.sts_endpoint};
  std::shared_ptr<CredentialSource> source;
  if (!identity.web_identity_token.reveal().empty()) {
    source = identity.role_arn.empty()
                 ? std::make_shared<Mistake>(
                       Error(Errc::forbidden,
                             "aws_web_identity_token needs the role that it is for; "
                             "hint: set aws_role_name"))
                 : web_identity_source(world_, place, role_request(identity),
                                       identity.web_identity_token);
  } else if (!identity.role_arn.empty()) {
    // The token of the pod itself, and not what else its environment may hold.
    source = runs_as(identity, world_.environment)
                 ? web_identity_source(
                       world_, place, role_request(identity),
                       Secret<std::string>("oidc/file/" + value_of(world_.environment,
                                                                   "AWS_WEB_IDENTITY_TOKEN_FILE")))
                 : role_source(world_, place, role_request(identity),
                               resolve(base_of(identity), region));
  } else if (!identity.profile.empty()) {
    source = chain(world_, place, identity.profile);
  } else if (identity.keys) {
    source = std::make_shared<KeysSource>(*identity.keys);
  } else {
    source = chain(world_, place, "");
  }
  auto provider = refreshing_credentials(world_.clock, std::move(source));
  known_.push_back({identity, asked_in, provider});
  return provider;
}

}  // namespace quarry::aws
