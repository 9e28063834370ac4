#include "api/errors.h"
#include "api/routes.h"
#include "openai/upload_object.h"
#include "openai/upload_requests.h"

namespace quarry::api {
namespace {

http::ServerResponse answer(const files::UploadView& view) {
  const store::UploadRow& row = view.upload;
  openai::Upload upload{row.id.value, row.bytes,   row.created_at, row.expires_at,
                        row.filename, row.purpose, row.status,     std::nullopt};
  if (view.file) upload.file = file_object(*view.file);
  return json_response(200, openai::to_json(upload));
}

}  // namespace

Answer create_upload(Call call) {
  auto body = co_await read_small_body(call.body);
  if (!body) co_return error_response(body.error(), call.request.request_id);
  auto request = openai::parse_create_upload(*body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  auto created = co_await call.services.uploads.create(std::move(*request), std::move(call.caller));
  if (!created) co_return error_response(created.error(), call.request.request_id);
  co_return answer(*created);
}

Answer add_upload_part(Call call) {
  const auto content_type = call.request.headers.get("Content-Type");
  auto part = co_await call.services.uploads.add_part(store::UploadId{call.id},
                                                      std::string(content_type.value_or("")),
                                                      call.body, std::move(call.caller));
  if (!part) co_return error_response(part.error(), call.request.request_id);
  co_return json_response(
      200, openai::to_json(openai::UploadPart{part->id, part->created_at, part->upload_id.value}));
}

Answer complete_upload(Call call) {
  auto body = co_await read_small_body(call.body);
  if (!body) co_return error_response(body.error(), call.request.request_id);
  auto request = openai::parse_complete_upload(*body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  auto completed = co_await call.services.uploads.complete(
      store::UploadId{call.id}, std::move(*request), std::move(call.caller));
  if (!completed) co_return error_response(completed.error(), call.request.request_id);
  co_return answer(*completed);
}

Answer cancel_upload(Call call) {
  auto cancelled =
      co_await call.services.uploads.cancel(store::UploadId{call.id}, std::move(call.caller));
  if (!cancelled) co_return error_response(cancelled.error(), call.request.request_id);
  co_return answer(*cancelled);
}

}  // namespace quarry::api
