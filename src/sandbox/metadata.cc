#include "sandbox/metadata.h"

#include "base/bytes.h"
#include "base/ids.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kContainerPath = "/_sandbox/container-credentials";
constexpr std::string_view kPortalPath = "/federation/credentials";
constexpr std::string_view kTokenPath = "/latest/api/token";
constexpr std::string_view kRolePath = "/latest/meta-data/iam/security-credentials";
constexpr std::string_view kTtlHeader = "x-aws-ec2-metadata-token-ttl-seconds";
constexpr std::string_view kInstance = "i-0123456789abcdef0";
constexpr std::string_view kContainerRole = "container";
constexpr int kTtlMax = 21600;

http::ServerResponse text_response(int status, std::string text) {
  http::ServerResponse response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain");
  response.body = std::move(text);
  return response;
}

std::string seconds_text(SysTime at) { return iso8601(at).substr(0, 19) + "Z"; }

std::string_view under(std::string_view path, std::string_view folder) {
  if (!path.starts_with(folder)) return {};
  path.remove_prefix(folder.size());
  return path.starts_with('/') ? path.substr(1) : std::string_view{};
}

http::ServerResponse give_token(MetadataContext& metadata, const http::ServerRequest& request) {
  if (request.method != "PUT") return text_response(405, "Method Not Allowed");
  // A proxy between would give the token away to others.
  if (request.headers.get("x-forwarded-for")) return text_response(403, "Forbidden");
  const std::string_view asked = request.headers.get(kTtlHeader).value_or("");
  int ttl = 0;
  const auto [at, error] = std::from_chars(asked.data(), asked.data() + asked.size(), ttl);
  if (error != std::errc{} || at != asked.data() + asked.size() || ttl < 1 || ttl > kTtlMax)
    return text_response(400, "Bad Request");
  const SysTime now = metadata.wall.now();
  std::erase_if(metadata.tokens, [&](const auto& token) { return token.second < now; });
  std::string token = "AQAEA" + base64(as_bytes(random_hex128()));
  metadata.tokens[token] = now + std::chrono::seconds(ttl);
  auto response = text_response(200, token);
  response.headers.set(std::string(kTtlHeader), std::to_string(ttl));
  return response;
}

bool may_read(const MetadataContext& metadata, const http::ServerRequest& request) {
  const auto token = request.headers.get("x-aws-ec2-metadata-token");
  if (!token) return metadata.identities.account().imds_v1;
  const auto known = metadata.tokens.find(std::string(*token));
  return known != metadata.tokens.end() && metadata.wall.now() < known->second;
}

http::ServerResponse instance_credentials(MetadataContext& metadata, const std::string& role) {
  const SysTime now = metadata.wall.now();
  const Session session = metadata.identities.shared_session(
      "instance/" + role, {.partition = "aws", .account = {}, .name = role}, std::string(kInstance),
      now);
  return json_response(
      200, json::serialize(json::object{{"Code", "Success"},
                                        {"LastUpdated", seconds_text(now)},
                                        {"Type", "AWS-HMAC"},
                                        {"AccessKeyId", session.access_key_id},
                                        {"SecretAccessKey", session.key.secret.reveal()},
                                        {"Token", session.key.session_token.reveal()},
                                        {"Expiration", seconds_text(*session.key.expires)}}));
}

http::ServerResponse identity_document(const Account& account) {
  return json_response(200, json::serialize(json::object{{"accountId", kAccountId},
                                                         {"architecture", "x86_64"},
                                                         {"availabilityZone", account.region + "a"},
                                                         {"imageId", "ami-0123456789abcdef0"},
                                                         {"instanceId", kInstance},
                                                         {"instanceType", "m5.large"},
                                                         {"pendingTime", "2026-01-02T03:04:05Z"},
                                                         {"privateIp", "10.0.0.10"},
                                                         {"region", account.region},
                                                         {"version", "2017-09-30"}}));
}

http::ServerResponse instance_metadata(MetadataContext& metadata,
                                       const http::ServerRequest& request) {
  const std::string_view path = request.path;
  if (path == kTokenPath) return give_token(metadata, request);
  if (request.method != "GET") return text_response(405, "Method Not Allowed");
  if (!may_read(metadata, request)) return text_response(401, "Unauthorized");
  const Account& account = metadata.identities.account();
  if (path == kRolePath || path == fmt::format("{}/", kRolePath)) {
    return account.instance_role.empty() ? text_response(404, "Not Found")
                                         : text_response(200, account.instance_role);
  }
  if (const std::string_view role = under(path, kRolePath); !role.empty()) {
    if (account.instance_role.empty() || percent_decode(role) != account.instance_role)
      return text_response(404, "Not Found");
    return instance_credentials(metadata, account.instance_role);
  }
  const bool has_slash = path.ends_with('/');
  const std::string_view plain = has_slash ? path.substr(0, path.size() - 1) : path;
  if (plain == "/latest/meta-data/placement/region") return text_response(200, account.region);
  if (plain == "/latest/meta-data/placement/availability-zone")
    return text_response(200, account.region + "a");
  if (plain == "/latest/meta-data/instance-id") return text_response(200, std::string(kInstance));
  if (plain == "/latest/dynamic/instance-identity/document") return identity_document(account);
  return text_response(404, "Not Found");
}

http::ServerResponse container_credentials(MetadataContext& metadata,
                                           const http::ServerRequest& request) {
  const auto refused = [](int status, std::string_view code, std::string_view why) {
    return json_response(status, json::serialize(json::object{{"code", code}, {"message", why}}));
  };
  if (request.method != "GET") return refused(405, "MethodNotAllowed", "only GET");
  const Account& account = metadata.identities.account();
  const std::string_view given = request.headers.get("authorization").value_or("");
  if (!account.container_token.empty() && !equal_constant_time(given, account.container_token))
    return refused(401, "AccessDenied", "the Authorization header is not the one asked for");
  std::string role = percent_decode(under(request.path, kContainerPath)).value_or("");
  if (role.empty()) role = kContainerRole;
  const Session session = metadata.identities.shared_session(
      "container/" + role, {.partition = "aws", .account = {}, .name = role}, "container",
      metadata.wall.now());
  return json_response(
      200, json::serialize(json::object{{"RoleArn", session.role_arn},
                                        {"AccessKeyId", session.access_key_id},
                                        {"SecretAccessKey", session.key.secret.reveal()},
                                        {"Token", session.key.session_token.reveal()},
                                        {"Expiration", seconds_text(*session.key.expires)},
                                        {"AccountId", session.key.principal.account}}));
}

http::ServerResponse portal_credentials(MetadataContext& metadata,
                                        const http::ServerRequest& request) {
  const auto refused = [](int status, std::string code, std::string why) {
    return bedrock_fault(
        {.status = status, .code = std::move(code), .message = std::move(why), .details = {}});
  };
  const auto query = Query::parse(request.query);
  const std::string role = query ? query->get("role_name").value_or("") : "";
  const std::string account_id = query ? query->get("account_id").value_or("") : "";
  if (request.method != "GET" || role.empty() || account_id.empty())
    return refused(400, "InvalidRequestException", "role_name and account_id are needed");
  const Account& account = metadata.identities.account();
  const auto grant =
      account.sso.find(std::string(request.headers.get("x-amz-sso_bearer_token").value_or("")));
  if (grant == account.sso.end())
    return refused(401, "UnauthorizedException", "Session token not found or invalid");
  if (grant->second.account_id != account_id || grant->second.role_name != role)
    return refused(403, "ForbiddenException", "No access");
  const std::string name =
      fmt::format("AWSReservedSSO_{}_{}", role, sha256_hex(account_id + role).substr(0, 16));
  const Session session = metadata.identities.shared_session(
      "sso/" + grant->first, {.partition = "aws", .account = account_id, .name = name}, "sso-user",
      metadata.wall.now());
  return json_response(
      200, json::serialize(json::object{{"roleCredentials",
                                         {{"accessKeyId", session.access_key_id},
                                          {"secretAccessKey", session.key.secret.reveal()},
                                          {"sessionToken", session.key.session_token.reveal()},
                                          {"expiration", unix_millis(*session.key.expires)}}}}));
}

bool is_container_path(std::string_view path) {
  return path == kContainerPath || !under(path, kContainerPath).empty();
}

}  // namespace

bool is_metadata_path(std::string_view path) {
  return path.starts_with("/latest/") || path == kPortalPath || is_container_path(path);
}

std::string_view metadata_operation(std::string_view method, std::string_view path) {
  if (path == kPortalPath) return "GetRoleCredentials";
  if (is_container_path(path)) return "GetContainerCredentials";
  if (path == kTokenPath && method == "PUT") return "GetMetadataToken";
  if (!under(path, kRolePath).empty()) return "GetInstanceCredentials";
  return path.starts_with(kRolePath) ? "GetInstanceRole" : "GetMetadata";
}

http::ServerResponse handle_metadata(MetadataContext& metadata,
                                     const http::ServerRequest& request) {
  if (request.path == kPortalPath) return portal_credentials(metadata, request);
  if (is_container_path(request.path)) return container_credentials(metadata, request);
  return instance_metadata(metadata, request);
}

}  // namespace quarry::sandbox
