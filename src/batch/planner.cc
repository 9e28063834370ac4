#include "batch/planner.h"

#include "base/bytes.h"
#include "batch/names.h"
#include "batch/segment_writer.h"
#include "batch/staging.h"
#include "batch/validation.h"
#include "files/file_service.h"
#include "files/scan.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::size_t kOpenJobsMax = 4;  // each holds the buffers of one writer
constexpr std::chrono::hours kPlanTimeMax{4};

// One group's jobs being written.
struct GroupWriter {
  GroupStage stage;
  std::vector<const aws::Deployment*> deployments;  // take jobs in turn
  int job_n = 0;                                    // 0: no job is open
  std::unique_ptr<SegmentWriter> writer;
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
  Result<std::unique_ptr<GroupWriter>> make_group(const std::string& model_name,
                                                  std::uint64_t lines) const;
  Result<std::vector<const aws::Deployment*>> deployments_of(const std::string& model_name) const;
  void give_to(GroupStage& stage, const aws::Deployment& deployment) const;
  void open_job(GroupWriter& group);
  store::JobRow job_of(const GroupWriter& group);
  Task<void> close_job(GroupWriter& group);
  Task<void> fail_batch(std::vector<openai::BatchError> errors);

  Context& context_;
  store::BatchRow batch_;
  openai::Endpoint endpoint_;
  Deadline deadline_;
  std::vector<store::SegmentRow> segments_;
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

  auto staged = co_await stage_all(*file, *scan);
  if (!staged) co_return fail(std::move(staged.error()).within("staging jobs"));
  if (!fatal_.empty()) {
    // Each pass over the file found those of its own models.
    std::ranges::stable_sort(fatal_, {}, &openai::BatchError::line);
    co_return co_await fail_batch(std::move(fatal_));
  }
  auto saved = co_await context_.batches.save_plan(plan_, context_.now_ms());
  if (saved) {
    obs::info("batch planned", {{"batch_id", batch_.id.value},
                                {"lines", plan_.total},
                                {"refused", plan_.refused_lines},
                                {"jobs", plan_.jobs.size()}});
  }
  co_return saved;
}

// Those that can do it, and of these those that can do it as a batch job; in the config's order.
Result<std::vector<const aws::Deployment*>> Planner::deployments_of(
    const std::string& model_name) const {
  std::vector<const aws::Deployment*> all, able, batch_able;
  for (const aws::DeploymentPtr& deployment : context_.deployments.group(model_name)) {
    const catalog::Model* model = context_.models.of(deployment->settings);
    if (!model) {
      return fail(Error(Errc::invalid_request,
                        fmt::format("The model '{}' runs {}, of which nothing is known.",
                                    model_name, deployment->settings.model_id))
                      .param("body.model")
                      .reason("model_not_found"));
    }
    all.push_back(deployment.get());
    if (!model->answers(endpoint_)) continue;
    able.push_back(deployment.get());
    if (model->batch) batch_able.push_back(deployment.get());
  }
  if (!batch_able.empty()) return batch_able;
  if (able.empty()) return all;  // each line is refused, and says why
  const bool may_run_directly = std::ranges::all_of(able, [](const aws::Deployment* deployment) {
    return deployment->settings.small_batch == config::SmallBatch::direct;
  });
  if (!may_run_directly) {
    return fail(Error(Errc::invalid_request,
                      fmt::format("The model '{}' cannot run as a Bedrock batch job. hint: "
                                  "small_batch: direct runs it on demand, at on-demand price.",
                                  model_name))
                    .param("body.model")
                    .reason("model_without_batch"));
  }
  obs::warn("this model has no batch inference: its lines run on demand, at on-demand price",
            {{"batch_id", batch_.id.value},
             {"model_name", model_name},
             {"model", able.front()->settings.model_id}});
  return able;
}

translate::WirePreference preference_of(const config::DeploymentSettings& settings) {
  switch (settings.invocation) {
    case config::BedrockInvocation::native:
      return translate::WirePreference::native;
    case config::BedrockInvocation::converse:
      return translate::WirePreference::converse;
    case config::BedrockInvocation::automatic:
      break;
  }
  return translate::WirePreference::automatic;
}

void Planner::give_to(GroupStage& stage, const aws::Deployment& deployment) const {
  stage.deployment = &deployment;
  stage.model = context_.models.of(deployment.settings);
  stage.wire = translate::wire_of(*stage.model, endpoint_, preference_of(deployment.settings));
}

Result<std::unique_ptr<GroupWriter>> Planner::make_group(const std::string& model_name,
                                                         std::uint64_t lines) const {
  auto deployments = deployments_of(model_name);
  if (!deployments) return fail(std::move(deployments.error()));
  auto group = std::make_unique<GroupWriter>();
  group->stage.lines = lines;
  group->stage.model_name = model_name;
  group->deployments = std::move(*deployments);
  give_to(group->stage, *group->deployments.front());
  return group;
}

Task<void> Planner::stage_all(const store::FileRow& file, const files::Scan& scan) {
  const std::string forced = model_override(file);
  std::vector<std::pair<std::string, std::uint64_t>> models(scan.models.begin(), scan.models.end());
  if (!forced.empty()) models = {{forced, scan.lines}};
  plan_.model = models.front().first;
  const aws::Deployment& home = *context_.deployments.group(plan_.model).front();
  refused_ =
      std::make_unique<SegmentWriter>(context_.memory, home, segment_object(batch_.error_id, 0), 0);
  for (std::size_t first = 0; first < models.size(); first += kOpenJobsMax) {
    groups_.clear();
    Stager::Groups stages;
    for (std::size_t i = first; i < std::min(first + kOpenJobsMax, models.size()); ++i) {
      auto group = make_group(models[i].first, models[i].second);
      if (!group) {
        fatal_.push_back(
            {group.error().reason(), group.error().message(), group.error().param(), {}});
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
  group.writer = std::make_unique<SegmentWriter>(context_.memory, *group.stage.deployment,
                                                 input_object(batch_.id, group.job_n), group.job_n);
}

Task<void> Planner::close_job(GroupWriter& group) {
  GroupStage& stage = group.stage;
  if (group.job_n == 0) co_return Result<void>();
  auto written = co_await group.writer->write(stage.records, deadline_);
  if (!written) co_return written;
  auto finished = co_await group.writer->finish(deadline_);
  if (!finished) co_return fail(std::move(finished.error()));
  const aws::Deployment& deployment = *stage.deployment;
  auto sidecar =
      co_await deployment.s3->put(deployment.object(custom_ids_object(batch_.id, group.job_n)),
                                  as_bytes(stage.custom_ids), deadline_);
  if (!sidecar) co_return fail(std::move(sidecar.error()));

  plan_.jobs.push_back(job_of(group));
  // The next job of the group goes to the next deployment, in turn.
  give_to(stage, *group.deployments[plan_.jobs.size() % group.deployments.size()]);
  stage.begin_job();
  group.job_n = 0;
  group.writer.reset();
  co_return Result<void>();
}

store::JobRow Planner::job_of(const GroupWriter& group) {
  const GroupStage& stage = group.stage;
  const config::DeploymentSettings& settings = stage.deployment->settings;
  store::JobRow job;
  job.batch_id = batch_.id;
  job.n = group.job_n;
  job.deployment_id = stage.deployment->id();
  job.model_name = stage.model_name;
  job.lines = static_cast<std::int64_t>(stage.line_count);
  job.records = static_cast<std::int64_t>(stage.record_count);
  job.family = stage.model->family;
  job.invocation = stage.wire == translate::Wire::converse ? bedrock::InvocationType::Converse
                                                           : bedrock::InvocationType::InvokeModel;
  const bool too_few = stage.record_count < settings.min_records_per_job;
  const bool direct = too_few || !stage.model->batch;
  job.kind = direct ? store::JobKind::direct : store::JobKind::bedrock;
  job.state = direct ? store::JobState::planned : store::JobState::staged;
  if (too_few && settings.small_batch == config::SmallBatch::reject) {
    fatal_.push_back(
        {"batch_below_minimum_records",
         fmt::format("The batch has {} requests for the model '{}', fewer than the {} that "
                     "a Bedrock batch job needs. hint: small_batch: direct runs them on "
                     "demand, at on-demand price.",
                     stage.record_count, stage.model_name, settings.min_records_per_job),
         "", std::nullopt});
  }
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
