#include "batch/preflight.h"

#include "batch/expectation.h"
#include "batch/group_choice.h"
#include "batch/spread.h"
#include "batch/staging.h"
#include "batch/token_estimate.h"
#include "files/custom_id_set.h"
#include "json/line_splitter.h"
#include "spend/job_cost.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace quarry::batch {
namespace {

using openai::DryRunFinding;

constexpr const char* kAnyBatch = "batch_dry_run";  // ids of result lines that nobody reads

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// The findings of a window, from the pieces that each go through it on their own.
class Findings {
 public:
  void add(DryRunFinding finding) { found_.push_back(std::move(finding)); }
  // In the order of lines and, of a line, as they were found.
  void give(const std::function<void(DryRunFinding)>& give) {
    std::vector<std::pair<std::int64_t, std::size_t>> order;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      order.emplace_back(found_[i].line.value_or(0), i);
    }
    std::ranges::sort(order);
    for (const auto& [line, i] : order) give(std::move(found_[i]));
    found_.clear();
  }

 private:
  std::vector<DryRunFinding> found_;
};

// What the upload's scan and the batch's validation say of each line. Only for files that are at
// fault somewhere: where the scan has the word for a fault, it is asked for it.
class LineFaults {
 public:
  LineFaults(std::size_t line_bytes_max, const Expectation& expect, Findings& findings)
      : line_bytes_max_(line_bytes_max),
        expect_(expect),
        findings_(findings),
        splitter_(line_bytes_max) {}

  void feed(std::span<const std::byte> window) {
    wrong_urls_.clear();
    splitter_.feed(window);
    json::LineSplitter::Line line;
    while (splitter_.next(line)) check(line);
  }
  void end() {
    wrong_urls_.clear();
    json::LineSplitter::Line line;
    if (splitter_.finish(line)) check(line);
  }
  // A line of this window is for another endpoint: what that endpoint's body lacks for this one is
  // not worth saying.
  bool has_wrong_url(std::uint64_t line) const {
    return std::ranges::binary_search(wrong_urls_, line);
  }

 private:
  void check(const json::LineSplitter::Line& line);
  bool is_duplicate(const openai::BatchLine& line);
  void ask_scan(const json::LineSplitter::Line& line, std::string_view custom_id, bool twice);

  std::size_t line_bytes_max_;
  const Expectation& expect_;
  Findings& findings_;
  json::LineSplitter splitter_;
  openai::BatchLineReader reader_;
  files::CustomIdSet custom_ids_;
  std::vector<std::uint64_t> wrong_urls_;
};

bool LineFaults::is_duplicate(const openai::BatchLine& line) {
  const bool remembered = line.url.size() <= files::kNameBytesMax &&
                          line.model.size() <= files::kNameBytesMax &&
                          line.custom_id.size() <= files::kCustomIdBytesMax;
  return remembered && !custom_ids_.insert(line.custom_id);
}

// twice: it is the second line with its custom_id.
void LineFaults::ask_scan(const json::LineSplitter::Line& line,
                          std::string_view custom_id,
                          bool twice) {
  files::Scanner scanner(line_bytes_max_);
  for (int i = 0; i < (twice ? 2 : 1); ++i) {
    scanner.feed(bytes_of(line.text));
    if (line.too_long) scanner.feed(bytes_of("…"));  // the splitter cut it off at the limit
    scanner.feed(bytes_of("\n"));
  }
  for (openai::BatchError& error : scanner.finish().errors) {
    if (error.line != (twice ? 2 : 1)) continue;
    findings_.add({static_cast<std::int64_t>(line.number), std::string(custom_id),
                   std::move(error.code), std::move(error.message), std::move(error.param), true});
  }
}

void LineFaults::check(const json::LineSplitter::Line& line) {
  if (line.too_long) return ask_scan(line, "", false);
  const auto read = reader_.read(line.text);
  if (!read) return ask_scan(line, "", false);
  const bool duplicate = is_duplicate(*read);
  const bool too_much = read->url.size() > files::kNameBytesMax ||
                        read->model.size() > files::kNameBytesMax ||
                        read->custom_id.size() > files::kCustomIdBytesMax;
  if (duplicate || too_much || read->stream) ask_scan(line, read->custom_id, duplicate);
  if (!expect_.url_ok(read->url)) wrong_urls_.push_back(line.number);
  if (auto fault = expect_.fault_of(*read)) {
    findings_.add({static_cast<std::int64_t>(line.number), std::string(read->custom_id),
                   std::move(fault->code), std::move(fault->message), std::move(fault->param),
                   true});
  }
}

// nullopt + n = n; what is not known is left out of a sum.
void add_known(std::optional<std::int64_t>& sum, const std::optional<std::int64_t>& value) {
  if (value) sum = sum.value_or(0) + *value;
}

}  // namespace

class Preflight::State {
 public:
  State(PreflightSettings settings,
        const files::Scan& scan,
        const aws::DeploymentSet& deployments,
        const DeploymentModels& models);

  void feed(std::span<const std::byte> window);
  void end();
  openai::DryRun report();

 private:
  // A model's lines on their way into jobs.
  struct Group {
    GroupStage stage;
    std::vector<const aws::Deployment*> deployments;
    std::optional<Spread> spread;
    std::size_t taker = 0;  // the place among them of the one that has the open job
    bool form_only = false;
    openai::DryRunModel counts;
    std::int64_t input_tokens = 0;  // of the open job
    std::optional<std::int64_t> output_tokens_max = 0;
  };

  void make_group(const std::string& model_name, std::uint64_t lines);
  void next_deployment(Group& group);
  bool of_form(const Stager::Refusal& refusal) const;
  void refused(const Stager::Refusal& refusal);
  void stage_window();
  void count_records(Group& group);
  void close_job(Group& group);
  openai::DryRunEstimate estimate_of(const Group& group, store::JobKind kind);
  void of_whole(openai::BatchError error);
  void give(DryRunFinding finding);

  PreflightSettings settings_;
  const aws::DeploymentSet& deployments_;
  const DeploymentModels& models_;
  Expectation expect_;
  openai::DryRun run_;
  Findings findings_;
  std::optional<LineFaults> faults_;  // none: the scan and the batch have nothing against the file
  std::map<std::string, Group, std::less<>> groups_;
  std::optional<Stager> stager_;
  TokenEstimator tokens_;
  std::set<std::string> unpriced_, unbounded_;
};

Preflight::State::State(PreflightSettings settings,
                        const files::Scan& scan,
                        const aws::DeploymentSet& deployments,
                        const DeploymentModels& models)
    : settings_(std::move(settings)),
      deployments_(deployments),
      models_(models),
      expect_{std::string(openai::path(settings_.endpoint)),
              model_override(settings_.target_models), settings_.target_models, deployments} {
  run_.endpoint = expect_.endpoint;
  run_.lines = static_cast<std::int64_t>(scan.lines);
  if (auto error = expect_.fault_of_whole(scan)) of_whole(std::move(*error));
  if (scan.names_overflow) of_whole(too_many_names());
  if (!expect_.met_by(scan)) faults_.emplace(settings_.line_bytes_max, expect_, findings_);
  if (!expect_.override_model.empty()) {
    make_group(expect_.override_model, scan.lines);
  } else {
    for (const auto& [model_name, lines] : scan.models) make_group(model_name, lines);
  }
  Stager::Groups stages;
  for (auto& [model_name, group] : groups_) {
    if (group.stage.deployment) stages.emplace(model_name, &group.stage);
  }
  stager_.emplace(StageSettings{BatchId{kAnyBatch}, settings_.drop_params, settings_.endpoint,
                                settings_.line_bytes_max, expect_.override_model},
                  std::move(stages));
  stager_->on_refused = [this](const Stager::Refusal& refusal) { refused(refusal); };
}

void Preflight::State::make_group(const std::string& model_name, std::uint64_t lines) {
  Group& group = groups_[model_name];
  group.form_only = settings_.form_only.contains(model_name);
  group.counts = {model_name, static_cast<std::int64_t>(lines), 0, !group.form_only};
  if (!expect_.model_ok(model_name) || deployments_.group(model_name).empty()) {
    group.counts.known = false;
    return;  // each of its lines is a finding
  }
  auto choice =
      choose_deployments(model_name, deployments_.group(model_name), models_, settings_.endpoint);
  if (!choice) return of_whole(std::move(choice.error()));
  group.stage.model_name = model_name;
  group.stage.lines = lines;
  group.deployments = std::move(choice->deployments);
  std::vector<Spread::Candidate> candidates;
  for (const aws::Deployment* deployment : group.deployments) {
    candidates.push_back({.weight = deployment->settings.weight});
  }
  group.spread.emplace(std::move(candidates), 0);
  next_deployment(group);
}

void Preflight::State::next_deployment(Group& group) {
  group.taker = group.spread->next();
  give_to(group.stage, *group.deployments[group.taker], models_, settings_.endpoint);
}

void Preflight::State::feed(std::span<const std::byte> window) {
  if (faults_) faults_->feed(window);
  stager_->feed(window);
  stage_window();
}

void Preflight::State::end() {
  if (faults_) faults_->end();
  stager_->end();
  stage_window();
  for (auto& [model_name, group] : groups_) {
    if (group.stage.deployment) close_job(group);
  }
}

void Preflight::State::stage_window() {
  for (bool more = true; more;) {
    more = stager_->advance();
    stager_->refused.clear();
    for (auto& [model_name, group] : groups_) {
      count_records(group);
      if (group.stage.full) close_job(group);
    }
  }
  findings_.give([this](DryRunFinding finding) { give(std::move(finding)); });
}

// Whatever the model is, the line is at fault: not for what only some models take.
bool Preflight::State::of_form(const Stager::Refusal& refusal) const {
  if (refusal.fails_batch) return true;
  return settings_.endpoint != openai::Endpoint::embeddings &&
         refusal.error.code != "unsupported_parameter";
}

void Preflight::State::refused(const Stager::Refusal& refusal) {
  // The scan has said it, of a line that is for another endpoint or that streams.
  if (faults_ && faults_->has_wrong_url(refusal.line)) return;
  if (faults_ && refusal.error.code == "streaming_unsupported") return;
  Group& group = groups_.find(refusal.model_name)->second;
  if (group.form_only && !of_form(refusal)) return;
  if (!refusal.fails_batch) {
    ++run_.refused;
    ++group.counts.refused;
  }
  findings_.add({static_cast<std::int64_t>(refusal.line), std::string(refusal.custom_id),
                 refusal.error.code, refusal.error.message, refusal.error.param,
                 refusal.fails_batch});
}

void Preflight::State::count_records(Group& group) {
  GroupStage& stage = group.stage;
  for (std::string_view rest = stage.records; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    const TokenEstimate estimate =
        tokens_.estimate_record(rest.substr(0, end), *stage.model, stage.wire, settings_.endpoint);
    group.input_tokens += estimate.input;
    if (!estimate.output_max) group.output_tokens_max.reset();
    if (group.output_tokens_max) *group.output_tokens_max += *estimate.output_max;
    rest.remove_prefix(std::min(rest.size(), end == rest.npos ? end : end + 1));
  }
  stage.records.clear();
  stage.custom_ids.clear();
}

openai::DryRunEstimate Preflight::State::estimate_of(const Group& group, store::JobKind kind) {
  const std::string& model_name = group.stage.model_name;
  const auto cost = [&](store::JobKind as,
                        std::int64_t output_tokens) -> std::optional<std::int64_t> {
    spend::JobUsage used;
    used.usage.input_tokens = group.input_tokens;
    used.usage.output_tokens = output_tokens;
    const spend::Cost cost = spend::cost_of_job(group.stage.model, as, used);
    return cost.known ? std::optional(cost.nano_usd) : std::nullopt;
  };
  openai::DryRunEstimate estimate;
  estimate.input_tokens = group.input_tokens;
  estimate.output_tokens_max = group.output_tokens_max;
  estimate.input_cost_nano_usd = cost(kind, 0);
  if (!estimate.input_cost_nano_usd) unpriced_.insert(model_name);
  if (!group.output_tokens_max) {
    unbounded_.insert(model_name);
    return estimate;
  }
  estimate.cost_nano_usd = cost(kind, *group.output_tokens_max);
  estimate.on_demand_cost_nano_usd = cost(store::JobKind::direct, *group.output_tokens_max);
  return estimate;
}

void Preflight::State::close_job(Group& group) {
  GroupStage& stage = group.stage;
  if (stage.record_count > 0 && !group.form_only) {
    auto kind = kind_of_job(stage);
    if (!kind) {
      of_whole(std::move(kind.error()));
    } else {
      const config::DeploymentSettings& settings = stage.deployment->settings;
      openai::DryRunJob job{
          .model = stage.model_name,
          .deployment = settings.id,
          .model_id = settings.model_id,
          .region = settings.bedrock_region,
          .bucket = settings.bucket,
          .on_demand = *kind == store::JobKind::direct,
          .invocation = std::string(store::name(stage.wire == translate::Wire::converse
                                                    ? bedrock::InvocationType::Converse
                                                    : bedrock::InvocationType::InvokeModel)),
          .lines = static_cast<std::int64_t>(stage.line_count),
          .records = static_cast<std::int64_t>(stage.record_count),
          .bytes = static_cast<std::int64_t>(stage.job_bytes),
          .estimate = estimate_of(group, *kind)};
      const openai::DryRunEstimate& part = job.estimate;
      run_.estimate.input_tokens += part.input_tokens;
      add_known(run_.estimate.output_tokens_max, part.output_tokens_max);
      add_known(run_.estimate.input_cost_nano_usd, part.input_cost_nano_usd);
      add_known(run_.estimate.cost_nano_usd, part.cost_nano_usd);
      add_known(run_.estimate.on_demand_cost_nano_usd, part.on_demand_cost_nano_usd);
      run_.jobs.push_back(std::move(job));
    }
  }
  group.spread->took(group.taker, static_cast<std::int64_t>(stage.record_count));
  next_deployment(group);
  stage.begin_job();
  group.input_tokens = 0;
  group.output_tokens_max = 0;
}

void Preflight::State::of_whole(openai::BatchError error) {
  give({std::nullopt, "", std::move(error.code), std::move(error.message), std::move(error.param),
        true});
}

void Preflight::State::give(DryRunFinding finding) {
  ++(finding.fails_batch ? run_.error_count : run_.refusal_count);
  if (settings_.found) return settings_.found(std::move(finding));
  auto& kept = finding.fails_batch ? run_.errors : run_.refusals;
  if (kept.size() < settings_.findings_max) kept.push_back(std::move(finding));
}

openai::DryRun Preflight::State::report() {
  for (auto& [model_name, group] : groups_) run_.models.push_back(std::move(group.counts));
  run_.unpriced.assign(unpriced_.begin(), unpriced_.end());
  run_.unbounded.assign(unbounded_.begin(), unbounded_.end());
  return std::move(run_);
}

Preflight::Preflight(PreflightSettings settings,
                     const files::Scan& scan,
                     const aws::DeploymentSet& deployments,
                     const DeploymentModels& models)
    : state_(std::make_unique<State>(std::move(settings), scan, deployments, models)) {}
Preflight::~Preflight() = default;

void Preflight::feed(std::span<const std::byte> window) { state_->feed(window); }
void Preflight::end() { state_->end(); }
openai::DryRun Preflight::report() { return state_->report(); }

}  // namespace quarry::batch
