#include "sandbox/jobs.h"

#include "base/ids.h"
#include "obs/log.h"
#include "sandbox/disk.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::sandbox {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::array<std::string_view, 10> kStatusNames{
    "Submitted", "Validating", "Scheduled", "InProgress",         "Completed",
    "Failed",    "Stopping",   "Stopped",   "PartiallyCompleted", "Expired"};

// Twelve of [a-z0-9] out of 128 random bits.
std::string new_job_id() {
  const std::string random = random_hex128();
  std::string id;
  for (std::size_t i = 0; i < 12; ++i) {
    const int value = std::stoi(random.substr(2 * i, 2), nullptr, 16);
    id.push_back("abcdefghijklmnopqrstuvwxyz0123456789"[value % 36]);
  }
  return id;
}

std::int64_t timeout_hours(const Job& job) {
  const json::value* timeout = job.request.if_contains("timeoutDurationInHours");
  return timeout != nullptr ? timeout->get_int64() : 24;
}

std::string text_of(const json::value& value) {
  return std::string(std::string_view(value.as_string()));
}

json::array faults_json(const std::vector<FaultRule>& faults) {
  json::array list;
  for (const FaultRule& rule : faults) list.push_back(rule.source);
  return list;
}

json::object stored_json(const Job& job) {
  return {{"id", job.id},
          {"arn", job.arn},
          {"region", job.region},
          {"token", job.token},
          {"request", job.request},
          {"status", name(job.status)},
          {"message", job.message},
          {"submitted_ms", unix_millis(job.submitted)},
          {"modified_ms", unix_millis(job.modified)},
          {"ended_ms", job.ended ? json::value(unix_millis(*job.ended)) : json::value(nullptr)},
          {"total_records", job.total_records},
          {"processed_records", job.processed_records},
          {"success_records", job.success_records},
          {"error_records", job.error_records},
          {"input_tokens", job.input_tokens},
          {"output_tokens", job.output_tokens},
          {"faults", faults_json(job.faults)},
          {"tags", job.tags}};
}

Job job_from_json(const json::object& value) {
  Job job;
  job.id = text_of(value.at("id"));
  job.arn = text_of(value.at("arn"));
  job.region = text_of(value.at("region"));
  job.token = text_of(value.at("token"));
  job.request = value.at("request").as_object();
  job.status = job_status(text_of(value.at("status"))).value();
  job.message = text_of(value.at("message"));
  job.submitted = from_unix_millis(value.at("submitted_ms").to_number<std::int64_t>());
  job.modified = from_unix_millis(value.at("modified_ms").to_number<std::int64_t>());
  if (!value.at("ended_ms").is_null())
    job.ended = from_unix_millis(value.at("ended_ms").to_number<std::int64_t>());
  job.total_records = value.at("total_records").to_number<std::uint64_t>();
  job.processed_records = value.at("processed_records").to_number<std::uint64_t>();
  job.success_records = value.at("success_records").to_number<std::uint64_t>();
  job.error_records = value.at("error_records").to_number<std::uint64_t>();
  // Added later: jobs of before have none of it.
  if (!value.contains("faults")) return job;
  job.input_tokens = value.at("input_tokens").to_number<std::uint64_t>();
  job.output_tokens = value.at("output_tokens").to_number<std::uint64_t>();
  for (const json::value& rule : value.at("faults").as_array())
    job.faults.push_back(parse_fault_rule(rule.as_object()).value());
  const json::value* tags = value.if_contains("tags");
  if (tags == nullptr) tags = job.request.if_contains("tags");
  if (tags != nullptr && tags->is_array()) job.tags = tags->get_array();
  return job;
}

}  // namespace

std::string_view name(JobStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

std::optional<JobStatus> job_status(std::string_view status_name) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == status_name) return static_cast<JobStatus>(i);
  }
  return std::nullopt;
}

bool terminal(JobStatus status) {
  switch (status) {
    case JobStatus::Completed:
    case JobStatus::Failed:
    case JobStatus::Stopped:
    case JobStatus::PartiallyCompleted:
    case JobStatus::Expired:
      return true;
    default:
      return false;
  }
}

std::string Job::text(std::string_view member) const {
  const json::value* value = request.if_contains(member);
  return value != nullptr && value->is_string() ? text_of(*value) : "";
}

std::string Job::account() const {
  std::string_view rest = arn;
  for (int field = 0; field < 4; ++field) rest.remove_prefix(rest.find(':') + 1);
  return std::string(rest.substr(0, rest.find(':')));
}

std::string Job::input_uri() const {
  return text_of(request.at("inputDataConfig").at("s3InputDataConfig").at("s3Uri"));
}

std::string Job::output_uri() const {
  return text_of(request.at("outputDataConfig").at("s3OutputDataConfig").at("s3Uri"));
}

SysTime Job::expires() const { return submitted + std::chrono::hours(timeout_hours(*this)); }

const FaultRule* Job::fault(FaultKind kind) const {
  const auto found = std::ranges::find(faults, kind, &FaultRule::kind);
  return found == faults.end() ? nullptr : &*found;
}

bool Job::vanished() const {
  const FaultRule* rule = fault(FaultKind::vanish);
  if (rule == nullptr) return false;
  const std::string from = rule->text("from", "InProgress");
  if (from == "Ended") return terminal(status);
  return status >= job_status(from).value();  // the states after it come after it in the list
}

json::object job_json(const Job& job) {
  json::object out{{"jobArn", job.arn}, {"status", name(job.status)}};
  for (const char* member :
       {"jobName", "modelId", "roleArn", "inputDataConfig", "outputDataConfig", "vpcConfig"}) {
    if (const json::value* value = job.request.if_contains(member)) out[member] = *value;
  }
  if (!job.token.empty()) out["clientRequestToken"] = job.token;
  if (!job.message.empty()) out["message"] = job.message;
  const json::value* invocation = job.request.if_contains("modelInvocationType");
  out["modelInvocationType"] = invocation != nullptr ? *invocation : json::value("InvokeModel");
  out["timeoutDurationInHours"] = timeout_hours(job);
  out["submitTime"] = iso8601(job.submitted);
  out["lastModifiedTime"] = iso8601(job.modified);
  if (job.ended) out["endTime"] = iso8601(*job.ended);
  out["jobExpirationTime"] = iso8601(job.expires());
  if (job.fault(FaultKind::no_counters) != nullptr) return out;
  out["totalRecordCount"] = job.total_records;
  out["processedRecordCount"] = job.processed_records;
  out["successRecordCount"] = job.success_records;
  out["errorRecordCount"] = job.error_records;
  return out;
}

S3Location s3_location(std::string_view uri) {
  uri.remove_prefix(std::string_view("s3://").size());
  const std::size_t slash = uri.find('/');
  if (slash == std::string_view::npos) return {.bucket = std::string(uri), .key = {}};
  return {.bucket = std::string(uri.substr(0, slash)), .key = std::string(uri.substr(slash + 1))};
}

JobTable::JobTable(BlockingPool& pool, const fs::path& data_dir)
    : pool_(pool), folder_(data_dir / "bedrock" / "jobs") {
  fs::create_directories(folder_);
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() != ".json") {
      fs::remove(entry.path());  // a replacement that a crash cut short
      continue;
    }
    try {
      auto job =
          std::make_shared<Job>(job_from_json(json::parse(read_file(entry.path())).as_object()));
      index(job);
    } catch (const std::exception& e) {
      obs::warn("sandbox job unreadable", {{"file", entry.path().string()}, {"why", e.what()}});
    }
  }
}

JobPtr JobTable::add(json::object request,
                     std::string token,
                     const std::string& region,
                     const std::string& account,
                     SysTime now) {
  auto job = std::make_shared<Job>();
  do {
    job->id = new_job_id();
  } while (jobs_.contains(job->id));
  job->arn = fmt::format("arn:{}:bedrock:{}:{}:model-invocation-job/{}", partition_of(region),
                         region, account, job->id);
  job->region = region;
  job->token = std::move(token);
  job->request = std::move(request);
  if (const json::value* tags = job->request.if_contains("tags"); tags && tags->is_array())
    job->tags = tags->get_array();
  job->submitted = now;
  job->modified = now;
  index(job);
  return job;
}

JobPtr JobTable::find(std::string_view arn) const {
  const auto found = jobs_.find(std::string(arn.substr(arn.rfind('/') + 1)));
  return found != jobs_.end() && found->second->arn == arn ? found->second : nullptr;
}

JobPtr JobTable::find_by_token(std::string_view token,
                               std::string_view region,
                               std::string_view account) const {
  const auto found = by_token_.find(fmt::format("{}/{}/{}", region, account, token));
  return found == by_token_.end() ? nullptr : found->second;
}

void JobTable::index(const JobPtr& job) {
  jobs_.emplace(job->id, job);
  if (!job->token.empty())
    by_token_.emplace(fmt::format("{}/{}/{}", job->region, job->account(), job->token), job);
  by_region_[job->region].emplace(std::pair(job->submitted, job->id), job);
  if (!terminal(job->status))
    open_[fmt::format("{}/{}/{}", job->region, job->account(), job->text("modelId"))].push_back(
        job);
}

const JobTable::Order& JobTable::of_region(const std::string& region) const {
  static const Order kNone;
  const auto found = by_region_.find(region);
  return found == by_region_.end() ? kNone : found->second;
}

std::size_t JobTable::open_jobs(const std::string& model_id,
                                const std::string& region,
                                const std::string& account) const {
  const auto found = open_.find(fmt::format("{}/{}/{}", region, account, model_id));
  if (found == open_.end()) return 0;
  std::erase_if(found->second, [](const JobPtr& job) { return terminal(job->status); });
  return found->second.size();
}

Awaitable<void> JobTable::save(JobPtr job) {
  const std::uint64_t revision = ++job->revision;
  std::string content = json::serialize(stored_json(*job));
  co_await run_blocking(pool_, [&] {
    const std::lock_guard lock(writing_);
    std::uint64_t& written = written_[job->id];
    if (revision <= written) return;
    replace_file(folder_ / (job->id + ".json"), content);
    written = revision;
  });
}

}  // namespace quarry::sandbox
