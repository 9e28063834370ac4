#pragma once
// What a batch may come to, before anything of it is read again: tokens and money, at most, of each
// of its models. By the scan of its file and a rule of thumb (token_estimate.h). Pure.

#include "access/admission_rules.h"
#include "aws/deployment_set.h"
#include "batch/deployment_models.h"
#include "files/scan.h"
#include "openai/batch_line.h"

#include <cstdint>
#include <string>
#include <vector>

namespace quarry::batch {

// Of an answer whose limit neither its line nor what is known of the model says.
inline constexpr std::int64_t kAnswerTokensUnknown = 4'096;

struct EstimateInput {
  const files::Scan& scan;
  std::int64_t file_bytes = 0;
  std::vector<std::string> target_models;  // exactly one: it overrides what the lines say
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
};

// With the models' own limits. What nobody can run is left out: the batch fails, or its lines.
std::vector<access::ModelEstimate> estimate_batch(const EstimateInput& input,
                                                  const aws::DeploymentSet& deployments,
                                                  const DeploymentModels& models);

// Of one request of `size` to the model.
struct TokensOf {
  std::int64_t input = 0, output = 0;
};
TokensOf tokens_of(const openai::RequestSize& size,
                   const catalog::Model& model,
                   openai::Endpoint endpoint);

}  // namespace quarry::batch
