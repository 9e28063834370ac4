#pragma once
// A config.yaml of one good deployment, and what loading it gives, for the tests of its keys.

#include "config/settings.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <utility>

namespace quarry::testing {

using Variables = std::map<std::string, std::string>;

inline config::Environment with(Variables variables) {
  return config::with_defaults([](const std::string&) { return std::nullopt; },
                               std::move(variables));
}

// One good deployment; `params` and `rest` are added to it. litellm_params begins on line 3,
// `params` on line 7.
inline std::string config_file(const std::string& params = "", const std::string& rest = "") {
  std::string text =
      "model_list:\n"
      "  - model_name: claude\n"
      "    litellm_params:\n"
      "      model: bedrock/us.anthropic.claude-3-haiku-20240307-v1:0\n"
      "      s3_bucket_name: my-bucket\n"
      "      aws_batch_role_arn: arn:aws:iam::123456789012:role/batch\n";
  std::istringstream lines(params);
  for (std::string line; std::getline(lines, line);) text += "      " + line + "\n";
  return text + rest;
}

inline config::Settings loaded(const std::string& yaml, Variables variables = {}) {
  auto settings = config::load(yaml, with(std::move(variables)));
  if (settings) return *settings;
  for (const config::ConfigError& error : settings.error()) {
    ADD_FAILURE() << config::describe(error, "config.yaml");
  }
  return {};
}

inline config::DeploymentSettings only(const std::string& yaml, Variables variables = {}) {
  config::Settings settings = loaded(yaml, std::move(variables));
  EXPECT_EQ(settings.deployments.size(), 1u);
  return settings.deployments.empty() ? config::DeploymentSettings{} : settings.deployments.front();
}

}  // namespace quarry::testing
