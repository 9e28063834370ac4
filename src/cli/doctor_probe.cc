#include "cli/doctor_probe.h"

#include "bedrock/invocation_job.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::cli {
namespace {

constexpr int kTimeoutHours = 24;  // the least that AWS takes
constexpr int kBusyTriesMax = 3;
constexpr std::size_t kNameHex = 12;  // of the suffix, in the job's name

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return text.contains(word); });
}

Check row(std::string name, Outcome outcome, std::string detail) {
  return {.name = std::move(name), .outcome = outcome, .detail = std::move(detail)};
}
Check failed(std::string name, std::string detail, std::string said, Remedy remedy) {
  return {.name = std::move(name),
          .outcome = Outcome::failed,
          .detail = std::move(detail),
          .said = std::move(said),
          .remedy = std::move(remedy)};
}

// Throttled, which says nothing of what would be allowed.
bool busy(const Error& error) {
  return error.code() == Errc::throttled && error.reason() != "ServiceQuotaExceededException";
}

class Probe {
 public:
  Probe(const Patient& patient, ExamTimes times, Traces& traces, ProbeContext context)
      : patient_(patient),
        bedrock_(*patient.deployment->bedrock),
        settings_(patient.deployment->settings),
        times_(times),
        traces_(traces),
        context_(std::move(context)),
        remedies_(settings_, context_.caller, {}) {}

  Awaitable<std::vector<Check>> run();

 private:
  Deadline soon() const { return Deadline::after(times_.call); }
  void add(Check check) { checks_.push_back(std::move(check)); }
  void fine(std::string name, std::string detail) {
    add(row(std::move(name), Outcome::fine, std::move(detail)));
  }
  void skip(std::string name, std::string why) {
    add(row(std::move(name), Outcome::not_checked, std::move(why)));
  }
  void skip_job_rows(const std::string& why);

  bedrock::CreateJob request() const;
  Awaitable<void> list_jobs();
  Awaitable<bool> start();
  void refused(const Error& error);
  Awaitable<std::optional<bedrock::Job>> watch();
  void judge_role(const std::optional<bedrock::Job>& job);
  Awaitable<void> stop();

  const Patient& patient_;
  aws::BedrockClient& bedrock_;
  const config::DeploymentSettings& settings_;
  ExamTimes times_;
  Traces& traces_;
  ProbeContext context_;
  Remedies remedies_;
  std::vector<Check> checks_;
  std::string arn_;
};

bedrock::CreateJob Probe::request() const {
  const aws::Deployment& deployment = *patient_.deployment;
  const std::string folder = fmt::format("doctor/{}/", context_.suffix);
  bedrock::CreateJob job;
  job.job_name = "quarry-doctor-" + context_.suffix.substr(0, kNameHex);
  job.client_request_token = context_.suffix;
  job.role_arn = settings_.role_arn;
  job.model_id = settings_.model_id;
  if (settings_.invocation == config::BedrockInvocation::converse) {
    job.invocation_type = bedrock::InvocationType::Converse;
  }
  job.input_s3_uri = aws::to_string(deployment.object(folder + "none/input.jsonl"));
  job.output_s3_uri = aws::to_string(settings_.output_bucket.empty()
                                         ? deployment.object(folder + "output/")
                                         : deployment.output_object(folder + "output/"));
  job.output_kms_key_id = settings_.kms_key_id;
  if (context_.owner_fits) job.bucket_owner = settings_.bucket_owner;
  job.timeout_hours = kTimeoutHours;
  for (const config::Tag& tag : settings_.job_tags) job.tags.emplace_back(tag.key, tag.value);
  if (settings_.vpc) {
    job.subnet_ids = settings_.vpc->subnet_ids;
    job.security_group_ids = settings_.vpc->security_group_ids;
  }
  return job;
}

Awaitable<void> Probe::list_jobs() {
  aws::BedrockClient::ListQuery query;
  query.max_results = 1;
  const auto page = co_await bedrock_.list_jobs(std::move(query), soon());
  if (page) {
    fine("list jobs", "bedrock:ListModelInvocationJobs is allowed");
  } else {
    add(failed("list jobs", "open jobs cannot be looked at", words_of_aws(page.error()),
               remedies_.bedrock("bedrock:ListModelInvocationJobs", page.error())));
  }
}

void Probe::skip_job_rows(const std::string& why) {
  skip("watch jobs", why);
  skip("batch role", why);
  skip("stop jobs", why);
}

// What AWS refused tells what it had looked at before: those rows are fine.
void Probe::refused(const Error& error) {
  const std::string said = words_of_aws(error);
  const auto passed = [&] {
    fine("pass role", settings_.role_arn);
    fine("create jobs", "bedrock:CreateModelInvocationJob is allowed");
  };
  switch (refusal_of(error)) {
    case Refusal::pass_role:
      add(failed("pass role", fmt::format("{} may not be passed to Bedrock", settings_.role_arn),
                 said, remedies_.pass_role()));
      skip("create jobs", "the role comes first");
      skip("model", "the role comes first");
      return;
    case Refusal::create:
      skip("pass role", "creating jobs comes first");
      add(failed("create jobs", "no job may be created", said,
                 remedies_.bedrock("bedrock:CreateModelInvocationJob", error)));
      skip("model", "creating jobs comes first");
      return;
    case Refusal::tag:
      skip("pass role", "creating jobs comes first");
      add(failed("create jobs", "no job may be given bedrock_tags", said,
                 remedies_.bedrock("bedrock:TagResource", error)));
      skip("model", "creating jobs comes first");
      return;
    case Refusal::model:
      passed();
      add(failed("model", fmt::format("{} takes no batches here", settings_.model_id), said,
                 remedies_.no_batch(error)));
      return;
    case Refusal::entitlement:
      passed();
      add(failed("model", "the account may not run batches", said, remedies_.entitlement()));
      return;
    case Refusal::owner:
      passed();
      add(failed("owner", "the bucket is not the account's that Bedrock takes for its owner", said,
                 remedies_.foreign_bucket()));
      skip("model", "the bucket's owner comes first");
      return;
    case Refusal::full:
      passed();
      skip("model", "no more jobs at the moment: " + said);
      return;
    case Refusal::other:
      if (busy(error)) {
        for (const char* row : {"pass role", "create jobs", "model"}) {
          skip(row, "Bedrock is busy; ask again: " + said);
        }
        return;
      }
      skip("pass role", "creating jobs comes first");
      add(failed("create jobs", "no job can be created", said,
                 remedies_.bedrock("bedrock:CreateModelInvocationJob", error)));
      skip("model", "creating jobs comes first");
      return;
  }
}

Awaitable<bool> Probe::start() {
  bedrock::CreateJob job = request();
  traces_.job_name = job.job_name;
  auto arn = co_await bedrock_.create_job(job, soon());
  for (int again = 0; again < kBusyTriesMax && !arn && busy(arn.error()); ++again) {
    co_await sleep_for(times_.look);
    arn = co_await bedrock_.create_job(job, soon());  // of one token: one job at most
  }
  if (arn) {
    arn_ = std::move(*arn);
    traces_.job_arn = arn_;
    fine("pass role", settings_.role_arn);
    fine("create jobs",
         fmt::format("a job without input, which fails and costs nothing: {}", arn_));
    fine("model", fmt::format("{} takes batches here", settings_.model_id));
    co_return true;
  }
  // A lost answer may hide a job: then clean_up() looks for it.
  if (!retryable(arn.error().code()) || arn.error().code() == Errc::throttled) {
    traces_.job_name.clear();
  }
  refused(arn.error());
  co_return false;
}

// Until it has ended or the time for that is over; the row says whether looking is allowed.
Awaitable<std::optional<bedrock::Job>> Probe::watch() {
  const Deadline until = Deadline::after(times_.wait);
  for (;;) {
    auto job = co_await bedrock_.get_job(arn_, soon());
    if (!job) {
      add(failed("watch jobs", "a job cannot be looked at", words_of_aws(job.error()),
                 remedies_.bedrock("bedrock:GetModelInvocationJob", job.error())));
      co_return std::nullopt;
    }
    if (bedrock::terminal(job->status) || until.remaining() <= times_.look) {
      fine("watch jobs", "bedrock:GetModelInvocationJob is allowed");
      co_return std::move(*job);
    }
    co_await sleep_for(times_.look);
  }
}

void Probe::judge_role(const std::optional<bedrock::Job>& job) {
  const std::string name = "batch role";
  if (!job) {
    skip(name, "the job cannot be looked at");
  } else if (!bedrock::terminal(job->status)) {
    skip(name, fmt::format("the job is still {}: --wait SECONDS gives AWS more time to look",
                           bedrock::name(job->status)));
  } else if (!context_.buckets_fit) {
    skip(name, "the bucket comes first");
  } else if (const auto works = role_works(job->message); !works) {
    skip(name, fmt::format("the job ended as {}, which tells nothing of the role: {}",
                           bedrock::name(job->status),
                           job->message.empty() ? "no reason given" : job->message));
  } else if (*works) {
    fine(name, fmt::format("it was assumed and found no input, as it should: {}", job->message));
  } else {
    add(failed(name, "the job failed for what the role may not", job->message,
               remedies_.batch_role(job->message)));
  }
}

Awaitable<void> Probe::stop() {
  const auto stopped = co_await bedrock_.stop_job(arn_, soon());
  if (stopped) {
    fine("stop jobs", "bedrock:StopModelInvocationJob is allowed");
  } else {
    add(failed("stop jobs", "no job can be stopped; this one ends by itself, without input",
               words_of_aws(stopped.error()),
               remedies_.bedrock("bedrock:StopModelInvocationJob", stopped.error())));
  }
  traces_.job_name.clear();
  traces_.job_arn.clear();
}

Awaitable<std::vector<Check>> Probe::run() {
  co_await list_jobs();
  const std::string star = "a wildcard: --model NAME looks at one of its models";
  if (settings_.model_id.contains('*')) {
    skip("pass role", star);
    skip("create jobs", star);
    skip("model", star);
    skip_job_rows(star);
    co_return std::move(checks_);
  }
  if (patient_.on_demand_only) {
    const std::string why =
        "the model has no batch inference: its lines run on demand, at on-demand price";
    skip("pass role", why);
    skip("create jobs", why);
    skip("model", why);
    skip_job_rows(why);
    co_return std::move(checks_);
  }
  if (!context_.same_account) {
    skip("pass role", "AWS refuses the role's account before anything else");
    skip("create jobs", "the role's account comes first");
    skip("model", "the role's account comes first");
    skip_job_rows("no job was started");
    co_return std::move(checks_);
  }
  if (!co_await start()) {
    skip_job_rows("no job was started");
    co_return std::move(checks_);
  }
  const auto job = co_await watch();
  judge_role(job);
  co_await stop();
  co_return std::move(checks_);
}

}  // namespace

Refusal refusal_of(const Error& error) {
  const std::string& said = error.message();
  if (error.reason() == "ServiceQuotaExceededException") return Refusal::full;
  if (said.contains("iam:PassRole") ||
      contains_any(said, {"ross-account pass role", "ross account pass role", "at 'roleArn'"})) {
    return Refusal::pass_role;
  }
  if (contains_any(said, {"not owned by", "ucketOwner", "ucket owner"})) return Refusal::owner;
  if (said.contains("bedrock:TagResource")) return Refusal::tag;
  if (said.contains("bedrock:CreateModelInvocationJob")) return Refusal::create;
  if (said.contains("support case") || said.contains("not authorized to perform this action")) {
    return Refusal::entitlement;
  }
  if (contains_any(said, {"Batch inference is not supported", "model identifier", "at 'modelId'",
                          "ccess to the model", "inference profile", "on-demand throughput",
                          "model is not supported", "model is invalid"})) {
    return Refusal::model;
  }
  return Refusal::other;
}

std::optional<bool> role_works(std::string_view message) {
  std::string lower(message);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  });
  if (contains_any(lower, {"assume", "trust", "denied", "not authorized", "permission", "forbidden",
                           "kms"})) {
    return false;
  }
  if (contains_any(lower, {"no jsonl", "no input", "no such key", "nosuchkey", "not found",
                           "does not exist", "doesn't exist", "less records", "minimum", "empty",
                           "no files", "could not find"})) {
    return true;
  }
  return std::nullopt;
}

Awaitable<std::vector<Check>> probe(const Patient& patient,
                                    ExamTimes times,
                                    Traces& traces,
                                    ProbeContext context) {
  Probe one(patient, times, traces, std::move(context));
  co_return co_await one.run();
}

}  // namespace quarry::cli
