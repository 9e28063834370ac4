#pragma once
// What a request to AWS came to, for the metrics.

#include "aws/retry.h"
#include "http/client.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::aws {

// Counts one try, that took so long. service: its signing name. failure: as the
// answer says it, nullopt where it is none.
void count_call(std::string_view service,
                std::string_view operation,
                const Result<http::ClientResponse>& response,
                const std::optional<AwsError>& failure,
                std::chrono::steady_clock::duration took);

// The label of an answer: "ok", AWS's error code, "http_503" where it named none, or why there was
// no answer. Whatever else came is "other": labels are for ever. Pure.
std::string call_code(const Result<http::ClientResponse>& response,
                      const std::optional<AwsError>& failure);

}  // namespace quarry::aws
