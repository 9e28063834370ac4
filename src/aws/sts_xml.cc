#include "aws/sts_xml.h"

#include "base/timestamp.h"

#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace quarry::aws {

namespace {

std::string text(const pugi::xml_node& parent, const char* name) {
  return parent.child(name).text().get();
}

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(xml.data(), xml.size()));
}

std::unexpected<Error> not_a(const std::string& document) {
  return fail(Errc::corrupt, "STS's answer is not a whole " + document);
}

}  // namespace

std::optional<AwsError> find_sts_error(const http::ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return std::nullopt;
  AwsError error{.status = response.status, .code = {}, .message = {}, .request_id = {}};
  error.request_id = response.headers.get("x-amzn-RequestId").value_or("");
  pugi::xml_document document;
  if (!load(document, response.body)) return error;
  const pugi::xml_node root = document.child("ErrorResponse");
  error.code = text(root.child("Error"), "Code");
  error.message = text(root.child("Error"), "Message");
  if (error.request_id.empty()) error.request_id = text(root, "RequestId");
  return error;
}

Errc sts_errc(const AwsError& failure) {
  if (is_throttle_code(failure.code) || failure.status == 429) return Errc::throttled;
  // STS asks the provider of the identity for its keys: a matter of moments.
  if (failure.code == "IDPCommunicationError") return Errc::unavailable;
  constexpr std::array<std::string_view, 5> kOurs = {"ValidationError", "MalformedPolicyDocument",
                                                     "PackedPolicyTooLarge",
                                                     "InvalidParameterValue", "MissingParameter"};
  if (std::ranges::find(kOurs, failure.code) != kOurs.end()) return Errc::invalid_request;
  constexpr std::array<std::string_view, 4> kRefused = {"ExpiredTokenException", "ExpiredToken",
                                                        "InvalidIdentityToken", "IDPRejectedClaim"};
  if (failure.status == 401 || failure.status == 403 ||
      std::ranges::find(kRefused, failure.code) != kRefused.end()) {
    return Errc::forbidden;
  }
  if (remedy_for(failure) == Remedy::wait || failure.status >= 500) return Errc::unavailable;
  return Errc::upstream;
}

Result<Credentials> parse_role_session(std::string_view xml, std::string_view operation) {
  const std::string name(operation);
  pugi::xml_document document;
  if (!load(document, xml)) return not_a(name + "Response");
  const pugi::xml_node found = document.child((name + "Response").c_str())
                                   .child((name + "Result").c_str())
                                   .child("Credentials");
  Credentials out;
  out.access_key_id = text(found, "AccessKeyId");
  out.secret_access_key = Secret<std::string>(text(found, "SecretAccessKey"));
  out.session_token = Secret<std::string>(text(found, "SessionToken"));
  out.expires_at = parse_timestamp(text(found, "Expiration"));
  if (out.access_key_id.empty() || out.secret_access_key.reveal().empty() ||
      out.session_token.reveal().empty() || !out.expires_at) {
    return not_a(name + "Response");
  }
  return out;
}

Result<CallerIdentity> parse_caller_identity(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_a("GetCallerIdentityResponse");
  const pugi::xml_node found =
      document.child("GetCallerIdentityResponse").child("GetCallerIdentityResult");
  CallerIdentity out{text(found, "Account"), text(found, "Arn"), text(found, "UserId")};
  if (out.account.empty() || out.arn.empty()) return not_a("GetCallerIdentityResponse");
  return out;
}

}  // namespace quarry::aws
