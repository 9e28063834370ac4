#pragma once
// Who may ask for what, and how often. Pure.

#include "access/caller.h"
#include "access/request_rate.h"
#include "base/result.h"
#include "http/server.h"

namespace quarry::api {

// Whoever has a key; the same, and the master key alone, where there are virtual keys; anybody; as
// settings.metrics_need_key says.
enum class Gate { key, own_key, key_admin, open, metrics };

// open_server: no master key is set, so whoever asks is an administrator, and there are no virtual
// keys. Errors: denied, reason "admin_only"; invalid_request, reason "no_master_key".
Result<void> check_gate(Gate gate, const access::Caller& caller, bool open_server);

// 429, in OpenAI's words.
http::ServerResponse rate_limited(const access::RequestRate::Standing& standing);
// x-ratelimit-limit-requests, -remaining-requests and -reset-requests.
void add_rate_headers(http::ServerResponse& response,
                      const access::RequestRate::Standing& standing);

}  // namespace quarry::api
