#pragma once
// The one table from our errors to HTTP and to OpenAI's error envelope.

#include "base/result.h"
#include "http/server.h"

#include <string_view>

namespace quarry::api {

// invalid_request 400 (413 for reason "body_too_large"), not_found 404, conflict 409 with
// x-should-retry: false (the SDKs would repeat it), denied 403, limited 429 with Retry-After (and
// x-should-retry: false where that is more than a minute), throttled and unavailable 503 with
// Retry-After,
// deadline_exceeded 504, forbidden (AWS refused the server, not the client) and upstream 502, the
// rest 500. A 5xx says what to do; its cause, which
// names buckets and roles, is logged with the request's id.
http::ServerResponse error_response(const Error& error, std::string_view request_id);
// 401, for what access/ refuses.
http::ServerResponse unauthorized(const Error& error);
// The envelope by hand: param and code "" = null.
http::ServerResponse error_response(int status,
                                    std::string_view message,
                                    std::string_view type,
                                    std::string_view param,
                                    std::string_view code);

}  // namespace quarry::api
