#include "sandbox/quotas.h"

#include "base/bytes.h"
#include "sandbox/known_models.h"
#include "sandbox/signature.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kTarget = "ServiceQuotasV20190624.";
constexpr std::size_t kPageMax = 100;
constexpr std::uint64_t kRecordsMax = 50'000;
constexpr std::uint64_t kNoLimit = 1'000'000;

using QuotasAnswer = Answer<json::object>;

std::unexpected<Fault> illegal(std::string message) {
  return refuse(400, "IllegalArgumentException", std::move(message));
}

struct Limit {
  std::string_view name;
  double value = 0;
  bool adjustable = false;
};

json::object quota_json(const Limit& limit, const KnownModel& model, const Caller& caller) {
  const std::string name = fmt::format("{} for {}", limit.name, model.name);
  std::string code = "L-" + sha256_hex(name).substr(0, 8);
  for (char& c : code) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  }
  return {
      {"ServiceCode", "bedrock"},
      {"ServiceName", "Amazon Bedrock"},
      {"QuotaArn", fmt::format("arn:{}:servicequotas:{}:{}:bedrock/{}", partition_of(caller.region),
                               caller.region, caller.principal.account, code)},
      {"QuotaCode", code},
      {"QuotaName", name},
      {"Value", limit.value},
      {"Unit", "None"},
      {"Adjustable", limit.adjustable},
      {"GlobalQuota", false}};
}

json::array all_quotas(const QuotasContext& quotas, const Caller& caller) {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const std::array<Limit, 6> limits{
      {{"Minimum number of records per batch inference job", number(quotas.records_min)},
       {"Records per input file per batch inference job", number(kRecordsMax), true},
       {"Records per batch inference job", number(kRecordsMax), true},
       {"Batch inference input file size (in GB)", 1},
       {"Batch inference job size (in GB)", 5},
       {"Sum of in-progress and newly submitted batch inference jobs using a base model",
        number(quotas.jobs_max == 0 ? kNoLimit : quotas.jobs_max), true}}};
  json::array all;
  for (const KnownModel& model : known_models()) {
    for (const Limit& limit : limits) all.push_back(quota_json(limit, model, caller));
  }
  return all;
}

QuotasAnswer list_quotas(const QuotasContext& quotas,
                         const Caller& caller,
                         const json::object& request) {
  std::size_t count_max = kPageMax;
  if (const json::value* count = request.if_contains("MaxResults")) {
    if (!count->is_int64() || count->get_int64() < 1 ||
        count->get_int64() > static_cast<std::int64_t>(kPageMax))
      return illegal("MaxResults must be a number from 1 to 100.");
    count_max = static_cast<std::size_t>(count->get_int64());
  }
  std::size_t from = 0;
  if (const json::value* token = request.if_contains("NextToken")) {
    const std::string_view text =
        token->is_string() ? std::string_view(token->get_string()) : std::string_view{};
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), from);
    if (text.empty() || error != std::errc{} || at != text.data() + text.size())
      return refuse(400, "InvalidPaginationTokenException", "The NextToken is invalid.");
  }
  const json::array all = all_quotas(quotas, caller);
  json::object out;
  json::array page;
  for (std::size_t i = from; i < all.size() && page.size() < count_max; ++i) page.push_back(all[i]);
  if (from + page.size() < all.size()) out["NextToken"] = std::to_string(from + page.size());
  out["Quotas"] = std::move(page);
  return out;
}

QuotasAnswer get_quota(const QuotasContext& quotas,
                       const Caller& caller,
                       const json::object& request) {
  const json::value* code = request.if_contains("QuotaCode");
  for (const json::value& quota : all_quotas(quotas, caller)) {
    if (code != nullptr && quota.as_object().at("QuotaCode") == *code)
      return json::object{{"Quota", quota}};
  }
  return refuse(400, "NoSuchResourceException",
                "The request failed because the specified quota "
                "does not exist.");
}

QuotasAnswer answer(const QuotasContext& quotas,
                    const http::ServerRequest& request,
                    const std::string& body,
                    SysTime now) {
  const auto caller =
      verify_signature(request, Service::servicequotas, sha256_hex(body), quotas.identities, now);
  if (!caller) return std::unexpected(caller.error());
  const std::string_view operation = quotas_operation(request);
  if (operation != "ListServiceQuotas" && operation != "GetServiceQuota")
    return refuse(400, "UnknownOperationException", "");
  auto right = quotas.identities.authorize(caller->principal,
                                           fmt::format("servicequotas:{}", operation), "*");
  if (!right) return std::unexpected(std::move(right.error()));
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  if (error || !value.is_object()) return refuse(400, "SerializationException", "");
  const json::value* service = value.get_object().if_contains("ServiceCode");
  if (service == nullptr || *service != "bedrock")
    return refuse(400, "NoSuchResourceException",
                  "The request failed because the specified service does not exist.");
  return operation == "GetServiceQuota" ? get_quota(quotas, *caller, value.get_object())
                                        : list_quotas(quotas, *caller, value.get_object());
}

}  // namespace

bool is_quotas_request(const http::ServerRequest& request) {
  return request.path == "/" && request.method == "POST" && request.headers.get("x-amz-target");
}

std::string_view quotas_operation(const http::ServerRequest& request) {
  const std::string_view target = request.headers.get("x-amz-target").value_or("");
  return target.starts_with(kTarget) ? target.substr(kTarget.size()) : std::string_view{};
}

http::ServerResponse handle_quotas(const QuotasContext& quotas,
                                   const http::ServerRequest& request,
                                   const std::string& body,
                                   std::chrono::seconds clock_offset) {
  const QuotasAnswer result = answer(quotas, request, body, quotas.wall.now() + clock_offset);
  http::ServerResponse response =
      result ? json_response(200, json::serialize(*result))
             : json_response(result.error().status,
                             json::serialize(json::object{{"__type", result.error().code},
                                                          {"message", result.error().message}}));
  response.headers.set("Content-Type", "application/x-amz-json-1.1");
  if (!result) response.headers.set("x-amzn-ErrorType", result.error().code);
  response.headers.set("x-amzn-RequestId", amzn_request_id());
  return response;
}

}  // namespace quarry::sandbox
