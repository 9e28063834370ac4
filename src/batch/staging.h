#pragma once
// Lines on their way into jobs: parsed, translated, cut. The CPU half of the planner: no I/O, runs
// on the pool. A line's records all lie in one job.

#include "aws/deployment_set.h"
#include "base/ids.h"
#include "catalog/catalog.h"
#include "json/line_splitter.h"
#include "openai/batch_line.h"
#include "openai/objects.h"
#include "translate/translator.h"

#include <cstdint>
#include <functional>
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
  translate::Wire wire = translate::Wire::native;
  std::uint64_t lines = 0;         // of the whole group, as the scan counted them
  std::string records;             // input records not yet written
  std::string custom_ids;          // the job's sidecar, whole
  std::uint64_t line_count = 0;    // in the job
  std::uint64_t record_count = 0;  // in the job
  std::uint64_t job_bytes = 0;     // in the job
  bool full = false;               // takes no more: the caller closes the job and calls begin_job()

  // The deployment, model and wire of the next job have been set.
  void begin_job();
  // So many records fill the job, if `record_count` may not grow further than the deployment takes.
  std::uint64_t records_wanted() const;
  void count_line(std::uint64_t records_of_line);

 private:
  std::uint64_t lines_seen_ = 0;  // of the group
  std::uint64_t records_seen_ = 0;
};

// So many records in each job that `records` are spread evenly over the fewest jobs: a rest of a
// few, below what AWS takes as a job, would run on demand at twice the price.
std::uint64_t even_cut(std::uint64_t records, std::uint64_t records_per_job_max);

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

  // For who wants to know each: a line that its model would not take, or (fails_batch) that is no
  // request to the endpoint at all. What it views is valid during the call.
  struct Refusal {
    std::string_view model_name;
    std::uint64_t line;
    std::string_view custom_id;
    const openai::LineError& error;
    bool fails_batch;
  };
  std::function<void(const Refusal&)> on_refused;

 private:
  // What became of a line.
  enum class Taken { yes, job_is_full };

  bool next_line();
  Taken take();
  Taken take_into(GroupStage& group, const openai::BatchLine& line);
  void refuse(const GroupStage& group,
              const openai::BatchLine& line,
              const openai::LineError& error);

  StageSettings settings_;
  Groups groups_;
  json::LineSplitter splitter_;
  json::LineSplitter::Line line_;  // the last one that was split off
  bool waiting_ = false;           // it did not fit: it is translated anew, for the next job
  openai::BatchLineReader reader_;
  translate::RequestTranslator translator_;
  translate::TranslatedLine translated_;
  bool ended_ = false;
};

}  // namespace quarry::batch
