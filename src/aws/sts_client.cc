#include "aws/sts_client.h"

#include "aws/call_metrics.h"
#include "aws/sts_xml.h"
#include "base/bytes.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kVersion = "2011-06-15";
// STS answers in well under a second; a dead connection must leave time for another.
constexpr milliseconds kAttemptTimeout{10'000};

void add(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty()) form += '&';
  form += fmt::format("{}={}", name, percent_encode(value, false));
}

std::string role_form(std::string_view action, const AssumeRole& request) {
  std::string form;
  add(form, "Action", action);
  add(form, "Version", kVersion);
  add(form, "RoleArn", request.role_arn);
  add(form, "RoleSessionName", request.session_name);
  if (request.duration_seconds) {
    add(form, "DurationSeconds", std::to_string(*request.duration_seconds));
  }
  return form;
}

AwsRequest sts_request(std::string operation, std::string subject, std::string_view form) {
  AwsRequest request;
  request.operation = std::move(operation);
  request.subject = std::move(subject);
  request.method = "POST";
  request.path = "/";
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = as_bytes(form);
  return request;
}

SenderOptions options_for(const Endpoint& endpoint, std::string region, const Jitter& jitter) {
  SenderOptions options;
  options.endpoint = endpoint;
  options.scope = {std::move(region), "sts", PathRule::encode_again};
  options.find_error = find_sts_error;
  options.attempt_timeout = kAttemptTimeout;
  options.jitter = jitter;
  return options;
}

class HttpStsClient final : public StsClient {
 public:
  HttpStsClient(Wire wire,
                std::shared_ptr<CredentialProvider> credentials,
                Endpoint endpoint,
                std::string region,
                Jitter jitter)
      : wire_(wire),
        sender_(wire, std::move(credentials), options_for(endpoint, std::move(region), jitter)),
        endpoint_(std::move(endpoint)),
        jitter_(std::move(jitter)) {}

  Task<Credentials> assume_role(AssumeRole request, Deadline deadline) override;
  Task<Credentials> assume_role_with_web_identity(AssumeRole request,
                                                  Secret<std::string> token,
                                                  Deadline deadline) override;
  Task<CallerIdentity> caller_identity(Deadline deadline) override;

 private:
  Task<std::string> call(std::string operation,
                         std::string subject,
                         std::string form,
                         Deadline deadline);
  // One attempt; nothing signs it.
  Task<AwsReply> send_unsigned(AwsRequest request, Deadline deadline);

  Wire wire_;
  RequestSender sender_;
  Endpoint endpoint_;
  Jitter jitter_;
};

Task<std::string> HttpStsClient::call(std::string operation,
                                      std::string subject,
                                      std::string form,
                                      Deadline deadline) {
  auto reply = co_await sender_.send(sts_request(operation, subject, form), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) {
    co_return fail(to_error(sts_errc(*reply->failure), *reply->failure, operation, subject));
  }
  co_return std::move(reply->response.body);
}

Task<Credentials> HttpStsClient::assume_role(AssumeRole request, Deadline deadline) {
  std::string form = role_form("AssumeRole", request);
  if (!request.external_id.empty()) add(form, "ExternalId", request.external_id);
  for (std::size_t i = 0; i < request.tags.size(); ++i) {
    add(form, fmt::format("Tags.member.{}.Key", i + 1), request.tags[i].key);
    add(form, fmt::format("Tags.member.{}.Value", i + 1), request.tags[i].value);
  }
  auto body = co_await call("AssumeRole", request.role_arn, std::move(form), deadline);
  if (!body) co_return fail(std::move(body.error()));
  auto credentials = parse_role_session(*body, "AssumeRole");
  if (!credentials) {
    co_return fail(std::move(credentials.error()).within("AssumeRole " + request.role_arn));
  }
  credentials->source = "role " + request.role_arn;
  co_return std::move(*credentials);
}

Task<AwsReply> HttpStsClient::send_unsigned(AwsRequest request, Deadline deadline) {
  http::ClientRequest out;
  out.method = request.method;
  out.url = (endpoint_.https ? "https://" : "http://") + endpoint_.authority + endpoint_.base_path +
            request.path;
  out.headers = request.headers;
  out.body = request.body;
  const auto begun = std::chrono::steady_clock::now();
  auto response = co_await wire_.client.send(std::move(out), deadline.sooner(kAttemptTimeout));
  auto failure = response ? find_sts_error(*response) : std::nullopt;
  count_call("sts", request.operation, response, failure, std::chrono::steady_clock::now() - begun);
  if (!response) {
    co_return fail(std::move(response.error()).within(request.operation + " " + request.subject));
  }
  co_return AwsReply{std::move(*response), std::move(failure), 1};
}

Task<Credentials> HttpStsClient::assume_role_with_web_identity(AssumeRole request,
                                                               Secret<std::string> token,
                                                               Deadline deadline) {
  const std::string operation = "AssumeRoleWithWebIdentity";
  std::string form = role_form(operation, request);
  add(form, "WebIdentityToken", token.reveal());
  for (int attempt = 1;; ++attempt) {
    auto reply = co_await send_unsigned(sts_request(operation, request.role_arn, form), deadline);
    if (reply && !reply->failure) {
      auto credentials = parse_role_session(reply->response.body, operation);
      if (!credentials) {
        co_return fail(std::move(credentials.error()).within(operation + " " + request.role_arn));
      }
      credentials->source = "web identity as role " + request.role_arn;
      co_return std::move(*credentials);
    }
    Error error =
        reply ? to_error(sts_errc(*reply->failure), *reply->failure, operation, request.role_arn)
              : std::move(reply.error());
    const milliseconds delay = backoff(attempt, jitter_(), std::nullopt);
    if (attempt >= kAttemptsMax || !retryable(error.code()) || delay >= deadline.remaining()) {
      co_return fail(std::move(error));
    }
    co_await sleep_for(delay);
  }
}

Task<CallerIdentity> HttpStsClient::caller_identity(Deadline deadline) {
  std::string form;
  add(form, "Action", "GetCallerIdentity");
  add(form, "Version", kVersion);
  auto body =
      co_await call("GetCallerIdentity", "as the configured identity", std::move(form), deadline);
  if (!body) co_return fail(std::move(body.error()));
  co_return parse_caller_identity(*body);
}

}  // namespace

std::shared_ptr<StsClient> make_sts_client(Wire wire,
                                           std::shared_ptr<CredentialProvider> credentials,
                                           Endpoint endpoint,
                                           std::string region,
                                           Jitter jitter) {
  return std::make_shared<HttpStsClient>(wire, std::move(credentials), std::move(endpoint),
                                         std::move(region), std::move(jitter));
}

}  // namespace quarry::aws
