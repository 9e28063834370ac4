#include "batch/planner.h"

#include "base/bytes.h"
#include "batch/collection_metrics.h"
#include "batch/group_choice.h"
#include "batch/names.h"
#include "batch/segment_writer.h"
#include "batch/spread.h"
#include "batch/staging.h"
#include "batch/validation.h"
#include "files/file_service.h"
#include "files/scan.h"
#include "obs/log.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <expected>

namespace quarry::batch {
namespace {

constexpr std::size_t kOpenJobsMax = 4;  // each holds the buffers of one writer
constexpr std::chrono::hours kPlanTimeMax{4};

// One group's jobs being written.
struct GroupWriter {
  GroupStage stage = {};
  std::vector<const aws::Deployment*> deployments;
  Spread spread;           // over them
  std::size_t chosen = 0;  // takes the job that is being filled
  int job_n = 0;           // 0: no job is open
  std::unique_ptr<SegmentWriter> writer = {};
};

class Planner {
 public:
  Planner(Context& context, store::BatchRow batch)
      : context_(context),
        batch_(std::move(batch)),
        endpoint_(openai::parse_endpoint(batch_.object.endpoint)
                      .value_or(openai::Endpoint::chat_completions)),
        deadline_(Deadline::after(kPlanTimeMax)) {
    plan_.id = batch_.id;
  }

  Task<void> run();
  // After an error: no upload that was begun stays at S3.
  Awaitable<void> abort();

 private:
  Task<void> stage_all(const store::FileRow& file, const files::Scan& scan);
  Task<void> stage_pass(Stager& stager);
  Task<void> stage_window(Stager& stager);
  Task<void> write_out(Stager& stager);
  std::expected<std::unique_ptr<GroupWriter>, openai::BatchError> make_group(
      const std::string& model_name, std::uint64_t lines) const;
  Spread spread_over(const std::vector<const aws::Deployment*>& deployments,
                     const std::string& model_name) const;
  void choose_next(GroupWriter& group) const;
  void open_job(GroupWriter& group);
  store::JobRow job_of(const GroupWriter& group);
  Task<void> close_job(GroupWriter& group);
  Task<void> fail_batch(std::vector<openai::BatchError> errors);

  Context& context_;
  store::BatchRow batch_;
  const std::string mark_ = new_mark();  // of what this step writes
  openai::Endpoint endpoint_;
  Deadline deadline_;
  std::vector<store::SegmentRow> segments_;
  std::vector<store::BatchStore::Load> loads_;  // when the planning began
  std::unique_ptr<SegmentWriter> refused_;
  std::vector<std::unique_ptr<GroupWriter>> groups_;  // of the pass that runs
  store::BatchStore::Plan plan_;
  std::vector<openai::BatchError> fatal_;
  int last_job_n_ = 0;
};

Task<void> Planner::fail_batch(std::vector<openai::BatchError> errors) {
  obs::info("batch failed validation", {{"batch_id", batch_.id.value}, {"errors", errors.size()}});
  co_return co_await context_.batches.fail_validation(batch_.id, std::move(errors),
                                                      context_.now_ms());
}

Task<void> Planner::run() {
  if (batch_.object.status == openai::BatchStatus::cancelling && batch_.failures > 0) {
    // It could not be planned, so its lines cannot be told apart: it ends without files.
    context_.cancelling.erase(batch_.id);
    co_return co_await fail_batch({});
  }
  auto file = co_await context_.files.find_even_deleted(FileId{batch_.object.input_file_id});
  if (!file) co_return fail(std::move(file.error()));
  auto segments = co_await context_.files.segments(file->id);
  if (!segments) co_return fail(std::move(segments.error()));
  segments_ = std::move(*segments);
  auto scan = files::parse_scan(file->scan_json);
  if (!scan) co_return fail(std::move(scan.error()));

  auto errors = co_await validate(context_, batch_, *file, *scan, segments_);
  if (!errors) co_return fail(std::move(errors.error()).within("validating the input file"));
  if (!errors->empty()) co_return co_await fail_batch(std::move(*errors));

  auto loads = co_await context_.batches.loads(context_.now_ms());
  if (!loads) co_return fail(std::move(loads.error()));
  loads_ = std::move(*loads);
  auto staged = co_await stage_all(*file, *scan);
  if (!staged) co_return fail(std::move(staged.error()).within("staging jobs"));
  if (!fatal_.empty()) {
    // Each pass over the file found those of its own models.
    std::ranges::stable_sort(fatal_, {}, &openai::BatchError::line);
    co_return co_await fail_batch(std::move(fatal_));
  }
  auto saved = co_await context_.batches.save_plan(plan_, context_.now_ms());
  if (saved) {
    count_refused_lines(plan_.refused_lines);
    obs::info("batch planned", {{"batch_id", batch_.id.value},
                                {"lines", plan_.total},
                                {"refused", plan_.refused_lines},
                                {"jobs", plan_.jobs.size()}});
  }
  co_return saved;
}

Spread Planner::spread_over(const std::vector<const aws::Deployment*>& deployments,
                            const std::string& model_name) const {
  std::vector<Spread::Candidate> candidates;
  for (const aws::Deployment* deployment : deployments) {
    const auto load =
        std::ranges::find(loads_, deployment->id(), &store::BatchStore::Load::deployment_id);
    const std::int64_t taken = load == loads_.end() ? 0 : load->slots_taken;
    const bool has_slot = taken < deployment->settings.max_concurrent_jobs &&
                          !context_.health.busy(deployment->id(), context_.now_ms());
    candidates.push_back(
        {deployment->settings.weight, load == loads_.end() ? 0 : load->open_records, has_slot});
  }
  const std::string seed = batch_.id.value + model_name;
  return Spread(std::move(candidates), XXH3_64bits(seed.data(), seed.size()));
}

std::expected<std::unique_ptr<GroupWriter>, openai::BatchError> Planner::make_group(
    const std::string& model_name, std::uint64_t lines) const {
  auto choice = choose_deployments(model_name, context_.deployments.group(model_name),
                                   context_.models, endpoint_);
  if (!choice) return std::unexpected(std::move(choice.error()));
  if (choice->on_demand_only) {
    obs::warn("this model has no batch inference: its lines run on demand, at on-demand price",
              {{"batch_id", batch_.id.value},
               {"model_name", model_name},
               {"model", choice->deployments.front()->settings.model_id}});
  }
  Spread spread = spread_over(choice->deployments, model_name);
  auto group = std::make_unique<GroupWriter>(
      GroupWriter{.deployments = std::move(choice->deployments), .spread = std::move(spread)});
  group->stage.lines = lines;
  group->stage.model_name = model_name;
  choose_next(*group);
  return group;
}

void Planner::choose_next(GroupWriter& group) const {
  group.chosen = group.spread.next();
  give_to(group.stage, *group.deployments[group.chosen], context_.models, endpoint_);
}

Task<void> Planner::stage_all(const store::FileRow& file, const files::Scan& scan) {
  const std::string forced = model_override(file);
  std::vector<std::pair<std::string, std::uint64_t>> models(scan.models.begin(), scan.models.end());
  if (!forced.empty()) models = {{forced, scan.lines}};
  plan_.model = models.front().first;
  const aws::Deployment& home = *context_.deployments.group(plan_.model).front();
  refused_ = std::make_unique<SegmentWriter>(context_.memory, home,
                                             segment_object(batch_.error_id, 0, mark_), 0);
  for (std::size_t first = 0; first < models.size(); first += kOpenJobsMax) {
    groups_.clear();
    Stager::Groups stages;
    for (std::size_t i = first; i < std::min(first + kOpenJobsMax, models.size()); ++i) {
      auto group = make_group(models[i].first, models[i].second);
      if (!group) {
        fatal_.push_back(std::move(group.error()));
        co_return Result<void>();
      }
      stages.emplace(models[i].first, &(*group)->stage);
      groups_.push_back(std::move(*group));
    }
    Stager stager({batch_.id, context_.settings.drop_params, endpoint_,
                   context_.settings.line_bytes_max, forced},
                  std::move(stages));
    auto passed = co_await stage_pass(stager);
    if (!passed) co_return passed;
    plan_.total += stager.line_count;
    plan_.refused_lines += stager.refused_count;
    fatal_.insert(fatal_.end(), stager.fatal.begin(), stager.fatal.end());
  }
  if (fatal_.empty() && static_cast<std::uint64_t>(plan_.total) != scan.lines) {
    co_return fail(Errc::corrupt, fmt::format("the file has {} lines for its models, its scan {}",
                                              plan_.total, scan.lines));
  }
  auto segment = co_await refused_->finish(deadline_);
  if (!segment) co_return fail(std::move(segment.error()));
  plan_.refused_segment = std::move(*segment);
  co_return Result<void>();
}

Task<void> Planner::stage_pass(Stager& stager) {
  auto reader = files::read_segments(segments_, context_.deployments, context_.memory, std::nullopt,
                                     deadline_);
  while (true) {
    auto window = co_await reader->read();
    if (!window) co_return fail(std::move(window.error()));
    if (window->empty()) break;
    stager.feed(*window);
    auto staged = co_await stage_window(stager);
    if (!staged) co_return staged;
  }
  stager.end();
  auto staged = co_await stage_window(stager);
  if (!staged) co_return staged;
  for (auto& group : groups_) {
    auto closed = co_await close_job(*group);
    if (!closed) co_return closed;
  }
  co_return Result<void>();
}

Task<void> Planner::stage_window(Stager& stager) {
  for (bool more = true; more;) {
    more = co_await run_blocking(context_.pool, [&stager] { return stager.advance(); });
    auto written = co_await write_out(stager);
    if (!written) co_return written;
  }
  co_return Result<void>();
}

Task<void> Planner::write_out(Stager& stager) {
  auto refused = co_await refused_->write(stager.refused, deadline_);
  if (!refused) co_return refused;
  for (auto& group : groups_) {
    if (!group->stage.records.empty()) {
      if (group->job_n == 0) open_job(*group);
      auto written = co_await group->writer->write(group->stage.records, deadline_);
      if (!written) co_return written;
    }
    if (group->stage.full) {
      auto closed = co_await close_job(*group);
      if (!closed) co_return closed;
    }
  }
  co_return Result<void>();
}

void Planner::open_job(GroupWriter& group) {
  group.job_n = ++last_job_n_;
  group.writer =
      std::make_unique<SegmentWriter>(context_.memory, *group.stage.deployment,
                                      input_object(batch_.id, group.job_n, mark_), group.job_n);
}

Task<void> Planner::close_job(GroupWriter& group) {
  GroupStage& stage = group.stage;
  if (group.job_n == 0) co_return Result<void>();
  auto written = co_await group.writer->write(stage.records, deadline_);
  if (!written) co_return written;
  auto finished = co_await group.writer->finish(deadline_);
  if (!finished) co_return fail(std::move(finished.error()));
  const aws::Deployment& deployment = *stage.deployment;
  auto sidecar = co_await deployment.s3->put(
      deployment.object(custom_ids_object(batch_.id, group.job_n, mark_)),
      as_bytes(stage.custom_ids), deadline_);
  if (!sidecar) co_return fail(std::move(sidecar.error()));

  plan_.jobs.push_back(job_of(group));
  group.spread.took(group.chosen, static_cast<std::int64_t>(stage.record_count));
  choose_next(group);
  stage.begin_job();
  group.job_n = 0;
  group.writer.reset();
  co_return Result<void>();
}

store::JobRow Planner::job_of(const GroupWriter& group) {
  const GroupStage& stage = group.stage;
  store::JobRow job;
  job.batch_id = batch_.id;
  job.n = group.job_n;
  job.mark = mark_;
  job.owner = batch_.by.owner;
  job.deployment_id = stage.deployment->id();
  job.model_name = stage.model_name;
  job.lines = static_cast<std::int64_t>(stage.line_count);
  job.records = static_cast<std::int64_t>(stage.record_count);
  job.family = stage.model->family;
  job.invocation = stage.wire == translate::Wire::converse ? bedrock::InvocationType::Converse
                                                           : bedrock::InvocationType::InvokeModel;
  const auto kind = kind_of_job(stage);
  if (!kind) fatal_.push_back(kind.error());
  job.kind = kind.value_or(store::JobKind::bedrock);
  job.state =
      job.kind == store::JobKind::direct ? store::JobState::planned : store::JobState::staged;
  return job;
}

Awaitable<void> Planner::abort() {
  if (refused_) co_await refused_->abort();
  for (auto& group : groups_) {
    if (group->writer) co_await group->writer->abort();
  }
}

}  // namespace

Task<void> plan_batch(Context& context, store::BatchRow batch) {
  Planner planner(context, std::move(batch));
  auto planned = co_await planner.run();
  if (!planned) co_await planner.abort();
  co_return planned;
}

}  // namespace quarry::batch
