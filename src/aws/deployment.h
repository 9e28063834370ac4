#pragma once
// A deployment, ready to be called: the same immutable value at every call site.

#include "aws/bedrock_client.h"
#include "aws/s3_client.h"
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

  const std::string& id() const { return settings.id; }
  // An object of this deployment: bucket, prefix + name.
  S3Uri object(std::string_view name) const {
    return {settings.bucket, settings.prefix + std::string(name)};
  }
};

// client, clock and pool (which hashes large bodies) outlive the deployment. Endpoints: the
// settings' own, else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_BEDROCK,
// AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, else AWS's by region and partition.
// Throws std::invalid_argument where an endpoint is no URL.
std::shared_ptr<const Deployment> make_deployment(config::DeploymentSettings settings,
                                                  http::Client& client,
                                                  const Clock& clock,
                                                  BlockingPool& pool,
                                                  const config::Environment& environment);

}  // namespace quarry::aws
