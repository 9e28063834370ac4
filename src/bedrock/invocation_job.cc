#include "bedrock/invocation_job.h"

#include "base/timestamp.h"
#include "json/reader.h"
#include "json/write.h"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace quarry::bedrock {

namespace {

constexpr std::array<std::pair<JobStatus, std::string_view>, 10> kStatusNames{{
    {JobStatus::Submitted, "Submitted"},
    {JobStatus::Validating, "Validating"},
    {JobStatus::Scheduled, "Scheduled"},
    {JobStatus::InProgress, "InProgress"},
    {JobStatus::Completed, "Completed"},
    {JobStatus::PartiallyCompleted, "PartiallyCompleted"},
    {JobStatus::Failed, "Failed"},
    {JobStatus::Stopping, "Stopping"},
    {JobStatus::Stopped, "Stopped"},
    {JobStatus::Expired, "Expired"},
}};

std::unexpected<Error> corrupt(std::string_view what, std::string_view why) {
  std::string message(what);
  message.append(": ").append(why);
  return fail(Errc::corrupt, std::move(message));
}

// The members of an object that are read by name; every getter says what it makes of a wrong type.
class Fields {
 public:
  explicit Fields(json::Value object) : object_(object) {}

  std::string string(std::string_view key) {
    const auto value = object_.find_non_null(key);
    if (!value) return {};
    if (value->is(json::Kind::string)) return std::string(value->text());
    note(key, "is not a string");
    return {};
  }
  std::optional<std::int64_t> count(std::string_view key) {
    const auto value = object_.find_non_null(key);
    if (!value) return std::nullopt;
    const auto number = value->integer();
    if (!number || *number < 0) note(key, "is not a count");
    return number;
  }
  std::optional<SysTime> time(std::string_view key) {
    const std::string text = string(key);
    if (text.empty()) return std::nullopt;
    const auto at = parse_timestamp(text);
    if (!at) note(key, "is not a timestamp");
    return at;
  }
  void note(std::string_view key, std::string_view why) {
    if (problem_.empty()) problem_.append(key).append(" ").append(why);
  }
  const std::string& problem() const { return problem_; }

 private:
  json::Value object_;
  std::string problem_;
};

Result<Job> read_job(json::Value object, std::string_view what) {
  if (!object.is(json::Kind::object)) return corrupt(what, "not an object");
  Fields fields(object);
  Job job;
  job.job_arn = fields.string("jobArn");
  job.job_name = fields.string("jobName");
  job.model_id = fields.string("modelId");
  job.client_request_token = fields.string("clientRequestToken");
  job.message = fields.string("message");
  job.total_records = fields.count("totalRecordCount");
  job.processed_records = fields.count("processedRecordCount");
  job.success_records = fields.count("successRecordCount");
  job.error_records = fields.count("errorRecordCount");
  job.submit_time = fields.time("submitTime");
  job.end_time = fields.time("endTime");
  job.expiration_time = fields.time("jobExpirationTime");
  if (job.job_arn.empty()) fields.note("jobArn", "is missing");
  const std::string status_name = fields.string("status");
  const auto status = parse_job_status(status_name);
  if (!status) fields.note("status", "is unknown: '" + status_name + "'");
  if (!fields.problem().empty()) return corrupt(what, fields.problem());
  job.status = *status;
  return job;
}

void append_member(std::string& out, std::string_view key, std::string_view value) {
  if (!out.ends_with('{')) out += ',';
  out.append("\"").append(key).append("\":");
  json::append_string(out, value);
}

void append_strings(std::string& out, const std::vector<std::string>& values) {
  out += '[';
  for (const std::string& value : values) {
    if (!out.ends_with('[')) out += ',';
    json::append_string(out, value);
  }
  out += ']';
}

}  // namespace

std::optional<JobStatus> parse_job_status(std::string_view text) {
  for (const auto& [status, status_name] : kStatusNames) {
    if (status_name == text) return status;
  }
  return std::nullopt;
}

std::string_view name(JobStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status)).second;
}

bool terminal(JobStatus status) {
  switch (status) {
    case JobStatus::Completed:
    case JobStatus::PartiallyCompleted:
    case JobStatus::Failed:
    case JobStatus::Stopped:
    case JobStatus::Expired:
      return true;
    case JobStatus::Submitted:
    case JobStatus::Validating:
    case JobStatus::Scheduled:
    case JobStatus::InProgress:
    case JobStatus::Stopping:
      return false;
  }
  return false;
}

std::string to_json(const CreateJob& job) {
  std::string out = "{";
  append_member(out, "jobName", job.job_name);
  append_member(out, "roleArn", job.role_arn);
  append_member(out, "modelId", job.model_id);
  append_member(out, "modelInvocationType",
                job.invocation_type == InvocationType::Converse ? "Converse" : "InvokeModel");
  out += R"(,"inputDataConfig":{"s3InputDataConfig":{)";
  append_member(out, "s3Uri", job.input_s3_uri);
  append_member(out, "s3InputFormat", "JSONL");
  if (!job.bucket_owner.empty()) append_member(out, "s3BucketOwner", job.bucket_owner);
  out += R"(}},"outputDataConfig":{"s3OutputDataConfig":{)";
  append_member(out, "s3Uri", job.output_s3_uri);
  if (!job.output_kms_key_id.empty())
    append_member(out, "s3EncryptionKeyId", job.output_kms_key_id);
  if (!job.bucket_owner.empty()) append_member(out, "s3BucketOwner", job.bucket_owner);
  out += R"(}},"timeoutDurationInHours":)";
  json::append_integer(out, job.timeout_hours);
  if (!job.subnet_ids.empty()) {
    out += R"(,"vpcConfig":{"subnetIds":)";
    append_strings(out, job.subnet_ids);
    out += R"(,"securityGroupIds":)";
    append_strings(out, job.security_group_ids);
    out += '}';
  }
  if (!job.tags.empty()) out += R"(,"tags":[)";
  for (const auto& [key, value] : job.tags) {
    out += out.ends_with('[') ? "{" : ",{";
    append_member(out, "key", key);
    append_member(out, "value", value);
    out += '}';
  }
  if (!job.tags.empty()) out += ']';
  append_member(out, "clientRequestToken", job.client_request_token);
  out += '}';
  return out;
}

Result<std::string> parse_created_job_arn(std::string_view json) {
  constexpr std::string_view what = "CreateModelInvocationJob's answer";
  json::Document document;
  const auto root = document.parse(json);
  if (!root) return corrupt(what, json::message(root.error()));
  if (!root->is(json::Kind::object)) return corrupt(what, "not an object");
  const auto arn = root->find("jobArn");
  if (!arn || !arn->is(json::Kind::string) || arn->text().empty())
    return corrupt(what, "no jobArn");
  return std::string(arn->text());
}

Result<Job> parse_job(std::string_view json) {
  constexpr std::string_view what = "GetModelInvocationJob's answer";
  json::Document document;
  const auto root = document.parse(json);
  if (!root) return corrupt(what, json::message(root.error()));
  return read_job(*root, what);
}

Result<JobPage> parse_job_page(std::string_view json) {
  constexpr std::string_view what = "ListModelInvocationJobs' answer";
  json::Document document;
  const auto root = document.parse(json);
  if (!root) return corrupt(what, json::message(root.error()));
  if (!root->is(json::Kind::object)) return corrupt(what, "not an object");
  JobPage page;
  if (const auto token = root->find_non_null("nextToken")) {
    if (!token->is(json::Kind::string)) return corrupt(what, "nextToken is not a string");
    page.next_token = token->text();
  }
  const auto summaries = root->find_non_null("invocationJobSummaries");
  if (!summaries) return page;
  if (!summaries->is(json::Kind::array))
    return corrupt(what, "invocationJobSummaries is not an array");
  for (const json::Value summary : summaries->elements()) {
    auto job = read_job(summary, what);
    // Another's, of a kind or status that there was not when this was written, must not hide ours.
    // One of ours that is left out is asked for by itself, and its error tells.
    if (!job) continue;
    page.jobs.push_back(std::move(*job));
  }
  return page;
}

std::string_view job_id(std::string_view job_arn) {
  const std::size_t slash = job_arn.rfind('/');
  return slash == std::string_view::npos ? job_arn : job_arn.substr(slash + 1);
}

}  // namespace quarry::bedrock
