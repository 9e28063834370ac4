#pragma once
// What becomes of what a batch has not finished: keys that an entry of model_list may give, and
// general_settings for all entries that do not.

#include "config/section.h"
#include "config/settings.h"

#include <chrono>

namespace quarry::config {

struct Recovery {
  int retry_failed_records = 1;
  bool direct_fallback = false;  // deadline_fallback: direct
  std::chrono::minutes fallback_before_end{60};

  void apply(DeploymentSettings& out) const {
    out.retry_failed_records = retry_failed_records;
    if (direct_fallback) out.deadline_fallback = fallback_before_end;
  }
};

// What `section` says, over `defaults`.
Recovery read_recovery(Section& section, Recovery defaults);

}  // namespace quarry::config
