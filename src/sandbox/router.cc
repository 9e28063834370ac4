#include "sandbox/router.h"

#include "base/bytes.h"
#include "sandbox/fault_answers.h"

namespace quarry::sandbox {

Awaitable<http::ServerResponse> Router::handle(http::ServerRequest request,
                                               http::BodyReader& body) {
  auto bucket = bucket_of_host(request.headers.get("host").value_or(""));
  if (!bucket) {
    if (is_sts_request(request)) co_return co_await ask_sts(std::move(request), body);
    if (is_quotas_request(request)) co_return co_await ask_quotas(std::move(request), body);
    if (is_metadata_path(request.path)) co_return co_await ask_metadata(std::move(request));
    if (is_bedrock_path(request.path)) co_return co_await ask_bedrock(std::move(request), body);
    if (is_control_path(request.path))
      co_return co_await handle_control(control_, std::move(request), body);
  }
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
  co_return co_await ask_s3(std::move(request), body, std::move(*bucket), std::move(key));
}

Awaitable<http::ServerResponse> Router::ask_s3(http::ServerRequest request,
                                               http::BodyReader& body,
                                               std::string bucket,
                                               std::string key) {
  const RequestFacts facts = s3_facts(request, bucket, key);
  const FaultPtr rule = received(facts);
  if (rule) {
    if (auto instead = answer_instead(*rule, facts, request.path)) co_return std::move(*instead);
  }
  auto response = co_await handle_s3(s3_, std::move(request), body, std::move(bucket),
                                     std::move(key), clock_offset(rule));
  co_return co_await spoil_answer(rule, std::move(response));
}

Awaitable<http::ServerResponse> Router::ask_bedrock(http::ServerRequest request,
                                                    http::BodyReader& body) {
  RequestFacts facts = bedrock_facts(request);
  auto text = co_await read_bedrock_body(body);
  if (!text) co_return bedrock_fault(text.error());
  if (facts.operation.group == OperationGroup::bedrock && !facts.texts.empty()) {
    if (const JobPtr job = bedrock_.jobs.find(facts.texts.front())) {
      facts.texts.push_back(job->text("jobName"));
      facts.texts.push_back(job->text("modelId"));
    }
  }
  facts.texts.push_back(*text);
  const FaultPtr rule = received(facts);
  if (rule) {
    if (auto instead = answer_instead(*rule, facts, request.path)) co_return std::move(*instead);
  }
  facts.texts.clear();  // a body may be 25 MB
  auto response =
      co_await handle_bedrock(bedrock_, std::move(request), std::move(*text), clock_offset(rule));
  co_return co_await spoil_answer(rule, std::move(response));
}

Awaitable<http::ServerResponse> Router::ask_sts(http::ServerRequest request,
                                                http::BodyReader& body) {
  const auto form = co_await read_bedrock_body(body);
  if (!form) co_return query_fault(form.error(), amzn_request_id());
  const RequestFacts facts = named_facts(request, OperationGroup::sts, sts_action(*form), *form);
  const FaultPtr rule = received(facts);
  if (rule) {
    if (auto instead = answer_instead(*rule, facts, request.path)) co_return std::move(*instead);
  }
  co_return co_await spoil_answer(rule, handle_sts(sts_, request, *form, clock_offset(rule)));
}

Awaitable<http::ServerResponse> Router::ask_quotas(http::ServerRequest request,
                                                   http::BodyReader& body) {
  const auto text = co_await read_bedrock_body(body);
  if (!text) co_return bedrock_fault(text.error());
  const RequestFacts facts =
      named_facts(request, OperationGroup::quotas, quotas_operation(request), *text);
  const FaultPtr rule = received(facts);
  if (rule) {
    if (auto instead = answer_instead(*rule, facts, request.path)) co_return std::move(*instead);
  }
  co_return co_await spoil_answer(rule, handle_quotas(quotas_, request, *text, clock_offset(rule)));
}

Awaitable<http::ServerResponse> Router::ask_metadata(http::ServerRequest request) {
  const RequestFacts facts =
      named_facts(request, OperationGroup::metadata,
                  metadata_operation(request.method, request.path), request.path);
  const FaultPtr rule = received(facts);
  if (rule) {
    if (auto instead = answer_instead(*rule, facts, request.path)) co_return std::move(*instead);
  }
  co_return co_await spoil_answer(rule, handle_metadata(metadata_, request));
}

FaultPtr Router::received(const RequestFacts& facts) {
  control_.calls.received(facts);
  return control_.faults.for_request(facts);
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
