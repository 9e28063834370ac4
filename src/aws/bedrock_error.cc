#include "aws/bedrock_client_http.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace quarry::aws {

namespace {

// "aws.protocoltests#ValidationException:http://internal.amazon.com/coral/…" ->
// "ValidationException" (Smithy, restJson1, "Operation error serialization").
std::string bare_code(std::string_view code) {
  code = code.substr(0, code.find(':'));
  const std::size_t hash = code.rfind('#');
  if (hash != std::string_view::npos) code.remove_prefix(hash + 1);
  return std::string(code);
}

std::string first_string(const boost::json::object& body,
                         std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const boost::json::value* value = body.if_contains(name);
    if (value && value->is_string()) return std::string(std::string_view(value->get_string()));
  }
  return {};
}

// "… on resource: ARN because …"
std::string_view resource_of(std::string_view message) {
  constexpr std::string_view kBefore = "on resource: ";
  const std::size_t at = message.find(kBefore);
  if (at == std::string_view::npos) return "the batch role";
  message.remove_prefix(at + kBefore.size());
  return message.substr(0, message.find(' '));
}

bool contains(std::initializer_list<std::string_view> names, std::string_view text) {
  return std::ranges::find(names, text) != names.end();
}

}  // namespace

std::optional<AwsError> find_bedrock_error(const http::ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return std::nullopt;
  AwsError error{.status = response.status};
  error.request_id = response.headers.get("x-amzn-RequestId").value_or("");
  error.code = bare_code(response.headers.get("x-amzn-ErrorType").value_or(""));
  boost::system::error_code not_json;
  const boost::json::value body = boost::json::parse(response.body, not_json);
  if (!not_json && body.is_object()) {
    const boost::json::object& fields = body.get_object();
    if (error.code.empty())
      error.code = bare_code(first_string(fields, {"code", "Code", "__type"}));
    error.message = first_string(fields, {"message", "Message"});
  } else if (error.code.empty() && !response.body.empty()) {
    // A proxy's page: the status alone decides.
    error.message = "the answer is not AWS's; hint: a proxy on the way may have given it";
  }
  return error;
}

Errc bedrock_errc(const AwsError& failure) {
  const std::string& code = failure.code;
  if (is_throttle_code(code) || failure.status == 429 || code == "ServiceQuotaExceededException") {
    return Errc::throttled;
  }
  // Both come as ValidationExceptions, and neither is about what was sent: the account lacks the
  // entitlement, whatever its quotas say, or the model takes no batches in this region.
  if (failure.message.contains("not authorized to perform this action") ||
      failure.message.contains("Batch inference is not supported")) {
    return Errc::forbidden;
  }
  if (code == "ValidationException") return Errc::invalid_request;
  if (code == "ConflictException") return Errc::conflict;
  if (code == "ResourceNotFoundException") return Errc::not_found;
  if (failure.status == 401 || failure.status == 403 ||
      contains({"AccessDeniedException", "ExpiredTokenException", "ExpiredToken", "InvalidToken"},
               code)) {
    return Errc::forbidden;
  }
  if (remedy_for(failure) == Remedy::wait) return Errc::unavailable;
  return failure.status >= 500 && failure.status != 501 ? Errc::unavailable : Errc::upstream;
}

std::string bedrock_hint(const AwsError& failure) {
  const std::string_view said = failure.message;
  if (said.contains("iam:PassRole")) {
    return fmt::format(
        "allow iam:PassRole on {} to who signs, with the condition iam:PassedToService = "
        "bedrock.amazonaws.com",
        resource_of(said));
  }
  if (said.contains("ross-account pass role")) {
    return "aws_batch_role_arn must be a role of the account that signs";
  }
  if (said.contains("not authorized to perform this action")) {
    return "the account is not entitled to batch inference, whatever its policies and quotas say: "
           "ask AWS support";
  }
  if (said.contains("Batch inference is not supported")) {
    return "take a model, an inference profile or a region that AWS lists for batch inference";
  }
  return {};
}

}  // namespace quarry::aws
