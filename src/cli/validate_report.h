#pragma once
// What `quarry validate` found, for people. Pure.

#include "openai/dry_run.h"

#include <string>
#include <vector>

namespace quarry::cli {

// "line 12: invalid_value body.temperature: must be between 0 and 1\n"; what is of no line begins
// with "batch: ". Whatever the file holds, it is one line of printable text.
std::string render_finding(const openai::DryRunFinding& finding);

// The file, its models and jobs as tables, the estimate.
std::string render_validation(const openai::DryRun& run, const std::string& file_name);

// What to do where nothing is known of some models; "" where all are known. configured: a
// configuration was given.
std::string unknown_models_hint(const openai::DryRun& run, bool configured);

// The last line: "2 errors fail the batch, 1 line is refused, 97 of 100 lines are fine\n".
std::string render_verdict(const openai::DryRun& run, std::int64_t lines_at_fault);

}  // namespace quarry::cli
