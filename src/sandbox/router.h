#pragma once
// Which service a request on the shared port is for.

#include "http/server.h"
#include "sandbox/bedrock.h"
#include "sandbox/control.h"
#include "sandbox/s3.h"

namespace quarry::sandbox {

// /_sandbox/… is the sandbox's own. Bedrock's paths are Bedrock's, all others are S3's:
// /<bucket>/<key>, or /<key> where the host names the bucket (then every path is a key).
class Router final : public http::Handler {
 public:
  Router(S3Context& s3, BedrockContext& bedrock, ControlContext& control)
      : s3_(s3), bedrock_(bedrock), control_(control) {}

  Awaitable<http::ServerResponse> handle(http::ServerRequest request,
                                         http::BodyReader& body) override;
  http::ServerResponse refuse(int status,
                              std::string_view why,
                              const std::string& request_id) override;

 private:
  Awaitable<http::ServerResponse> ask_s3(http::ServerRequest request,
                                         http::BodyReader& body,
                                         std::string bucket,
                                         std::string key);
  Awaitable<http::ServerResponse> ask_bedrock(http::ServerRequest request, http::BodyReader& body);

  S3Context& s3_;
  BedrockContext& bedrock_;
  ControlContext& control_;
};

}  // namespace quarry::sandbox
