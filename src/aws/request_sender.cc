#include "aws/request_sender.h"

#include "aws/call_metrics.h"
#include "base/bytes.h"
#include "obs/log.h"
#include "obs/metrics.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;

// Hashed on the loop: some 0.1 ms. More goes to the pool.
constexpr std::size_t kHashInlineBytesMax = 64 * 1024;

std::optional<milliseconds> retry_after(const http::Headers& headers) {
  const auto text = headers.get("x-amz-retry-after");
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 0) return std::nullopt;
  return milliseconds(value);
}

void log_retry(const AwsRequest& request, std::string_view why, int attempts, milliseconds delay) {
  obs::debug("aws call repeated", {{"operation", request.operation},
                                   {"why", why},
                                   {"attempts", attempts},
                                   {"delay_ms", delay.count()}});
}

}  // namespace

Error to_error(Errc code,
               const AwsError& failure,
               const std::string& operation,
               const std::string& subject) {
  std::string text = operation + " " + subject + ": ";
  text += failure.code.empty() ? "refused" : failure.code;
  if (!failure.message.empty()) text += ": " + failure.message;
  text += fmt::format(" (HTTP {}", failure.status);
  if (!failure.request_id.empty()) text += ", request id " + failure.request_id;
  text += ")";
  return Error(code, std::move(text)).reason(failure.code);
}

// What one call has used up so far.
struct RequestSender::Progress {
  int failed_attempts = 0;  // of kAttemptsMax
  int last_cost = 0;
  milliseconds clock_ahead{0};  // as the attempt was signed: others may correct it meanwhile
  bool clock_corrected = false;
  bool credentials_renewed = false;
  bool repeat = true;
};

RequestSender::RequestSender(Wire wire,
                             std::shared_ptr<CredentialProvider> credentials,
                             SenderOptions options)
    : wire_(wire), credentials_(std::move(credentials)), options_(std::move(options)) {}

Task<std::string> RequestSender::payload_sha256(std::span<const std::byte> body) {
  if (body.size() <= kHashInlineBytesMax) co_return sha256_hex(as_text(body));
  // TLS already keeps the bytes whole; hashing every part once more would cost a core at 500 MB/s.
  if (options_.scope.service == "s3" && options_.endpoint.https) co_return "UNSIGNED-PAYLOAD";
  co_return co_await run_blocking(wire_.pool, [body] { return sha256_hex(as_text(body)); });
}

http::ClientRequest RequestSender::build(const AwsRequest& request,
                                         const Credentials& credentials,
                                         const std::string& payload,
                                         SysTime now) const {
  const std::string& authority =
      request.authority.empty() ? options_.endpoint.authority : request.authority;
  UnsignedRequest to_sign{.method = request.method,
                          .path = options_.endpoint.base_path + request.path,
                          .query = request.query,
                          .headers = request.headers,
                          .payload_sha256 = payload};
  if (const std::string& token = credentials.bearer_token.reveal(); !token.empty()) {
    // Who has the key needs no signature, and so no date (botocore's BearerAuth).
    to_sign.headers.set("Authorization", "Bearer " + token);
  } else {
    to_sign.headers.set("Host", authority);
    sign(to_sign, credentials, options_.scope, now);
    to_sign.headers.remove("Host");  // the HTTP client's own, the same from the URL
  }

  http::ClientRequest out;
  out.method = request.method;
  out.url = (options_.endpoint.https ? "https://" : "http://") + authority + to_sign.path;
  if (!request.query.empty()) out.url += "?" + request.query;
  out.headers = std::move(to_sign.headers);
  out.body = request.body;
  out.response_buffer = request.response_buffer;
  return out;
}

std::optional<milliseconds> RequestSender::wait_for(int cost,
                                                    std::optional<milliseconds> retry_after_ms,
                                                    Progress& progress) {
  if (!progress.repeat) return std::nullopt;
  if (++progress.failed_attempts >= kAttemptsMax || !budget_.take(cost)) return std::nullopt;
  progress.last_cost = cost;
  return backoff(progress.failed_attempts, options_.jitter(), retry_after_ms);
}

std::optional<milliseconds> RequestSender::next_attempt(
    const Result<http::ClientResponse>& response,
    const std::optional<AwsError>& failure,
    SysTime signed_at,
    Progress& progress) {
  if (!response) {
    const Errc code = response.error().code();
    if (code == Errc::unavailable) return wait_for(RetryBudget::kRetryCost, {}, progress);
    if (code == Errc::deadline_exceeded) {
      return wait_for(RetryBudget::kTimeoutCost, {}, progress);
    }
    return std::nullopt;
  }
  switch (remedy_for(*failure)) {
    case Remedy::none:
      return std::nullopt;
    case Remedy::wait_longer:
      if (!options_.retry_throttling) return std::nullopt;
      [[fallthrough]];
    case Remedy::wait:
      return wait_for(RetryBudget::kRetryCost, retry_after(response->headers), progress);
    case Remedy::renew_credentials:
      if (std::exchange(progress.credentials_renewed, true)) return std::nullopt;
      credentials_->forget();
      return milliseconds(0);
    case Remedy::correct_clock: {
      const auto date = response->headers.get("Date");
      const auto ahead = skewed_by(*failure, date.value_or(""), signed_at);
      if (!ahead || std::exchange(progress.clock_corrected, true)) return std::nullopt;
      clock_ahead_ = progress.clock_ahead + *ahead;
      obs::warn("clock differs from AWS's", {{"ahead_ms", clock_ahead_.count()}});
      return milliseconds(0);
    }
  }
  return std::nullopt;
}

Task<AwsReply> RequestSender::send(AwsRequest request, Deadline deadline) {
  const auto payload = co_await payload_sha256(request.body);
  const FindError find_error = request.find_error ? request.find_error : options_.find_error;
  Progress progress;
  progress.repeat = request.repeat;
  for (int attempts = 1;; ++attempts) {
    auto credentials = co_await credentials_->get(deadline);
    if (!credentials) {
      Error why = std::move(credentials.error()).within(request.operation + " " + request.subject);
      // The service was not asked, so this is neither its word on the request nor on its load: who
      // waits for credentials that ran out waits for these too.
      if (why.code() == Errc::cancelled) co_return fail(std::move(why));
      co_return fail(std::move(why).reason("NoCredentials"));
    }
    progress.clock_ahead = clock_ahead_;
    const SysTime now = wire_.clock.now() + progress.clock_ahead;
    http::ClientResponse partial;
    auto attempt = build(request, *credentials, *payload, now);
    if (request.resume) attempt.partial = &partial;
    const auto begun = std::chrono::steady_clock::now();
    auto response =
        co_await wire_.client.send(std::move(attempt), deadline.sooner(options_.attempt_timeout));
    if (!response && request.resume && request.resume(request, partial)) {
      progress.failed_attempts = 0;
      budget_.give_back(std::exchange(progress.last_cost, 0));
    }
    auto failure = response ? find_error(*response) : std::nullopt;
    count_call(options_.scope.service, request.operation, response, failure,
               std::chrono::steady_clock::now() - begun);
    if (response && !failure) {
      budget_.give_back(progress.last_cost);
      co_return AwsReply{std::move(*response), std::nullopt, attempts};
    }
    const auto delay = next_attempt(response, failure, now, progress);
    // A wait past the deadline would only hide the reason.
    if (!delay || *delay >= deadline.remaining()) {
      if (failure) co_return AwsReply{std::move(*response), std::move(failure), attempts};
      co_return fail(std::move(response.error()).within(request.operation + " " + request.subject));
    }
    obs::count(obs::Counter::aws_retries, {options_.scope.service, request.operation});
    log_retry(request, failure ? failure->code : response.error().message(), attempts, *delay);
    if (*delay > milliseconds(0)) co_await sleep_for(*delay);
  }
}

}  // namespace quarry::aws
