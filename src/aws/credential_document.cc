#include "aws/credential_document.h"

#include "base/timestamp.h"

#include <boost/json.hpp>

#include <utility>

namespace quarry::aws {

namespace {

std::string text_of(const boost::json::object& document, std::string_view name) {
  const boost::json::value* value = document.if_contains(name);
  if (!value || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

}  // namespace

Result<Credentials> parse_credentials_document(std::string_view json, std::string_view token_name) {
  boost::system::error_code broken;
  const boost::json::value parsed = boost::json::parse(json, broken);
  if (broken || !parsed.is_object()) return fail(Errc::corrupt, "not a JSON object");
  const boost::json::object& document = parsed.get_object();
  Credentials out;
  out.access_key_id = text_of(document, "AccessKeyId");
  out.secret_access_key = Secret<std::string>(text_of(document, "SecretAccessKey"));
  out.session_token = Secret<std::string>(text_of(document, token_name));
  if (out.access_key_id.empty() || out.secret_access_key.reveal().empty()) {
    const std::string code = text_of(document, "Code");
    const std::string message = text_of(document, "Message");
    if (!code.empty() && code != "Success") return fail(Errc::forbidden, code + ": " + message);
    return fail(Errc::corrupt, std::string("no ") +
                                   (out.access_key_id.empty() ? "AccessKeyId" : "SecretAccessKey") +
                                   " in it");
  }
  const std::string expiration = text_of(document, "Expiration");
  if (!expiration.empty()) {
    out.expires_at = parse_timestamp(expiration);
    if (!out.expires_at) return fail(Errc::corrupt, "Expiration is not an ISO 8601 time");
  }
  return out;
}

}  // namespace quarry::aws
