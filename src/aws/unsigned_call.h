#pragma once
// Calls that nothing signs: instance metadata, a container's credentials, the SSO portal.

#include "base/task.h"
#include "http/client.h"

#include <chrono>
#include <string>

namespace quarry::aws {

struct UnsignedCall {
  std::string method = "GET";
  std::string url;
  http::Headers headers;
  std::string body;
  bool direct = false;  // as http::ClientRequest's

  int attempts = 1;
  std::chrono::milliseconds timeout{2'000};  // of one attempt
  std::chrono::milliseconds pause{1'000};    // between two
};

// The answer, whatever its status; asked again where there was none, or a 429 or 5xx. Errors:
// unavailable, deadline_exceeded, cancelled.
Task<http::ClientResponse> send_unsigned(http::Client& client,
                                         UnsignedCall call,
                                         Deadline deadline);

}  // namespace quarry::aws
