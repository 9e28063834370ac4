#pragma once
// Which service a request on the shared port is for.

#include "http/server.h"
#include "sandbox/bedrock.h"
#include "sandbox/control.h"
#include "sandbox/metadata.h"
#include "sandbox/quotas.h"
#include "sandbox/s3.h"
#include "sandbox/sts.h"

namespace quarry::sandbox {

// Where the host names a bucket, every path is a key in it. Else a form posted to / is STS's, and
// what has an X-Amz-Target there Service Quotas'; /latest/…, /federation/… and the container's
// endpoint give credentials; /_sandbox/… is the sandbox's own; Bedrock's paths are Bedrock's; all
// others are S3's: /<bucket>/<key>.
class Router final : public http::Handler {
 public:
  Router(S3Context& s3,
         BedrockContext& bedrock,
         StsContext& sts,
         const QuotasContext& quotas,
         MetadataContext& metadata,
         ControlContext& control)
      : s3_(s3),
        bedrock_(bedrock),
        sts_(sts),
        quotas_(quotas),
        metadata_(metadata),
        control_(control) {}

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
  Awaitable<http::ServerResponse> ask_sts(http::ServerRequest request, http::BodyReader& body);
  Awaitable<http::ServerResponse> ask_quotas(http::ServerRequest request, http::BodyReader& body);
  Awaitable<http::ServerResponse> ask_metadata(http::ServerRequest request);
  // Counted; the fault that fires, if any does.
  FaultPtr received(const RequestFacts& facts);

  S3Context& s3_;
  BedrockContext& bedrock_;
  StsContext& sts_;
  const QuotasContext& quotas_;
  MetadataContext& metadata_;
  ControlContext& control_;
};

}  // namespace quarry::sandbox
