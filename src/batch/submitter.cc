#include "batch/job_steps.h"
#include "batch/names.h"
#include "batch/submitted_job.h"
#include "batch/succession.h"
#include "batch/worth_repeating.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::chrono::seconds kCreateTimeMax{60};
constexpr std::int64_t kFirstLookMs = 1'000;
constexpr std::int64_t kThrottledWaitMs = 2'000;
constexpr std::int64_t kQuotaWaitMs = 15'000;  // a slot is freed by a job's end
constexpr int kTimeoutHoursMin = 24;           // AWS API reference, CreateModelInvocationJob
constexpr int kTimeoutHoursMax = 168;
// So often in a row a deployment refuses a job, or does not answer, before another that has room
// takes it over.
constexpr int kRefusalsMax = 3;
// A job is not handed round for ever: each time its input is copied.
constexpr int kSuccessorsMax = 4;
constexpr std::int64_t kCredentialsWaitMs = 10'000;
// So long AWS's list must go without a job before it is taken not to exist.
constexpr std::int64_t kAbsentForMs = 30'000;

class Submission {
 public:
  Submission(Context& context, store::DueJob due, aws::DeploymentPtr deployment)
      : context_(context),
        due_(std::move(due)),
        job_(due_.job),
        deployment_(std::move(deployment)) {}

  Task<void> run();

 private:
  bedrock::CreateJob request() const;
  Task<void> submitted(std::string arn);
  Task<void> refused(const Error& error);
  Task<void> no_room(const Error& error);
  Task<void> not_asked(const Error& error);
  // Nothing runs at AWS: the collector sees what becomes of the lines.
  Task<void> end_unsubmitted(std::string aws_status, std::string message);
  // May be there from an attempt before this step.
  bool maybe_at_aws() const { return job_.aws_status == kSubmitting; }
  bool surely_absent() const;
  // Without asking AWS for the job meanwhile.
  Task<void> look_again_later();
  Awaitable<void> stop_if_nobodys(std::string arn);
  Task<bool> settle_earlier();
  Awaitable<bool> another_has_room() const;

  Context& context_;
  store::DueJob due_;
  const store::JobRow& job_;
  aws::DeploymentPtr deployment_;
};

bedrock::CreateJob Submission::request() const {
  const config::DeploymentSettings& settings = deployment_->settings;
  bedrock::CreateJob create;
  create.job_name = job_name(job_.batch_id, job_.n, job_.attempt);
  create.client_request_token = client_request_token(job_.batch_id, job_.n, job_.attempt);
  create.role_arn = settings.role_arn;
  create.model_id = settings.model_id;
  create.invocation_type = job_.invocation;
  create.input_s3_uri =
      aws::to_string(deployment_->object(input_object(job_.batch_id, job_.n, job_.mark)));
  create.output_s3_uri =
      aws::to_string(deployment_->output_object(results_prefix(job_.batch_id, job_.n)));
  create.output_kms_key_id = settings.kms_key_id;
  create.bucket_owner = settings.bucket_owner;
  for (const config::Tag& tag : settings.job_tags) create.tags.emplace_back(tag.key, tag.value);
  if (settings.vpc) {
    create.subnet_ids = settings.vpc->subnet_ids;
    create.security_group_ids = settings.vpc->security_group_ids;
  }
  const std::int64_t left_s = due_.batch_expires_at - unix_seconds(context_.clock.now());
  create.timeout_hours = settings.job_timeout_hours.value_or(
      std::clamp(static_cast<int>((left_s + 3'599) / 3'600), kTimeoutHoursMin, kTimeoutHoursMax));
  return create;
}

Task<void> Submission::end_unsubmitted(std::string aws_status, std::string message) {
  context_.absent.erase({job_.batch_id, job_.n});
  co_return co_await context_.batches.job_observed(job_.batch_id, job_.n, store::JobState::ended,
                                                   std::move(aws_status), std::move(message), 0, 0,
                                                   context_.now_ms());
}

Task<void> Submission::submitted(std::string arn) {
  context_.health.accepted(deployment_->id());
  context_.absent.erase({job_.batch_id, job_.n});
  obs::info("job submitted", {{"batch_id", job_.batch_id.value},
                              {"job", job_.n},
                              {"deployment", deployment_->id()},
                              {"records", job_.records},
                              {"arn", arn}});
  auto saved = co_await context_.batches.job_submitted(job_.batch_id, job_.n, arn,
                                                       context_.now_ms() + kFirstLookMs);
  if (!saved && saved.error().code() == Errc::conflict) co_await stop_if_nobodys(std::move(arn));
  co_return saved;
}

// The lease was lost while AWS was asked. Whoever has the job now finds it by its name; but if it
// was ended meanwhile, because AWS did not have it yet, it would run, and be billed, for nobody.
Awaitable<void> Submission::stop_if_nobodys(std::string arn) {
  const auto jobs = co_await context_.batches.jobs(job_.batch_id);
  if (!jobs) {
    obs::warn("it is not known whether a job at AWS is anybody's",
              {{"arn", arn}, {"message", jobs.error().message()}});
    co_return;
  }
  const bool nobodys = std::ranges::none_of(*jobs, [&](const store::JobRow& row) {
    const bool open =
        row.state != store::JobState::ended && row.state != store::JobState::collected;
    return row.n == job_.n && (open || row.job_arn == arn);
  });
  if (!nobodys) co_return;
  obs::warn("a job at AWS that was given up meanwhile is stopped", {{"arn", arn}});
  const auto stopped =
      co_await deployment_->bedrock->stop_job(arn, Deadline::after(kCreateTimeMax));
  if (!stopped) {
    obs::error("a job at AWS that is nobody's was not stopped; hint: stop it by hand",
               {{"arn", arn}, {"message", stopped.error().message()}});
  }
}

Awaitable<bool> Submission::another_has_room() const {
  if (job_.n / kSuccessorStride >= kSuccessorsMax) co_return false;
  const auto loads = co_await context_.batches.loads(context_.now_ms());
  if (!loads) co_return false;
  const auto takers = takers_of(context_, job_);
  co_return std::ranges::any_of(takers, [&](const aws::DeploymentPtr& other) {
    return other->id() != deployment_->id() && has_room(context_, *other, *loads);
  });
}

// AWS says that it cannot take the job now: it waits, here or elsewhere.
Task<void> Submission::no_room(const Error& error) {
  const bool quota = error.reason() == "ServiceQuotaExceededException";
  const std::int64_t until_ms =
      context_.health.refused(deployment_->id(), quota ? kQuotaWaitMs : kThrottledWaitMs,
                              context_.now_ms(), context_.jitter());
  if (!maybe_at_aws() && job_.failures + 1 >= kRefusalsMax && co_await another_has_room()) {
    co_return co_await end_unsubmitted("Moved", error.message());
  }
  co_return co_await context_.batches.job_not_submitted(job_.batch_id, job_.n, until_ms,
                                                        job_.failures + 1, maybe_at_aws());
}

// There were no credentials to ask AWS with. A job that it has not been asked for before is not
// there, and ends with its window or when it is cancelled, whether they come back or not.
Task<void> Submission::not_asked(const Error& error) {
  if (maybe_at_aws()) co_return fail(error);
  const std::int64_t until_ms = context_.now_ms() + kCredentialsWaitMs;
  co_return co_await context_.batches.job_not_submitted(job_.batch_id, job_.n, until_ms,
                                                        job_.failures + 1, false);
}

Task<void> Submission::refused(const Error& error) {
  obs::warn("job not submitted", {{"batch_id", job_.batch_id.value},
                                  {"job", job_.n},
                                  {"deployment", deployment_->id()},
                                  {"code", name(error.code())},
                                  {"reason", error.reason()},
                                  {"message", error.message()}});
  if (no_credentials(error)) co_return co_await not_asked(error);
  if (error.code() == Errc::throttled) co_return co_await no_room(error);
  if (error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded) {
    // Others of this deployment need not find out for themselves.
    context_.health.refused(deployment_->id(), kThrottledWaitMs, context_.now_ms(),
                            context_.jitter());
  }
  if (worth_repeating(error)) co_return fail(error);
  // "No" is AWS's last word only where nothing was asked before, or what was asked is surely lost.
  if (maybe_at_aws() && !surely_absent()) co_return co_await look_again_later();
  co_return co_await end_unsubmitted("Rejected", error.message());
}

// One look may come too early: AWS does not say how soon its list shows a new job. Whoever asks AWS
// for the job counts a failure, unless AWS takes it or says no.
bool Submission::surely_absent() const {
  const auto absent = context_.absent.find({job_.batch_id, job_.n});
  return absent != context_.absent.end() && absent->second.failures == job_.failures &&
         context_.now_ms() - absent->second.since_ms >= kAbsentForMs;
}

Task<void> Submission::look_again_later() {
  co_return co_await context_.batches.job_not_submitted(
      job_.batch_id, job_.n, context_.now_ms() + kAbsentForMs / 3, job_.failures, true);
}

// True when the step is done: AWS has the job, or it is given up.
Task<bool> Submission::settle_earlier() {
  auto known = co_await find_submitted(*deployment_, job_, Deadline::after(kCreateTimeMax));
  if (!known) co_return fail(std::move(known.error()).within("looking for a job by its name"));
  if (*known) {
    auto done = co_await submitted(std::move(**known));
    if (!done) co_return fail(std::move(done.error()));
    co_return true;
  }
  const auto [absent, is_new] = context_.absent.try_emplace({job_.batch_id, job_.n});
  if (is_new || absent->second.failures != job_.failures) {
    absent->second.since_ms = context_.now_ms();
    absent->second.failures = job_.failures;
  }
  const bool over = due_.batch_cancelling || context_.window_over(due_);
  const bool moves = !over && !absent->second.said_to_be_there && job_.failures >= kRefusalsMax &&
                     co_await another_has_room();
  if ((over || moves) && !surely_absent()) {
    auto later = co_await look_again_later();
    if (!later) co_return fail(std::move(later.error()));
    co_return true;
  }
  if (!over && !moves) co_return false;
  auto ended = over ? co_await end_unsubmitted(due_.batch_cancelling ? "" : "Expired", "")
                    : co_await end_unsubmitted("Moved", "the deployment does not answer");
  if (!ended) co_return fail(std::move(ended.error()));
  co_return true;
}

Task<void> Submission::run() {
  // A job that AWS may have is given up through AWS alone: else it would run, and be billed, for
  // nobody.
  if (maybe_at_aws()) {
    auto settled = co_await settle_earlier();
    if (!settled) co_return fail(std::move(settled.error()));
    if (*settled) co_return Result<void>();
  }
  // From before it is written down: a server that stood still in between asks for nothing that
  // others may have settled by now.
  const Deadline leased = Deadline::after(context_.settings.lease);
  auto marked = co_await context_.batches.job_submitting(job_.batch_id, job_.n);
  if (!marked) co_return marked;
  if (leased.expired()) {
    co_return fail(Errc::deadline_exceeded, "it took too long to write down what is to be asked");
  }
  auto arn = co_await deployment_->bedrock->create_job(request(), Deadline::after(kCreateTimeMax));
  if (arn) co_return co_await submitted(std::move(*arn));
  const bool taken_before =
      arn.error().code() == Errc::conflict || arn.error().code() == Errc::corrupt;
  if (taken_before) {
    // The name or the token is known there, or the answer does not say the ARN: the list does, now
    // or when it has caught up.
    auto known = co_await find_submitted(*deployment_, job_, Deadline::after(kCreateTimeMax));
    if (!known) co_return fail(std::move(known.error()).within("looking for a job by its name"));
    if (*known) co_return co_await submitted(std::move(**known));
    context_.absent[{job_.batch_id, job_.n}].said_to_be_there = true;
    co_return fail(arn.error());
  }
  co_return co_await refused(arn.error());
}

}  // namespace

Task<void> submit_job(Context& context, store::DueJob due) {
  const store::JobRow& job = due.job;
  const auto ended = [&context, &job](std::string status, std::string message) {
    return context.batches.job_observed(job.batch_id, job.n, store::JobState::ended,
                                        std::move(status), std::move(message), 0, 0,
                                        context.now_ms());
  };
  const bool maybe_at_aws = job.aws_status == kSubmitting;
  if (due.batch_cancelling && !maybe_at_aws) co_return co_await ended("", "");
  if (context.window_over(due) && !maybe_at_aws) {
    co_return co_await ended("Expired", "it could not be started within the window");
  }
  aws::DeploymentPtr deployment = context.deployments.by_id(job.deployment_id);
  if (!deployment) {
    if (maybe_at_aws) co_return fail(no_longer_configured(job));
    co_return co_await ended("Rejected", no_longer_configured(job).message());
  }
  Submission submission(context, std::move(due), std::move(deployment));
  co_return co_await submission.run();
}

}  // namespace quarry::batch
