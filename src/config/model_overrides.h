#pragma once
// What an entry of model_list says of its model -> ModelOverrides.

#include "config/section.h"
#include "config/settings.h"

namespace quarry::config {

// LiteLLM takes prices and base_model from either map; ours are model_info's, else litellm_params'.
void read_model_overrides(Section& params, Section& info, DeploymentSettings& out);

}  // namespace quarry::config
