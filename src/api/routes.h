#pragma once
// The handlers behind the routes, one file a resource. Each gets the caller, already authenticated.

#include "api/api.h"
#include "obs/trace_context.h"

#include <string>

namespace quarry::api {

using Answer = Awaitable<http::ServerResponse>;

struct Call {
  const Services& services;
  const http::ServerRequest& request;
  http::BodyReader& body;
  access::Caller caller;
  std::string id;  // the decoded path segment, where the route has one
  std::int64_t started_at = 0;
  obs::RequestTrace trace = {};
};

// files_routes.cc
Answer create_file(Call call);
Answer list_files(Call call);
Answer get_file(Call call);
Answer delete_file(Call call);
Answer get_file_content(Call call);
openai::File file_object(const store::FileRow& row);
// uploads_routes.cc
Answer create_upload(Call call);
Answer add_upload_part(Call call);
Answer complete_upload(Call call);
Answer cancel_upload(Call call);
// batches_routes.cc
Answer create_batch(Call call);
Answer list_batches(Call call);
Answer get_batch(Call call);
Answer cancel_batch(Call call);
// models_routes.cc
Answer list_models(Call call);
Answer get_model(Call call);
// keys_routes.cc
Answer generate_key(Call call);
Answer update_key(Call call);
Answer delete_keys(Call call);
Answer block_key(Call call);
Answer unblock_key(Call call);
Answer key_info(Call call);
Answer list_keys(Call call);
// teams_routes.cc
Answer new_team(Call call);
Answer update_team(Call call);
Answer delete_teams(Call call);
Answer block_team(Call call);
Answer unblock_team(Call call);
Answer team_info(Call call);
Answer list_teams(Call call);
// spend_routes.cc
Answer spend_logs(Call call);
Answer spend_keys(Call call);
Answer spend_models(Call call);
Answer spend_teams(Call call);
Answer spend_report(Call call);

// webhooks_routes.cc
Answer list_webhooks(Call call);
// health_routes.cc
Answer get_liveliness(Call call);
Answer get_readiness(Call call);
Answer get_health(Call call);
Answer get_metrics(Call call);

http::ServerResponse json_response(int status, const boost::json::value& value);
// The whole body as text. Errors: invalid_request, reason "body_too_large" above the bound of 1
// MiB.
Task<std::string> read_small_body(http::BodyReader& body);

}  // namespace quarry::api
