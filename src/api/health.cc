#include "api/health.h"

#include "obs/log.h"
#include "obs/metrics.h"
#include "store/away.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

namespace quarry::api {
namespace {

using Timer = std::chrono::steady_clock;

// No object has this name, so a HEAD of it reads nothing and is refused only to whom S3 refuses
// everything: it answers 404 to who may list the bucket (API reference, HeadObject).
constexpr std::string_view kAbsentObject = "health";

std::chrono::milliseconds since(Timer::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Timer::now() - begun);
}

// What an error of a dependency is to people who may not know what it is made of.
std::string public_reason(const Error& error) {
  if (error.reason() == "NoCredentials") return "there are no AWS credentials for it";
  switch (error.code()) {
    case Errc::not_found:
      return "it does not exist";
    case Errc::forbidden:
      return "access is denied";
    case Errc::throttled:
      return "it is throttled";
    case Errc::deadline_exceeded:
      return "it did not answer in time";
    case Errc::unavailable:
      return "it cannot be reached";
    default:
      return "it refuses requests";
  }
}

void set_since(obs::Gauge which, std::optional<std::int64_t> since_ms, std::int64_t now_ms) {
  const std::int64_t waited_ms = since_ms ? std::max(std::int64_t{0}, now_ms - *since_ms) : 0;
  obs::set(which, {}, static_cast<double>(waited_ms) / 1000);
}

constexpr std::array kOpenStatuses{"validating", "in_progress", "finalizing", "cancelling"};
constexpr std::array<std::pair<const char*, const char*>, 8> kOpenJobs{{{"bedrock", "staged"},
                                                                        {"bedrock", "submitted"},
                                                                        {"bedrock", "running"},
                                                                        {"bedrock", "ended"},
                                                                        {"direct", "planned"},
                                                                        {"direct", "running"},
                                                                        {"direct", "ended"},
                                                                        {"bedrock", "planned"}}};

// What is not counted has gone: its gauge falls to 0.
void show(const store::Census& census, std::int64_t now_ms) {
  std::map<std::string, std::int64_t> batches;
  for (const char* status : kOpenStatuses) batches[status] = 0;
  for (const auto& one : census.batches) batches[one.status] = one.count;
  for (const auto& [status, count] : batches) {
    obs::set(obs::Gauge::batches, {status}, static_cast<double>(count));
  }
  std::map<std::pair<std::string, std::string>, std::int64_t> jobs;
  for (const auto& [kind, state] : kOpenJobs) jobs[{kind, state}] = 0;
  for (const auto& one : census.jobs) jobs[{one.kind, one.state}] = one.count;
  for (const auto& [key, count] : jobs) {
    obs::set(obs::Gauge::jobs, {key.first, key.second}, static_cast<double>(count));
  }
  const auto in_ms = [](std::optional<std::int64_t> seconds) {
    return seconds ? std::optional(*seconds * 1000) : std::nullopt;
  };
  set_since(obs::Gauge::oldest_due_work_seconds, census.due_since_ms, now_ms);
  set_since(obs::Gauge::oldest_staged_job_seconds, in_ms(census.staged_since_s), now_ms);
  obs::set(obs::Gauge::nearest_expiry_seconds, {},
           census.first_expiry_s
               ? static_cast<double>(*census.first_expiry_s * 1000 - now_ms) / 1000
               : std::numeric_limits<double>::infinity());
  obs::set(obs::Gauge::reservations, {}, static_cast<double>(census.reservations));
  obs::set(obs::Gauge::reserved_dollars, {}, static_cast<double>(census.reserved_nano_usd) / 1e9);
  obs::set(obs::Gauge::webhooks_waiting, {}, static_cast<double>(census.webhooks_waiting));
}

}  // namespace

// One question to AWS, of which several entries may want to know the answer.
struct Health::Probe {
  std::string name;
  std::string model;
  aws::DeploymentPtr deployment;
  std::string bucket;  // "" = Bedrock is asked
};

// What the workers of one look share.
struct Health::Round {
  std::vector<Probe> probes;
  std::vector<Dependency> answers;
  std::size_t next = 0;
};

Health::Health(boost::asio::io_context& io,
               store::CensusStore& database,
               const aws::DeploymentSet& deployments,
               const ServingState& serving,
               const Clock& clock,
               HealthSettings settings)
    : database_(database),
      deployments_(deployments),
      serving_(serving),
      clock_(clock),
      settings_(settings),
      database_look_(io,
                     "database health",
                     settings.database_good_for,
                     obs::log_task_failure,
                     [this] { return look_at_database(); }),
      aws_look_(io,
                "aws health",
                settings.aws_good_for,
                obs::log_task_failure,
                [this] { return look_at_aws(); }),
      census_look_(io,
                   "census",
                   settings.census_good_for,
                   obs::log_task_failure,
                   [this] { return look_at_census(); }),
      asking_(io, obs::log_task_failure) {}

Awaitable<Dependency> Health::look_at_database() {
  Dependency database{.name = "database", .model = "", .reason = ""};
  const auto begun = Timer::now();
  const auto checked = co_await database_.check();
  database.latency = since(begun);
  database.healthy = checked.has_value();
  if (!checked) {
    // Its words may name a host.
    obs::warn("the database is not healthy", {{"error", checked.error().message()}});
    database.reason = checked.error().reason() == store::kOldSchema
                          ? "the database's schema is being brought up to date"
                          : "the database does not answer";
  }
  obs::set(obs::Gauge::database_up, {}, database.healthy ? 1 : 0);
  co_return database;
}

Awaitable<Readiness> Health::readiness() {
  Readiness readiness;
  const auto database = co_await database_look_.get(Deadline::after(settings_.database_time));
  readiness.database = database && database->healthy;
  readiness.draining = serving_.draining;
  if (!database) {
    obs::set(obs::Gauge::database_up, {}, 0);
    readiness.reason = "the database did not answer in time";
  } else {
    readiness.reason = database->reason;
  }
  if (readiness.draining) readiness.reason = "this server is stopping";
  co_return readiness;
}

Awaitable<Dependency> Health::ask(Probe probe) {
  Dependency answer{.name = std::move(probe.name), .model = std::move(probe.model), .reason = ""};
  const auto begun = Timer::now();
  const Deadline deadline = Deadline::after(settings_.aws_time);
  std::optional<Error> error;
  if (probe.bucket.empty()) {
    aws::BedrockClient::ListQuery query;
    query.max_results = 1;
    auto page = co_await probe.deployment->bedrock->list_jobs(std::move(query), deadline);
    if (!page) error = std::move(page.error());
  } else {
    auto region = co_await probe.deployment->s3->bucket_region(probe.bucket, deadline);
    if (!region) {
      error = std::move(region.error());
    } else {
      auto object = co_await probe.deployment->s3->head(
          {probe.bucket, probe.deployment->settings.prefix + std::string(kAbsentObject)}, deadline);
      if (!object && object.error().code() != Errc::not_found) error = std::move(object.error());
    }
  }
  answer.latency = since(begun);
  answer.healthy = !error;
  if (error) {
    obs::warn("a deployment is not healthy", {{"deployment", probe.deployment->id()},
                                              {"asked", answer.name},
                                              {"error", error->message()}});
    answer.reason = public_reason(*error);
  }
  co_return answer;
}

Awaitable<void> Health::work_through(std::shared_ptr<Round> round) {
  while (round->next < round->probes.size()) {
    const std::size_t mine = round->next++;
    round->answers[mine] = co_await ask(round->probes[mine]);
  }
}

Awaitable<std::vector<Dependency>> Health::look_at_aws() {
  const auto round = std::make_shared<Round>();
  // The same question is asked once, and answers for each entry that has it.
  std::map<std::tuple<std::string, std::string, const void*>, std::size_t> known;
  std::vector<std::pair<std::size_t, Dependency>> wanted;
  const auto want = [&](const aws::DeploymentPtr& deployment, const char* name,
                        const std::string& bucket, const std::string& place, const void* identity) {
    const auto [at, fresh] = known.try_emplace({bucket, place, identity}, round->probes.size());
    const std::string& model = deployment->settings.model_name;
    if (fresh) round->probes.push_back({name, model, deployment, bucket});
    wanted.push_back({at->second, {.name = name, .model = model, .reason = ""}});
  };
  for (const aws::DeploymentPtr& deployment : deployments_.all()) {
    const config::DeploymentSettings& settings = deployment->settings;
    const std::string s3 = settings.s3_endpoint + "|" + settings.s3_region + "|" + settings.prefix;
    const void* identity = deployment->s3_credentials.get();
    want(deployment, "s3", settings.bucket, s3, identity);
    if (!settings.output_bucket.empty() && settings.output_bucket != settings.bucket) {
      want(deployment, "s3_output", settings.output_bucket, s3, identity);
    }
    if (!settings.role_arn.empty()) {  // else no batch job of it is ever asked for
      want(deployment, "bedrock", "", settings.bedrock_endpoint + "|" + settings.bedrock_region,
           deployment->by_api_key ? static_cast<const void*>(deployment.get())
                                  : deployment->credentials.get());
    }
  }
  round->answers.resize(round->probes.size());
  for (int i = 0; i < settings_.asked_at_once; ++i) {
    asking_.spawn("aws health", work_through(round));
  }
  co_await asking_.join(Deadline::after(std::chrono::hours(1)));  // each question has a deadline
  std::vector<Dependency> all;
  for (auto& [at, dependency] : wanted) {
    const Dependency& answer = round->answers[at];
    dependency.healthy = answer.healthy;
    dependency.latency = answer.latency;
    dependency.reason = answer.reason;
    all.push_back(std::move(dependency));
  }
  co_return all;
}

Awaitable<std::vector<Dependency>> Health::dependencies() {
  std::vector<Dependency> all;
  auto database = co_await database_look_.get(Deadline::after(settings_.database_time));
  if (!database) {
    database = Dependency{.name = "database",
                          .model = "",
                          .latency = settings_.database_time,
                          .reason = "the database did not answer in time"};
  }
  all.push_back(std::move(*database));
  auto of_aws = co_await aws_look_.get(Deadline::after(2 * settings_.aws_time));
  if (!of_aws) {
    of_aws.emplace();
    for (const aws::DeploymentPtr& deployment : deployments_.all()) {
      of_aws->push_back({.name = "s3",
                         .model = deployment->settings.model_name,
                         .latency = 2 * settings_.aws_time,
                         .reason = "AWS did not answer in time"});
    }
  }
  std::ranges::move(*of_aws, std::back_inserter(all));
  co_return all;
}

Awaitable<bool> Health::look_at_census() {
  const std::int64_t now_ms = unix_millis(clock_.now());
  const auto census = co_await database_.take(now_ms);
  bool up = census.has_value();
  // What fails may be the counting itself.
  if (!up && census.error().reason() != store::kDatabaseAway) {
    up = (co_await database_.check()).has_value();
  }
  obs::set(obs::Gauge::database_up, {}, up ? 1 : 0);
  if (!census) {
    obs::warn("the work could not be counted", {{"error", census.error().message()}});
    co_return false;
  }
  show(*census, now_ms);
  obs::set(obs::Gauge::census_timestamp_seconds, {},
           static_cast<double>(unix_millis(SystemClock().now())) / 1000);
  co_return true;
}

Awaitable<void> Health::refresh_gauges() {
  const auto seen = co_await census_look_.get(Deadline::after(settings_.database_time));
  if (!seen) obs::set(obs::Gauge::database_up, {}, 0);
}

Awaitable<void> Health::stop(Deadline deadline) {
  asking_.cancel();
  co_await asking_.join(deadline);
  co_await database_look_.stop(deadline);
  co_await aws_look_.stop(deadline);
  co_await census_look_.stop(deadline);
}

}  // namespace quarry::api
