#pragma once
// One call of an AWS API: signed, sent, looked at, and sent again where that can help. What S3,
// Bedrock and Bedrock's runtime share; what an answer means is theirs.

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/retry.h"
#include "aws/sigv4.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "http/client.h"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace quarry::aws {

// What every sender needs and does not own.
struct Wire {
  http::Client& client;
  const Clock& clock;
  BlockingPool& pool;  // for hashing large bodies
};

// The failure in an answer of this protocol, if it is one. Pure.
using FindError = std::function<std::optional<AwsError>(const http::ClientResponse&)>;

struct AwsRequest {
  std::string operation;  // AWS's name of it, and what it is about, for messages
  std::string subject;
  std::string method = "GET";
  std::string authority;  // "" = the endpoint's
  std::string path;       // below the endpoint's base path; percent-encoded
  std::string query;      // percent-encoded
  http::Headers headers;
  std::span<const std::byte> body;       // valid until send() completes
  std::span<std::byte> response_buffer;  // as http::ClientRequest's
  FindError find_error;                  // unset = the sender's own
  // Set: asked after an attempt whose transfer broke off, with what had come of its answer. It may
  // turn the request to the rest of it. True: bytes came that need not come again, and so the
  // attempts count anew.
  std::function<bool(AwsRequest&, const http::ClientResponse&)> resume;
  // False: one attempt (and those for clock and credentials, which AWS refused before it looked at
  // anything else), so that an answer of "no" is AWS's only answer.
  bool repeat = true;
};

struct AwsReply {
  http::ClientResponse response;
  std::optional<AwsError> failure;  // set: AWS said no, and repeating it did not help
  int attempts = 1;
};

struct SenderOptions {
  Endpoint endpoint;
  SigningScope scope;
  FindError find_error;
  // One attempt's share of the deadline, so that a dead connection leaves time for another.
  std::chrono::milliseconds attempt_timeout{60'000};
  Jitter jitter = random_jitter();
  // False: throttling comes back at once, to a caller that slows down all its calls for it.
  bool retry_throttling = true;
};

// "PutObject s3://b/k: SlowDown: Please reduce your request rate. (HTTP 503, request id …)"
Error to_error(Errc code,
               const AwsError& failure,
               const std::string& operation,
               const std::string& subject);

// Loop thread; many calls may run at once and share the retry budget and the clock's correction.
class RequestSender {
 public:
  RequestSender(Wire wire, std::shared_ptr<CredentialProvider> credentials, SenderOptions options);

  // Every request given here must be safe to repeat. At most kAttemptsMax attempts, and one more
  // each for a corrected clock and for renewed credentials. Errors: unavailable, deadline_exceeded,
  // cancelled, upstream (answer over the bound), and those of CredentialProvider::get, with the
  // reason "NoCredentials".
  Task<AwsReply> send(AwsRequest request, Deadline deadline);

  const Endpoint& endpoint() const { return options_.endpoint; }
  int retry_tokens() const { return budget_.left(); }

 private:
  struct Progress;
  Task<std::string> payload_sha256(std::span<const std::byte> body);
  http::ClientRequest build(const AwsRequest& request,
                            const Credentials& credentials,
                            const std::string& payload,
                            SysTime now) const;
  // How long to wait before the next attempt; nullopt: there is none.
  std::optional<std::chrono::milliseconds> next_attempt(
      const Result<http::ClientResponse>& response,
      const std::optional<AwsError>& failure,
      SysTime signed_at,
      Progress& progress);
  std::optional<std::chrono::milliseconds> wait_for(
      int cost, std::optional<std::chrono::milliseconds> retry_after, Progress& progress);

  Wire wire_;
  std::shared_ptr<CredentialProvider> credentials_;
  SenderOptions options_;
  RetryBudget budget_;
  std::chrono::milliseconds clock_ahead_{0};  // of AWS's clock, as last learned
};

}  // namespace quarry::aws
