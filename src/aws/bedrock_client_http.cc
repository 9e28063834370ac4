#include "aws/bedrock_client_http.h"

#include "base/bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace quarry::aws {

namespace {

using http::ClientResponse;

// Models may think for minutes before the first byte; the caller's deadline alone bounds them.
constexpr std::chrono::hours kInvokeTimeout{1};

SenderOptions options_for(Endpoint endpoint, std::string region, Jitter jitter) {
  SenderOptions options;
  options.endpoint = std::move(endpoint);
  // "bedrock" is the signing name of the runtime too.
  options.scope = {std::move(region), "bedrock", PathRule::encode_again};
  options.find_error = find_bedrock_error;
  options.jitter = std::move(jitter);
  return options;
}

class HttpBedrockClient final : public BedrockClient {
 public:
  HttpBedrockClient(Wire wire,
                    std::shared_ptr<CredentialProvider> credentials,
                    SenderOptions options)
      : sender_(wire, std::move(credentials), std::move(options)) {}

  Task<std::string> create_job(bedrock::CreateJob job, Deadline deadline) override;
  Task<bedrock::Job> get_job(std::string job_arn, Deadline deadline) override;
  Task<bedrock::JobPage> list_jobs(ListQuery query, Deadline deadline) override;
  Task<void> stop_job(std::string job_arn, Deadline deadline) override;

 private:
  // As sender_.send(), but Bedrock's refusals are Errors too.
  Task<ClientResponse> call(AwsRequest request, Deadline deadline);

  RequestSender sender_;
};

AwsRequest bedrock_request(std::string operation,
                           std::string subject,
                           std::string method,
                           std::string path) {
  AwsRequest request;
  request.operation = std::move(operation);
  request.subject = std::move(subject);
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

// The ARN is one path segment: its colons and slashes are percent-encoded on the wire.
std::string job_path(const std::string& job_arn) {
  return "/model-invocation-job/" + percent_encode(job_arn, false);
}

Task<ClientResponse> HttpBedrockClient::call(AwsRequest request, Deadline deadline) {
  const std::string operation = request.operation;
  const std::string subject = request.subject;
  auto reply = co_await sender_.send(std::move(request), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) {
    const std::string hint = bedrock_hint(*reply->failure);
    if (!hint.empty()) reply->failure->message += "; hint: " + hint;
    co_return fail(to_error(bedrock_errc(*reply->failure), *reply->failure, operation, subject));
  }
  co_return std::move(reply->response);
}

Task<std::string> HttpBedrockClient::create_job(bedrock::CreateJob job, Deadline deadline) {
  const std::string body = bedrock::to_json(job);
  AwsRequest request =
      bedrock_request("CreateModelInvocationJob", job.job_name, "POST", "/model-invocation-job");
  request.headers.set("Content-Type", "application/json");
  request.body = as_bytes(body);
  request.repeat = false;
  auto response = co_await call(std::move(request), deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto arn = bedrock::parse_created_job_arn(response->body);
  if (!arn) {
    co_return fail(std::move(arn.error()).within("CreateModelInvocationJob " + job.job_name));
  }
  co_return std::move(*arn);
}

Task<bedrock::Job> HttpBedrockClient::get_job(std::string job_arn, Deadline deadline) {
  auto response = co_await call(
      bedrock_request("GetModelInvocationJob", job_arn, "GET", job_path(job_arn)), deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto job = bedrock::parse_job(response->body);
  if (!job) co_return fail(std::move(job.error()).within("GetModelInvocationJob " + job_arn));
  co_return std::move(*job);
}

Task<bedrock::JobPage> HttpBedrockClient::list_jobs(ListQuery query, Deadline deadline) {
  AwsRequest request = bedrock_request("ListModelInvocationJobs", query.name_contains, "GET",
                                       "/model-invocation-jobs");
  request.query = fmt::format("maxResults={}&sortBy=CreationTime&sortOrder=Descending",
                              std::clamp(query.max_results, 1, 1000));
  if (!query.name_contains.empty()) {
    request.query += "&nameContains=" + percent_encode(query.name_contains, false);
  }
  if (query.status) request.query += fmt::format("&statusEquals={}", bedrock::name(*query.status));
  if (query.submitted_after) {
    request.query += "&submitTimeAfter=" + percent_encode(iso8601(*query.submitted_after), false);
  }
  if (!query.next_token.empty()) {
    request.query += "&nextToken=" + percent_encode(query.next_token, false);
  }
  auto response = co_await call(std::move(request), deadline);
  if (!response) co_return fail(std::move(response.error()));
  auto page = bedrock::parse_job_page(response->body);
  if (!page) co_return fail(std::move(page.error()).within("ListModelInvocationJobs"));
  co_return std::move(*page);
}

Task<void> HttpBedrockClient::stop_job(std::string job_arn, Deadline deadline) {
  auto response = co_await call(
      bedrock_request("StopModelInvocationJob", job_arn, "POST", job_path(job_arn) + "/stop"),
      deadline);
  if (response) co_return Result<void>();
  // What AWS says of a job that has ended is not documented; whether it has, it tells.
  const Errc code = response.error().code();
  if (code == Errc::conflict || code == Errc::invalid_request) {
    const auto job = co_await get_job(job_arn, deadline);
    if (job && bedrock::terminal(job->status)) co_return Result<void>();
  }
  co_return fail(std::move(response.error()));
}

// True where the very same input would be refused by any deployment at any time.
bool concerns_the_input(const AwsError& failure, Errc code) {
  if (failure.code == "ModelErrorException" || failure.status == 424) return true;
  if (failure.code == "ModelTimeoutException" || failure.status == 408) return true;
  if (code == Errc::invalid_request) {
    // These ValidationExceptions are about the model id (Bedrock user guide, "Troubleshooting").
    return !failure.message.contains("model identifier is invalid") &&
           !failure.message.contains("on-demand throughput") &&
           !failure.message.contains("Operation not allowed");
  }
  return code == Errc::upstream && failure.status >= 400 && failure.status < 500;
}

class HttpRuntimeClient final : public RuntimeClient {
 public:
  HttpRuntimeClient(Wire wire,
                    std::shared_ptr<CredentialProvider> credentials,
                    SenderOptions options)
      : sender_(wire, std::move(credentials), std::move(options)) {}

  Task<Answer> invoke_model(std::string model_id, std::string body, Deadline deadline) override {
    return call("InvokeModel", "/invoke", std::move(model_id), std::move(body), deadline);
  }
  Task<Answer> converse(std::string model_id, std::string body, Deadline deadline) override {
    return call("Converse", "/converse", std::move(model_id), std::move(body), deadline);
  }

 private:
  Task<Answer> call(std::string operation,
                    std::string verb,
                    std::string model_id,
                    std::string body,
                    Deadline deadline);

  RequestSender sender_;
};

// A count that AWS gives in a header; nullopt where it gives none.
std::optional<std::int64_t> count_in(const http::Headers& headers, std::string_view name) {
  const auto text = headers.get(name);
  if (!text) return std::nullopt;
  std::int64_t count = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), count);
  const bool whole = failed == std::errc() && end == text->data() + text->size();
  return whole && count >= 0 ? std::optional(count) : std::nullopt;
}

Task<RuntimeClient::Answer> HttpRuntimeClient::call(std::string operation,
                                                    std::string verb,
                                                    std::string model_id,
                                                    std::string body,
                                                    Deadline deadline) {
  AwsRequest request = bedrock_request(operation, model_id, "POST",
                                       "/model/" + percent_encode(model_id, false) + verb);
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", "application/json");
  request.body = as_bytes(body);
  auto reply = co_await sender_.send(std::move(request), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (!reply->failure) {
    const http::Headers& headers = reply->response.headers;
    co_return Answer{.status = reply->response.status,
                     .body = std::move(reply->response.body),
                     .error = {},
                     .input_tokens = count_in(headers, "X-Amzn-Bedrock-Input-Token-Count"),
                     .output_tokens = count_in(headers, "X-Amzn-Bedrock-Output-Token-Count")};
  }
  AwsError& failure = *reply->failure;
  const Errc code = bedrock_errc(failure);
  if (concerns_the_input(failure, code)) {
    co_return Answer{.status = failure.status,
                     .body = std::move(failure.message),
                     .error = std::move(failure.code),
                     .input_tokens = {},
                     .output_tokens = {}};
  }
  const Errc shown = code == Errc::invalid_request ? Errc::not_found : code;
  co_return fail(to_error(shown, failure, operation, model_id));
}

}  // namespace

std::shared_ptr<BedrockClient> make_bedrock_client(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter) {
  return std::make_shared<HttpBedrockClient>(
      wire, std::move(credentials),
      options_for(std::move(endpoint), std::move(region), std::move(jitter)));
}

std::shared_ptr<RuntimeClient> make_runtime_client(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter) {
  auto options = options_for(std::move(endpoint), std::move(region), std::move(jitter));
  options.attempt_timeout = kInvokeTimeout;
  options.retry_throttling = false;
  return std::make_shared<HttpRuntimeClient>(wire, std::move(credentials), std::move(options));
}

}  // namespace quarry::aws
