#pragma once
// What an entry says of the jobs and objects it makes: encryption, owners, tags, network, time.

#include "config/section.h"
#include "config/settings.h"

namespace quarry::config {

// Sets kms_key_id, s3_bucket_key, bucket_owner, s3_addressing, job_tags, vpc and job_timeout_hours.
void read_job_settings(Section& params, Findings& findings, DeploymentSettings& out);

}  // namespace quarry::config
