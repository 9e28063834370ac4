#pragma once
// A deployment, ready to be called: the same immutable value at every call site.

#include <memory>
#include <vector>

#include "aws/bedrock_client.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "config/settings.h"
#include "http/client.h"

namespace quarry::aws {

struct Deployment {
  config::DeploymentSettings settings;
  std::shared_ptr<S3Client> s3;
  std::shared_ptr<BedrockClient> bedrock;
  std::shared_ptr<RuntimeClient> runtime;

  const std::string& id() const { return settings.id; }
  // An object of this deployment: bucket, prefix + name.
  S3Uri object(std::string_view name) const { return {settings.bucket, settings.prefix + std::string(name)}; }
};

// client and clock outlive the deployment. Endpoints: the settings' own, else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_BEDROCK,
// AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, else AWS's by region and partition.
std::shared_ptr<const Deployment> make_deployment(config::DeploymentSettings settings, http::Client& client,
                                                  const Clock& clock, const config::Environment& environment);

}  // namespace quarry::aws
