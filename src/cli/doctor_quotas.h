#pragma once
// Which of Service Quotas' rows are about a model's batches, and whether a deployment's limits stay
// within them. Pure.

#include "aws/service_quotas.h"
#include "cli/doctor_remedies.h"
#include "cli/doctor_report.h"
#include "config/settings.h"

#include <string_view>
#include <vector>

namespace quarry::cli {

// Whether "Claude 3.5 Sonnet v2", as quotas name models, is "us.anthropic.claude-3-5-sonnet-
// 20241022-v2:0". Words and numbers must all agree; vendors, dates and a first version may be left
// out.
bool same_model(std::string_view quota_name, std::string_view model_id);

// The rows of "quotas": one where all is well or nothing is known, one for each limit that is over.
std::vector<Check> check_quotas(const config::DeploymentSettings& settings,
                                const std::vector<aws::Quota>& quotas,
                                const Remedies& remedies);

}  // namespace quarry::cli
