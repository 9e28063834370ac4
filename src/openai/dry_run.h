#pragma once
// What a batch would become, were it created: the answer to POST /v1/batches with "dry_run": true,
// and `quarry validate --json`. Quarry's own object, in OpenAI's manner. Pure.

#include "openai/batch_line.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::openai {

// What is wrong with a line, or (no line) with the batch.
struct DryRunFinding {
  std::optional<std::int64_t> line;  // 1-based
  std::string custom_id;             // "" = not known
  std::string code;
  std::string message;
  std::string param;  // "" = null
  // The whole batch fails; else this line ends in the error file and the rest runs.
  bool fails_batch = false;
};

// Of some lines, were they run. Money in nano-dollars; nullopt: no price is known.
struct DryRunEstimate {
  std::int64_t input_tokens = 0;
  // At most; nullopt where neither the lines nor the model say a limit.
  std::optional<std::int64_t> output_tokens_max = 0;
  std::optional<std::int64_t> input_cost_nano_usd;      // as planned, of the input alone
  std::optional<std::int64_t> cost_nano_usd;            // as planned, with all the output
  std::optional<std::int64_t> on_demand_cost_nano_usd;  // were all of it run on demand
};

struct DryRunJob {
  std::string model;       // the public name
  std::string deployment;  // its id
  std::string model_id;    // Bedrock's
  std::string region;
  std::string bucket;
  bool on_demand = false;  // else a batch inference job
  std::string invocation;  // InvokeModel, Converse
  std::int64_t lines = 0;
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  DryRunEstimate estimate;
};

struct DryRunModel {
  std::string model;
  std::int64_t lines = 0;
  std::int64_t refused = 0;  // of these
  bool known = true;         // false: only the form of its lines was checked
};

struct DryRun {
  std::optional<std::string> input_file_id;
  std::string endpoint;
  std::int64_t bytes = 0;    // of the file
  std::int64_t lines = 0;    // that are not blank
  std::int64_t refused = 0;  // lines that would end in the error file
  std::vector<DryRunModel> models;
  std::vector<DryRunJob> jobs;
  DryRunEstimate estimate;             // of all jobs; of those whose price is known
  std::vector<std::string> unpriced;   // models of jobs whose price is not known
  std::vector<std::string> unbounded;  // models whose output nothing limits
  // Kept findings, in the order of their lines, and how many there are.
  std::vector<DryRunFinding> errors;  // that fail the batch
  std::int64_t error_count = 0;
  std::vector<DryRunFinding> refusals;
  std::int64_t refusal_count = 0;

  bool would_fail() const { return error_count > 0; }
};

boost::json::object to_json(const DryRunFinding& finding);
// Without the lists `errors` and `refused`, which may be many.
boost::json::object summary_json(const DryRun& run);
boost::json::object to_json(const DryRun& run);

}  // namespace quarry::openai
