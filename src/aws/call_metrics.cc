#include "aws/call_metrics.h"

#include "obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::aws {
namespace {

constexpr std::size_t kCodeLengthMax = 64;

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= kCodeLengthMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
  });
}

}  // namespace

std::string call_code(const Result<http::ClientResponse>& response,
                      const std::optional<AwsError>& failure) {
  if (!response) return std::string(name(response.error().code()));
  if (!failure) return "ok";
  if (is_code(failure->code)) return failure->code;
  const bool plausible = failure->status >= 100 && failure->status < 600;
  return failure->code.empty() && plausible ? fmt::format("http_{}", failure->status) : "other";
}

void count_call(std::string_view service,
                std::string_view operation,
                const Result<http::ClientResponse>& response,
                const std::optional<AwsError>& failure,
                std::chrono::steady_clock::duration took) {
  obs::count(obs::Counter::aws_requests, {service, operation, call_code(response, failure)});
  obs::observe(obs::Histogram::aws_request_seconds, {service, operation},
               std::chrono::duration<double>(took).count());
  const bool throttled = failure && (is_throttle_code(failure->code) || failure->status == 429);
  obs::count(obs::Counter::aws_throttles, {service, operation}, throttled ? 1 : 0);
}

}  // namespace quarry::aws
