#include "sandbox/control.h"

#include "base/bytes.h"
#include "sandbox/wire.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kScriptBytesMax = 1 << 20;

http::ServerResponse answer(const json::object& value) {
  return json_response(200, json::serialize(value));
}

http::ServerResponse refusal(int status, std::string_view why) {
  return json_response(status, json::serialize(json::object{{"error", why}}));
}

json::array jobs_json(const JobTable& jobs) {
  json::array list;
  for (const auto& [id, job] : jobs.jobs()) {
    list.push_back({{"arn", job->arn},
                    {"name", job->text("jobName")},
                    {"region", job->region},
                    {"model", job->text("modelId")},
                    {"status", name(job->status)},
                    {"records", job->total_records},
                    {"success", job->success_records},
                    {"error", job->error_records},
                    {"input_tokens", job->input_tokens},
                    {"output_tokens", job->output_tokens},
                    {"input_uri", job->input_uri()}});
  }
  return list;
}

// The body, or the answer to one that is too long or broken off.
Awaitable<std::expected<std::string, http::ServerResponse>> read_script(http::BodyReader& body) {
  std::string text;
  for (;;) {
    const auto piece = co_await body.read();
    if (!piece) co_return std::unexpected(refusal(400, piece.error().message()));
    if (piece->empty()) co_return text;
    if (text.size() + piece->size() > kScriptBytesMax)
      co_return std::unexpected(
          refusal(413, fmt::format("a script has at most {} bytes", kScriptBytesMax)));
    text += as_text(*piece);
  }
}

Awaitable<http::ServerResponse> put_faults(ControlContext& control, http::BodyReader& body) {
  auto text = co_await read_script(body);
  if (!text) co_return std::move(text.error());
  auto script = parse_fault_script(*text);
  if (!script) co_return refusal(400, script.error());
  control.faults.replace(std::move(*script));
  co_return answer(control.faults.report());
}

Awaitable<http::ServerResponse> put_account(ControlContext& control, http::BodyReader& body) {
  auto text = co_await read_script(body);
  if (!text) co_return std::move(text.error());
  auto account = parse_account(*text);
  if (!account) co_return refusal(400, account.error());
  control.identities.replace(std::move(*account));
  co_return answer(control.identities.account().source);
}

}  // namespace

bool is_control_path(std::string_view path) { return path.starts_with("/_sandbox/"); }

Awaitable<http::ServerResponse> handle_control(ControlContext& control,
                                               http::ServerRequest request,
                                               http::BodyReader& body) {
  const std::string& method = request.method;
  if (request.path == "/_sandbox/health") co_return answer({{"status", "ok"}});
  if (request.path == "/_sandbox/faults") {
    if (method == "PUT") co_return co_await put_faults(control, body);
    if (method == "DELETE") control.faults.clear();
    if (method == "GET" || method == "DELETE") co_return answer(control.faults.report());
    co_return refusal(405, "faults are read with GET, replaced with PUT and ended with DELETE");
  }
  if (request.path == "/_sandbox/account") {
    if (method == "PUT") co_return co_await put_account(control, body);
    if (method == "DELETE") control.identities.reset();
    if (method == "GET" || method == "DELETE")
      co_return answer(control.identities.account().source);
    co_return refusal(405, "the account is read with GET, replaced with PUT and reset with DELETE");
  }
  if (request.path == "/_sandbox/records") {
    if (method == "DELETE") control.calls.clear();
    if (method == "GET" || method == "DELETE") {
      co_return answer({{"calls", control.calls.calls_json()},
                        {"jobs", jobs_json(control.jobs)},
                        {"invocations", control.calls.invocations_json()},
                        {"invocations_by_model", control.calls.invocations_by_model_json()}});
    }
    co_return refusal(405, "records are read with GET; DELETE forgets the calls");
  }
  co_return refusal(404,
                    "there are /_sandbox/health, /_sandbox/account, /_sandbox/faults and "
                    "/_sandbox/records");
}

}  // namespace quarry::sandbox
