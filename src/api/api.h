#pragma once
// The HTTP API: every route under "", /v1 and /openai/v1. Parses, authorizes, calls a service,
// answers in OpenAI's shape.

#include "access/authenticator.h"
#include "access/key_service.h"
#include "access/request_rate.h"
#include "access/team_service.h"
#include "api/health.h"
#include "api/serving_state.h"
#include "batch/batch_service.h"
#include "files/file_service.h"
#include "files/upload_service.h"
#include "http/server.h"
#include "store/spend_store.h"

#include "webhook/targets.h"
#include <functional>
#include <string>

namespace quarry::api {

struct Services {
  access::Authenticator& authenticator;
  access::KeyService& keys;
  access::TeamService& teams;
  files::FileService& files;
  files::UploadService& uploads;
  batch::BatchService& batches;
  store::SpendStore& spend;
  const aws::DeploymentSet& deployments;
  const Clock& clock;
  Health& health;
  const ServingState& serving;
  const webhook::Targets& webhooks;
  store::WebhookStore& webhook_store;
  // Sets the gauges that only the process' parts know, when somebody reads the metrics.
  std::function<void()> sample_gauges = {};
  bool metrics_need_key = false;
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
  Services services_;
  std::int64_t started_at_;
  access::RequestRate rate_;
};

}  // namespace quarry::api
