#pragma once
// An entry's aws_* and s3_* keys -> who it is to AWS.

#include "config/section.h"
#include "config/settings.h"

#include <vector>

namespace quarry::config {

// Sets identity, s3_credentials and bearer_token. What the entry does not say is taken from the
// variable of the key's name in capitals, as LiteLLM does it; but whoever says by any key who it is
// does not become somebody else for what happens to be set where the process runs.
void read_identity(Section& params, Findings& findings, DeploymentSettings& out);

// A list of maps with key and value.
std::vector<Tag> read_tags(Section& params,
                           std::string_view key,
                           std::size_t tags_max,
                           Findings& findings);

}  // namespace quarry::config
