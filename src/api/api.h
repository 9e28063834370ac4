#pragma once
// The HTTP API: every route under "", /v1 and /openai/v1. Parses, authorizes, calls a service,
// answers in OpenAI's shape.

#include "access/authenticator.h"
#include "batch/batch_service.h"
#include "files/file_service.h"
#include "files/upload_service.h"
#include "http/server.h"
#include "store/spend_store.h"

#include <string>

namespace quarry::api {

struct Services {
  const access::Authenticator& authenticator;
  files::FileService& files;
  files::UploadService& uploads;
  batch::BatchService& batches;
  store::SpendStore& spend;
  const aws::DeploymentSet& deployments;
  const Clock& clock;
  bool sandbox = false;  // what is served comes from the sandbox: said in /health and a header
};

class Api final : public http::Handler {
 public:
  explicit Api(Services services);

  Awaitable<http::ServerResponse> handle(http::ServerRequest request,
                                         http::BodyReader& body) override;
  http::ServerResponse refuse(int status,
                              std::string_view why,
                              const std::string& request_id) override;

 private:
  Awaitable<http::ServerResponse> route(const http::ServerRequest& request, http::BodyReader& body);

  Services services_;
  std::int64_t started_at_;
};

}  // namespace quarry::api
