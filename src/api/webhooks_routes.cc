// GET /webhooks: events that have not arrived, for those who run the server. Quarry's own.
#include "api/errors.h"
#include "api/query.h"
#include "api/routes.h"

namespace quarry::api {
namespace {

constexpr std::int64_t kListLimitMax = 1000;
constexpr std::int64_t kListLimitDefault = 100;

// Without the url, whose query may be the receiver's secret.
boost::json::value to_json(const store::WebhookStore::Undelivered& event) {
  const auto seconds = [](std::int64_t ms) { return ms / 1000; };
  boost::json::object object{{"id", event.webhook.id},
                             {"object", "webhook.delivery"},
                             {"batch_id", event.webhook.batch_id.value},
                             {"type", event.webhook.event_type},
                             {"receiver", event.webhook.receiver},
                             {"of_batch", event.webhook.of_batch},
                             {"created_at", seconds(event.webhook.created_ms)},
                             {"attempts", event.webhook.attempts},
                             {"last_error", event.webhook.last_error},
                             {"next_attempt_at", nullptr},
                             {"given_up_at", nullptr}};
  if (event.given_up_ms) {
    object["given_up_at"] = seconds(*event.given_up_ms);
  } else {
    object["next_attempt_at"] = seconds(event.due_ms);
  }
  return object;
}

}  // namespace

Answer list_webhooks(Call call) {
  if (!call.caller.admin()) {
    co_return error_response(
        Error(Errc::denied, "Only the master key may ask for this.").reason("admin_only"),
        call.request.request_id);
  }
  std::int64_t limit = kListLimitDefault;
  const auto parameters = parse_query(call.request.query);
  if (const auto found = parameters.find("limit"); found != parameters.end()) {
    const auto given = integer_parameter("limit", found->second, 1, kListLimitMax);
    if (!given) co_return error_response(given.error(), call.request.request_id);
    limit = *given;
  }
  auto events = co_await call.services.webhook_store.undelivered(limit + 1);
  if (!events) co_return error_response(events.error(), call.request.request_id);
  const bool has_more = static_cast<std::int64_t>(events->size()) > limit;
  if (has_more) events->pop_back();
  boost::json::array data;
  for (const auto& event : *events) data.push_back(to_json(event));
  co_return json_response(200, openai::list_page(std::move(data), has_more));
}

}  // namespace quarry::api
