#include "aws/service_quotas.h"

#include "aws/bedrock_client_http.h"
#include "base/bytes.h"

#include <boost/json.hpp>

#include <utility>

namespace quarry::aws {

namespace {

namespace bj = boost::json;

constexpr int kPageQuotas = 100;  // ListServiceQuotas, MaxResults

std::string text_of(const bj::object& object, std::string_view key) {
  const bj::value* value = object.if_contains(key);
  const bj::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

class HttpServiceQuotas final : public ServiceQuotas {
 public:
  HttpServiceQuotas(Wire wire,
                    std::shared_ptr<CredentialProvider> credentials,
                    SenderOptions options)
      : sender_(wire, std::move(credentials), std::move(options)) {}

  Task<std::vector<Quota>> list(std::string service_code, Deadline deadline) override;

 private:
  Task<QuotaPage> page(std::string service_code, std::string token, Deadline deadline);

  RequestSender sender_;
};

Task<QuotaPage> HttpServiceQuotas::page(std::string service_code,
                                        std::string token,
                                        Deadline deadline) {
  bj::object fields{{"ServiceCode", service_code}, {"MaxResults", kPageQuotas}};
  if (!token.empty()) fields["NextToken"] = token;
  const std::string body = bj::serialize(fields);
  AwsRequest request;
  request.operation = "ListServiceQuotas";
  request.subject = service_code;
  request.method = "POST";
  request.path = "/";
  request.headers.set("Content-Type", "application/x-amz-json-1.1");
  request.headers.set("X-Amz-Target", "ServiceQuotasV20190624.ListServiceQuotas");
  request.body = as_bytes(body);
  auto reply = co_await sender_.send(std::move(request), deadline);
  if (!reply) co_return fail(std::move(reply.error()));
  if (reply->failure) {
    co_return fail(to_error(bedrock_errc(*reply->failure), *reply->failure, "ListServiceQuotas",
                            service_code));
  }
  auto page = parse_quota_page(reply->response.body);
  if (!page) co_return fail(std::move(page.error()).within("ListServiceQuotas " + service_code));
  co_return std::move(*page);
}

Task<std::vector<Quota>> HttpServiceQuotas::list(std::string service_code, Deadline deadline) {
  std::vector<Quota> all;
  std::string token;
  for (int pages = 0; pages < kPagesMax; ++pages) {
    auto one = co_await page(service_code, std::move(token), deadline);
    if (!one) co_return fail(std::move(one.error()));
    for (Quota& quota : one->quotas) all.push_back(std::move(quota));
    token = std::move(one->next_token);
    if (token.empty()) co_return all;
  }
  co_return fail(Errc::upstream, "ListServiceQuotas " + service_code + ": pages without end");
}

}  // namespace

Result<QuotaPage> parse_quota_page(std::string_view json) {
  boost::system::error_code broken;
  const bj::value value = bj::parse(json, broken);
  const bj::object* answer = broken ? nullptr : value.if_object();
  const bj::value* list = answer ? answer->if_contains("Quotas") : nullptr;
  if (!list || !list->is_array()) return fail(Errc::corrupt, "no list of quotas");
  QuotaPage page;
  page.next_token = text_of(*answer, "NextToken");
  for (const bj::value& one : list->get_array()) {
    const bj::object* object = one.if_object();
    const bj::value* amount = object ? object->if_contains("Value") : nullptr;
    if (!amount || !amount->is_number()) continue;  // AWS leaves it out where there is no limit
    const bj::value* adjustable = object->if_contains("Adjustable");
    page.quotas.push_back(
        {.code = text_of(*object, "QuotaCode"),
         .name = text_of(*object, "QuotaName"),
         .value = amount->to_number<double>(),
         .adjustable = adjustable && adjustable->is_bool() && adjustable->get_bool()});
  }
  return page;
}

std::shared_ptr<ServiceQuotas> make_service_quotas(Wire wire,
                                                   std::shared_ptr<CredentialProvider> credentials,
                                                   Endpoint endpoint,
                                                   std::string region,
                                                   Jitter jitter) {
  SenderOptions options;
  options.endpoint = std::move(endpoint);
  options.scope = {std::move(region), "servicequotas", PathRule::encode_again};
  // JSON 1.1 says its errors in `__type` and `message`, as Bedrock's reader takes them too.
  options.find_error = find_bedrock_error;
  options.jitter = std::move(jitter);
  return std::make_shared<HttpServiceQuotas>(wire, std::move(credentials), std::move(options));
}

}  // namespace quarry::aws
