#pragma once
// A deployment, ready to be called: the same immutable value at every call site.

#include "aws/bedrock_client.h"
#include "aws/credentials.h"
#include "aws/s3_client.h"
#include "aws/sts_client.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "config/settings.h"
#include "http/client.h"

#include <memory>
#include <vector>

namespace quarry::aws {

struct Deployment {
  config::DeploymentSettings settings;
  std::shared_ptr<S3Client> s3;
  std::shared_ptr<BedrockClient> bedrock;
  std::shared_ptr<RuntimeClient> runtime;
  std::shared_ptr<StsClient> sts;                   // as the identity that signs for Bedrock
  std::shared_ptr<CredentialProvider> credentials;  // of sts, and of bedrock without an API key
  std::shared_ptr<CredentialProvider> s3_credentials;
  bool by_api_key = false;  // Bedrock is spoken to with an API key, S3 and STS are not

  const std::string& id() const { return settings.id; }
  // An object of this deployment: bucket, prefix + name.
  S3Uri object(std::string_view name) const {
    return {settings.bucket, settings.prefix + std::string(name)};
  }
  // What a job of this deployment writes.
  S3Uri output_object(std::string_view name) const {
    if (settings.output_bucket.empty()) return object(name);
    return {settings.output_bucket, settings.output_prefix + std::string(name)};
  }
};

// world's parts (whose pool hashes large bodies) and resolver outlive the deployment. Endpoints: as
// find_endpoint(). Bedrock is spoken to with the entry's api_key, else as its identity, where the
// entry names one, else with AWS_BEARER_TOKEN_BEDROCK, else as whom AWS's SDKs would find; S3 never
// with an API key. Throws std::invalid_argument where an endpoint is no URL.
std::shared_ptr<const Deployment> make_deployment(config::DeploymentSettings settings,
                                                  const IdentityWorld& world,
                                                  CredentialResolver& resolver);

}  // namespace quarry::aws
