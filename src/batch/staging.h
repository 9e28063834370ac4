#pragma once
// Lines on their way into jobs: parsed, translated, cut. The CPU half of the planner: no I/O, runs
// on the pool.

#include "aws/deployment_set.h"
#include "base/ids.h"
#include "catalog/catalog.h"
#include "json/line_splitter.h"
#include "openai/batch_line.h"
#include "openai/objects.h"
#include "translate/translator.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

// The job of one public model that is being filled: what is translated but not written, and what it
// holds so far.
struct GroupStage {
  std::string model_name;
  const aws::Deployment* deployment = nullptr;  // of the job being filled
  const catalog::Model* model = nullptr;        // of that deployment
  std::uint64_t records_per_job_max = 0;        // of that deployment, or less: see even_cut()
  std::string records;                          // input records not yet written
  std::string custom_ids;                       // the job's sidecar, whole
  std::uint64_t record_count = 0;               // in the job
  std::uint64_t job_bytes = 0;                  // in the job
  bool full = false;        // takes no more: the caller closes the job and calls begin_job()
  std::string held_record;  // the record that did not fit; it goes first into the next job
  std::string held_custom_id;

  void begin_job();
};

// So many records in each job that `lines` are spread evenly over the fewest jobs: a rest of a few
// lines, below what AWS takes as a job, would run on demand at twice the price.
std::uint64_t even_cut(std::uint64_t lines, std::uint64_t records_per_job_max);

struct StageSettings {
  BatchId batch_id;
  bool drop_params = false;
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  std::size_t line_bytes_max = 0;
  std::string model_override;  // target_model_names named exactly one; "" = each line's own
};

// Reads a whole file once, for the groups of one pass; lines of other models are skipped.
class Stager {
 public:
  using Groups = std::map<std::string, GroupStage*, std::less<>>;

  Stager(StageSettings settings, Groups groups);

  // A window of the file; it must stay valid until advance() has returned false.
  void feed(std::span<const std::byte> window);
  // No window follows: advance() takes the last line too.
  void end();
  // Translates on. True when it stopped for the caller to write what has come together, or to close
  // a full job; then it must be called again. False when the window is used up.
  bool advance();

  std::string refused;  // error lines of what no model would take
  std::int64_t refused_count = 0;
  std::int64_t line_count = 0;            // of this pass's groups
  std::vector<openai::BatchError> fatal;  // what fails the whole batch

 private:
  bool next_line(json::LineSplitter::Line& line);
  // True when the group's job is full.
  bool take(const json::LineSplitter::Line& line);
  void refuse(const openai::BatchLine& line,
              std::uint64_t line_number,
              const openai::LineError& error);

  StageSettings settings_;
  Groups groups_;
  json::LineSplitter splitter_;
  openai::BatchLineReader reader_;
  translate::RequestTranslator translator_;
  std::string model_input_;
  bool ended_ = false;
};

}  // namespace quarry::batch
