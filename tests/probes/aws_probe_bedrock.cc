#include "aws/bedrock_client_http.h"
#include "aws/service_quotas.h"
#include "aws/sts_client.h"
#include "base/timestamp.h"

#include "probes/aws_probe.h"
#include <stdexcept>
#include <utility>

namespace quarry::probe {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kCallTime{60};

struct Clients {
  std::shared_ptr<aws::BedrockClient> bedrock;
  std::shared_ptr<aws::RuntimeClient> runtime;
  std::shared_ptr<aws::StsClient> sts;
  std::shared_ptr<aws::ServiceQuotas> quotas;
};

// What a call's line says; a member that is not there is the default of what it fills.
class Arguments {
 public:
  explicit Arguments(json::object members) : members_(std::move(members)) {}

  std::string text(std::string_view key) const {
    const json::value* value = members_.if_contains(key);
    return value ? std::string(std::string_view(value->as_string())) : std::string();
  }
  std::optional<int> number(std::string_view key) const {
    const json::value* value = members_.if_contains(key);
    return value ? std::optional(static_cast<int>(value->as_int64())) : std::nullopt;
  }
  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> out;
    const json::value* value = members_.if_contains(key);
    if (!value) return out;
    for (const json::value& item : value->as_array()) {
      out.emplace_back(std::string_view(item.as_string()));
    }
    return out;
  }
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key) const {
    std::vector<std::pair<std::string, std::string>> out;
    const json::value* value = members_.if_contains(key);
    if (!value) return out;
    for (const json::value& item : value->as_array()) {
      out.emplace_back(std::string_view(item.as_array().at(0).as_string()),
                       std::string_view(item.as_array().at(1).as_string()));
    }
    return out;
  }

 private:
  json::object members_;
};

bedrock::CreateJob job_to_create(const Arguments& given) {
  bedrock::CreateJob job;
  job.job_name = given.text("job_name");
  job.client_request_token = given.text("client_request_token");
  job.role_arn = given.text("role_arn");
  job.model_id = given.text("model_id");
  if (given.text("invocation_type") == "Converse") {
    job.invocation_type = bedrock::InvocationType::Converse;
  }
  job.input_s3_uri = given.text("input_s3_uri");
  job.output_s3_uri = given.text("output_s3_uri");
  job.output_kms_key_id = given.text("output_kms_key_id");
  job.bucket_owner = given.text("bucket_owner");
  job.timeout_hours = given.number("timeout_hours").value_or(job.timeout_hours);
  job.tags = given.pairs("tags");
  job.subnet_ids = given.texts("subnet_ids");
  job.security_group_ids = given.texts("security_group_ids");
  return job;
}

aws::BedrockClient::ListQuery jobs_to_list(const Arguments& given) {
  aws::BedrockClient::ListQuery query;
  query.name_contains = given.text("name_contains");
  if (const std::string status = given.text("status"); !status.empty()) {
    query.status = bedrock::parse_job_status(status);
    if (!query.status) throw std::invalid_argument("no such status: " + status);
  }
  if (const std::string after = given.text("submitted_after"); !after.empty()) {
    query.submitted_after = parse_timestamp(after);
    if (!query.submitted_after) throw std::invalid_argument("no such time: " + after);
  }
  query.max_results = given.number("max_results").value_or(query.max_results);
  query.next_token = given.text("next_token");
  return query;
}

aws::AssumeRole role_to_assume(const Arguments& given) {
  aws::AssumeRole role;
  role.role_arn = given.text("role_arn");
  role.session_name = given.text("session_name");
  role.external_id = given.text("external_id");
  role.duration_seconds = given.number("duration_seconds");
  for (const auto& [key, value] : given.pairs("tags")) role.tags.push_back({key, value});
  return role;
}

void put(json::object& into, std::string_view key, const std::optional<std::int64_t>& value) {
  if (value) into[key] = *value;
}
void put(json::object& into, std::string_view key, const std::optional<SysTime>& value) {
  if (value) into[key] = value->time_since_epoch().count();
}

// Times in milliseconds since 1970.
json::object to_object(const bedrock::Job& job) {
  json::object out{{"jobArn", job.job_arn},      {"jobName", job.job_name},
                   {"modelId", job.model_id},    {"clientRequestToken", job.client_request_token},
                   {"status", name(job.status)}, {"message", job.message}};
  put(out, "totalRecordCount", job.total_records);
  put(out, "processedRecordCount", job.processed_records);
  put(out, "successRecordCount", job.success_records);
  put(out, "errorRecordCount", job.error_records);
  put(out, "submitTime", job.submit_time);
  put(out, "endTime", job.end_time);
  put(out, "jobExpirationTime", job.expiration_time);
  return out;
}
json::object to_object(const bedrock::JobPage& page) {
  json::array jobs;
  for (const bedrock::Job& job : page.jobs) jobs.push_back(to_object(job));
  return {{"jobs", std::move(jobs)}, {"next_token", page.next_token}};
}
json::object to_object(const std::string& job_arn) { return {{"jobArn", job_arn}}; }
json::object to_object(const aws::RuntimeClient::Answer& answer) {
  json::object out{{"status", answer.status}, {"body", answer.body}, {"error_name", answer.error}};
  put(out, "input_tokens", answer.input_tokens);
  put(out, "output_tokens", answer.output_tokens);
  return out;
}
json::object to_object(const aws::Credentials& got) {
  json::object out{{"access_key_id", got.access_key_id},
                   {"secret_access_key", got.secret_access_key.reveal()},
                   {"session_token", got.session_token.reveal()}};
  put(out, "expires_at", got.expires_at);
  return out;
}
json::object to_object(const aws::CallerIdentity& who) {
  return {{"account", who.account}, {"arn", who.arn}, {"user_id", who.user_id}};
}
json::object to_object(const std::vector<aws::Quota>& quotas) {
  json::array out;
  for (const aws::Quota& quota : quotas) {
    out.push_back({{"code", quota.code},
                   {"name", quota.name},
                   {"value", quota.value},
                   {"adjustable", quota.adjustable}});
  }
  return {{"quotas", std::move(out)}};
}

template <class T>
json::object shown(const Result<T>& result) {
  if (!result) return probe::to_object(result.error());
  return to_object(*result);
}
json::object shown(const Result<void>& result) {
  return result ? json::object{} : probe::to_object(result.error());
}

Awaitable<json::object> answer(const Clients& clients, std::string line) {
  const auto deadline = Deadline::after(kCallTime);
  const Arguments given(json::parse(line).as_object());
  const std::string call = given.text("call");
  if (call == "create_job") {
    co_return shown(co_await clients.bedrock->create_job(job_to_create(given), deadline));
  }
  if (call == "get_job") {
    co_return shown(co_await clients.bedrock->get_job(given.text("job_arn"), deadline));
  }
  if (call == "list_jobs") {
    co_return shown(co_await clients.bedrock->list_jobs(jobs_to_list(given), deadline));
  }
  if (call == "stop_job") {
    co_return shown(co_await clients.bedrock->stop_job(given.text("job_arn"), deadline));
  }
  if (call == "invoke_model") {
    co_return shown(co_await clients.runtime->invoke_model(given.text("model_id"),
                                                           given.text("body"), deadline));
  }
  if (call == "converse") {
    co_return shown(
        co_await clients.runtime->converse(given.text("model_id"), given.text("body"), deadline));
  }
  if (call == "caller_identity") {
    co_return shown(co_await clients.sts->caller_identity(deadline));
  }
  if (call == "assume_role") {
    co_return shown(co_await clients.sts->assume_role(role_to_assume(given), deadline));
  }
  if (call == "assume_role_with_web_identity") {
    co_return shown(co_await clients.sts->assume_role_with_web_identity(
        role_to_assume(given), Secret<std::string>(given.text("token")), deadline));
  }
  if (call == "list_quotas") {
    co_return shown(co_await clients.quotas->list(given.text("service_code"), deadline));
  }
  throw std::invalid_argument("no such call: " + call);
}

}  // namespace

int bedrock(const BedrockOptions& options) {
  World world;
  const auto endpoint = aws::parse_endpoint(options.endpoint);
  if (!endpoint) throw std::invalid_argument(endpoint.error().message());
  const aws::Wire wire{*world.client, world.clock, world.pool};
  const auto signed_by = aws::environment_credentials(world.environment);
  const auto for_bedrock = options.api_key.empty()
                               ? signed_by
                               : aws::bearer_credentials(Secret<std::string>(options.api_key));
  const aws::Jitter at_once = [] { return 0.0; };
  const Clients clients{
      aws::make_bedrock_client(wire, for_bedrock, *endpoint, options.region, at_once),
      aws::make_runtime_client(wire, for_bedrock, *endpoint, options.region, at_once),
      aws::make_sts_client(wire, signed_by, *endpoint, options.region, at_once),
      aws::make_service_quotas(wire, signed_by, *endpoint, options.region, at_once)};
  return answer_lines(world,
                      [&clients](std::string line) { return answer(clients, std::move(line)); });
}

}  // namespace quarry::probe
