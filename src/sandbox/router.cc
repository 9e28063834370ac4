#include "sandbox/router.h"

#include "base/bytes.h"

namespace quarry::sandbox {

Awaitable<http::ServerResponse> Router::handle(http::ServerRequest request,
                                               http::BodyReader& body) {
  if (request.path == "/_sandbox/health") co_return json_response(200, R"({"status":"ok"})");
  auto bucket = bucket_of_host(request.headers.get("host").value_or(""));
  if (!bucket && is_bedrock_path(request.path))
    co_return co_await handle_bedrock(bedrock_, std::move(request), body);
  const std::string_view sent = request.path;
  const auto path = percent_decode(sent.starts_with('/') ? sent.substr(1) : sent);
  if (!path || !valid_utf8(*path)) {
    co_return s3_fault({.status = 400,
                        .code = "InvalidURI",
                        .message = "Couldn't parse the specified URI.",
                        .details = {}},
                       sent, s3_request_id());
  }
  std::string key = *path;
  if (!bucket) {
    const std::size_t slash = path->find('/');
    bucket = path->substr(0, slash);
    key = slash == std::string::npos ? "" : path->substr(slash + 1);
  }
  co_return co_await handle_s3(s3_, std::move(request), body, std::move(*bucket), std::move(key));
}

http::ServerResponse Router::refuse(int status,
                                    std::string_view why,
                                    const std::string& request_id) {
  const char* code = status == 503   ? "ServiceUnavailable"
                     : status >= 500 ? "InternalError"
                                     : "BadRequest";
  return s3_fault({.status = status, .code = code, .message = std::string(why), .details = {}}, "",
                  request_id);
}

}  // namespace quarry::sandbox
