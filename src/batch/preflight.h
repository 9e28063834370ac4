#pragma once
// What would become of a file as a batch: its jobs and where they would run, what they would cost,
// and each line that something is wrong with. It makes the planner's decisions with the planner's
// own pieces, but nothing is created, written or sent. CPU-bound, no I/O: feed it on the pool.
// Memory: a few MiB, and what findings are kept; 12 bytes a line more where the file is at fault.
//
// The deployments are taken to be idle: a busy one may be passed over when the batch is planned.

#include "aws/deployment_set.h"
#include "batch/deployment_models.h"
#include "files/scan.h"
#include "openai/batch_line.h"
#include "openai/dry_run.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace quarry::batch {

struct PreflightSettings {
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  std::vector<std::string> target_models;  // exactly one: it overrides what the lines say
  bool drop_params = false;
  std::size_t line_bytes_max = std::size_t{16} << 20;
  // Of either sort; more are counted. With `found` set none is kept.
  std::size_t findings_max = 1'000;
  // Models that only stand for those that nobody knows: of their lines only the form is checked,
  // and no job is planned of them.
  std::set<std::string, std::less<>> form_only;
  // Called with each finding, in the order of lines; those of the whole batch come when they are
  // known.
  std::function<void(openai::DryRunFinding)> found;
};

class Preflight {
 public:
  // scan: of the same file. deployments and models outlive it.
  Preflight(PreflightSettings settings,
            const files::Scan& scan,
            const aws::DeploymentSet& deployments,
            const DeploymentModels& models);
  ~Preflight();

  // Windows of the file, in order, cut anywhere. One call at a time.
  void feed(std::span<const std::byte> window);
  void end();
  // After end(); once. input_file_id and bytes are the caller's to fill in.
  openai::DryRun report();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::batch
