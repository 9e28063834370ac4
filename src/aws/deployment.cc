#include "aws/deployment.h"

#include "aws/assumed_role.h"
#include "aws/bedrock_client_http.h"
#include "aws/endpoint.h"
#include "aws/s3_client_http.h"

#include <stdexcept>
#include <utility>

namespace quarry::aws {

namespace {

Endpoint endpoint_for(const config::DeploymentSettings& settings,
                      const std::string& setting,
                      std::string_view service,
                      const std::string& region,
                      const config::Environment& environment) {
  auto endpoint = find_endpoint(service, region, setting, environment);
  if (!endpoint) {
    throw std::invalid_argument("deployment " + settings.id + ": " + endpoint.error().message());
  }
  return std::move(*endpoint);
}

// Who signs Bedrock's calls. What the entry itself says goes before what happens to be set where
// the process runs.
std::shared_ptr<CredentialProvider> bedrock_credentials(
    const config::DeploymentSettings& settings,
    const config::Environment& environment,
    const std::shared_ptr<CredentialProvider>& identity) {
  if (!settings.bearer_token.reveal().empty()) return bearer_credentials(settings.bearer_token);
  const auto token = environment("AWS_BEARER_TOKEN_BEDROCK");
  config::AwsIdentity who = settings.identity;
  who.sts_endpoint.clear();  // where one is asked says nothing of who asks
  if (who == config::AwsIdentity{} && token && !token->empty()) {
    return bearer_credentials(Secret<std::string>(*token));
  }
  return identity;
}

}  // namespace

std::shared_ptr<const Deployment> make_deployment(config::DeploymentSettings settings,
                                                  const IdentityWorld& world,
                                                  CredentialResolver& resolver) {
  const Wire wire{world.client, world.clock, world.pool};
  const config::Environment& environment = world.environment;
  const std::string& region = settings.bedrock_region;
  auto out = std::make_shared<Deployment>();
  out->credentials = resolver.resolve(settings.identity, region);
  config::AwsIdentity s3_identity = settings.identity;
  if (settings.s3_credentials) s3_identity = {.keys = settings.s3_credentials};
  out->s3_credentials = resolver.resolve(s3_identity, region);
  S3Options s3_options{.region = settings.s3_region,
                       .addressing = settings.s3_addressing,
                       .kms_key_id = settings.kms_key_id,
                       .bucket_key = settings.s3_bucket_key,
                       .bucket_owner = settings.bucket_owner};
  read_checksum_settings(s3_options, environment);
  out->s3 = make_s3_client(
      wire, out->s3_credentials,
      endpoint_for(settings, settings.s3_endpoint, "s3", settings.s3_region, environment),
      std::move(s3_options));
  const auto for_bedrock = bedrock_credentials(settings, environment, out->credentials);
  out->by_api_key = for_bedrock != out->credentials;
  out->bedrock = make_bedrock_client(
      wire, for_bedrock,
      endpoint_for(settings, settings.bedrock_endpoint, "bedrock", region, environment), region);
  out->runtime = make_runtime_client(
      wire, for_bedrock,
      endpoint_for(settings, settings.runtime_endpoint, "bedrock-runtime", region, environment),
      region);
  Endpoint sts = endpoint_for(settings, settings.identity.sts_endpoint, "sts", region, environment);
  std::string sts_region = sts_signing_region(sts.authority, region);
  out->sts = make_sts_client(wire, out->credentials, std::move(sts), std::move(sts_region));
  out->settings = std::move(settings);
  return out;
}

}  // namespace quarry::aws
