#include "config/settings.h"

#include "config/deployments.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

namespace quarry::config {

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

Environment with_defaults(Environment first, std::map<std::string, std::string> defaults) {
  return [first = std::move(first), defaults = std::move(defaults)](const std::string& name) {
    std::optional<std::string> value = first(name);
    if (auto at = defaults.find(name); !value && at != defaults.end()) value = at->second;
    return value;
  };
}

Settings sandbox_settings() {
  DeploymentSettings deployment;
  deployment.model_name = "bedrock/batch-anthropic.claude-3-5-sonnet-20240620-v1:0";
  deployment.model_id = "us.anthropic.claude-3-5-sonnet-20240620-v1:0";
  deployment.batch = true;
  deployment.bedrock_region = "us-west-2";
  deployment.s3_region = "us-west-2";
  deployment.bucket = "litellm-proxy";
  deployment.output_bucket = deployment.bucket;
  deployment.output_prefix = deployment.prefix;
  deployment.role_arn =
      "arn:aws:iam::888602223428:role/service-role/AmazonBedrockExecutionRoleForAgents_BB9HNW6V4CV";
  deployment.id = deployment_id(deployment);

  Settings settings;
  settings.deployments.push_back(std::move(deployment));
  settings.master_key.emplace("sk-1234");
  return settings;
}

std::string describe(const ConfigError& error, std::string_view file_name) {
  std::string out(file_name);
  if (error.line > 0) out += fmt::format(":{}", error.line);
  if (!error.key.empty()) out += ": " + error.key;
  return out + ": " + error.message;
}

}  // namespace quarry::config
