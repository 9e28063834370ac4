#include "aws/deployment.h"

#include "aws/bedrock_client_http.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/s3_client_http.h"

#include <stdexcept>
#include <utility>

namespace quarry::aws {

namespace {

// The setting, else the service's variable, else the one for all services, else AWS's own.
Endpoint endpoint_for(const config::DeploymentSettings& settings,
                      const std::string& setting,
                      std::string_view service,
                      const std::string& region,
                      const std::string& variable,
                      const config::Environment& environment) {
  std::string url = setting;
  for (const std::string& name : {variable, std::string("AWS_ENDPOINT_URL")}) {
    if (url.empty()) url = environment(name).value_or("");
  }
  if (url.empty()) return aws_endpoint(service, region);
  auto endpoint = parse_endpoint(url);
  if (!endpoint) {
    throw std::invalid_argument("deployment " + settings.id + ": " + endpoint.error().message());
  }
  return std::move(*endpoint);
}

}  // namespace

std::shared_ptr<const Deployment> make_deployment(config::DeploymentSettings settings,
                                                  http::Client& client,
                                                  const Clock& clock,
                                                  BlockingPool& pool,
                                                  const config::Environment& environment) {
  const Wire wire{client, clock, pool};
  const auto bedrock_credentials = settings.bedrock_credentials
                                       ? static_credentials(*settings.bedrock_credentials)
                                       : environment_credentials(environment);
  const auto s3_credentials =
      settings.s3_credentials ? static_credentials(*settings.s3_credentials) : bedrock_credentials;
  auto out = std::make_shared<Deployment>();
  out->s3 = make_s3_client(wire, s3_credentials,
                           endpoint_for(settings, settings.s3_endpoint, "s3", settings.s3_region,
                                        "AWS_ENDPOINT_URL_S3", environment),
                           settings.s3_region);
  out->bedrock = make_bedrock_client(
      wire, bedrock_credentials,
      endpoint_for(settings, settings.bedrock_endpoint, "bedrock", settings.bedrock_region,
                   "AWS_ENDPOINT_URL_BEDROCK", environment),
      settings.bedrock_region);
  out->runtime = make_runtime_client(
      wire, bedrock_credentials,
      endpoint_for(settings, settings.runtime_endpoint, "bedrock-runtime", settings.bedrock_region,
                   "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", environment),
      settings.bedrock_region);
  out->settings = std::move(settings);
  return out;
}

}  // namespace quarry::aws
