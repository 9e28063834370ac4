#include "aws/unsigned_call.h"

#include "base/bytes.h"

namespace quarry::aws {

namespace {

// Of documents that are a page long.
constexpr std::size_t kAnswerBytesMax = 256 * 1024;

bool worth_another(const Result<http::ClientResponse>& response) {
  if (!response) return retryable(response.error().code());
  return response->status == 429 || response->status >= 500;
}

}  // namespace

Task<http::ClientResponse> send_unsigned(http::Client& client,
                                         UnsignedCall call,
                                         Deadline deadline) {
  for (int attempt = 1;; ++attempt) {
    http::ClientRequest request;
    request.method = call.method;
    request.url = call.url;
    request.headers = call.headers;
    request.body = as_bytes(call.body);
    request.response_bytes_max = kAnswerBytesMax;
    request.direct = call.direct;
    auto response = co_await client.send(std::move(request), deadline.sooner(call.timeout));
    if (!worth_another(response) || attempt >= call.attempts ||
        call.pause >= deadline.remaining()) {
      co_return response;
    }
    co_await sleep_for(call.pause);
  }
}

}  // namespace quarry::aws
