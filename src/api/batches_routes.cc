#include "api/errors.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/bytes.h"
#include "openai/create_batch.h"

#include <charconv>

namespace quarry::api {
namespace {

constexpr std::int64_t kListLimitMax = 100;
constexpr std::int64_t kListLimitDefault = 20;

}  // namespace

Answer create_batch(Call call) {
  auto body = co_await read_small_body(call.body);
  if (!body) co_return error_response(body.error(), call.request.request_id);
  auto request = openai::parse_create_batch(*body, call.services.batches.longest_window());
  if (!request) co_return error_response(request.error(), call.request.request_id);
  if (auto fine = call.services.webhooks.check(request->metadata_json); !fine) {
    co_return error_response(fine.error(), call.request.request_id);
  }
  if (request->dry_run) {
    auto run = co_await call.services.batches.dry_run(std::move(*request), std::move(call.caller));
    if (!run) co_return error_response(run.error(), call.request.request_id);
    co_return json_response(200, openai::to_json(*run));
  }
  batch::RepeatHints hints;
  hints.request_hash = sha256_hex(*body);
  hints.idempotency_key = call.request.headers.get("Idempotency-Key").value_or("");
  if (const auto count = call.request.headers.get("x-stainless-retry-count")) {
    std::from_chars(count->data(), count->data() + count->size(), hints.sdk_retry_count);
  }
  auto created = co_await call.services.batches.create(std::move(*request), std::move(hints),
                                                       std::move(call.caller), call.trace.trace_id);
  if (!created) co_return error_response(created.error(), call.request.request_id);
  co_return json_response(200, openai::to_json(created->object));
}

Answer list_batches(Call call) {
  const auto parameters = parse_query(call.request.query);
  store::ListQuery query{call.caller.viewer(), kListLimitDefault, false, {}, {}};
  if (const auto found = parameters.find("limit"); found != parameters.end()) {
    auto limit = integer_parameter("limit", found->second, 0, kListLimitMax);
    if (!limit) co_return error_response(limit.error(), call.request.request_id);
    query.limit = *limit;
  }
  if (const auto found = parameters.find("after"); found != parameters.end())
    query.after = found->second;
  auto page = co_await call.services.batches.list(std::move(query));
  if (!page) co_return error_response(page.error(), call.request.request_id);
  boost::json::array data;
  for (const store::BatchRow& row : page->rows) data.push_back(openai::to_json(row.object));
  co_return json_response(200, openai::list_page(std::move(data), page->has_more));
}

Answer get_batch(Call call) {
  auto found = co_await call.services.batches.find(BatchId{call.id}, std::move(call.caller));
  if (!found) co_return error_response(found.error(), call.request.request_id);
  co_return json_response(200, openai::to_json(found->object));
}

Answer cancel_batch(Call call) {
  auto cancelled = co_await call.services.batches.cancel(BatchId{call.id}, std::move(call.caller));
  if (!cancelled) co_return error_response(cancelled.error(), call.request.request_id);
  co_return json_response(200, openai::to_json(cancelled->object));
}

}  // namespace quarry::api
