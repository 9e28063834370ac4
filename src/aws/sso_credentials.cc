#include "aws/sso_credentials.h"

#include "aws/bedrock_client_http.h"
#include "aws/endpoint.h"
#include "aws/profile_file.h"
#include "aws/unsigned_call.h"
#include "base/bytes.h"
#include "base/timestamp.h"
#include "obs/log.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace quarry::aws {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

// A token this close to its end is renewed, where it can be.
constexpr std::chrono::minutes kRenewBefore{15};

std::string sha1_hex(std::string_view text) {
  std::array<std::byte, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha1(), nullptr);
  return hex(std::span(digest).first(size));
}

std::string text_of(const json::object& document, std::string_view name) {
  const json::value* value = document.if_contains(name);
  if (!value || !value->is_string()) return {};
  return std::string(std::string_view(value->get_string()));
}

Result<json::object> object_of(std::string_view text) {
  boost::system::error_code broken;
  json::value parsed = json::parse(text, broken);
  if (broken || !parsed.is_object()) return fail(Errc::corrupt, "not a JSON object");
  return std::move(parsed.get_object());
}

Error sign_in_again(const SsoProfile& sso, std::string_view why) {
  return Error(Errc::forbidden,
               fmt::format("profile {} signs in through IAM Identity Center, and {}; hint: run "
                           "aws sso login --profile {}",
                           sso.profile, why, sso.profile))
      .reason("SsoTokenExpired");
}

// In place of the old one at once, readable by its owner alone.
bool replace_file(const std::string& path, const std::string& text) {
  std::string beside = path + ".XXXXXX";
  const int file = ::mkstemp(beside.data());  // mode 0600
  if (file < 0) return false;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  if (written && std::rename(beside.c_str(), path.c_str()) == 0) return true;
  ::unlink(beside.c_str());
  return false;
}

Result<std::string> base_url(std::string_view service,
                             const std::string& region,
                             const config::Environment& environment) {
  const auto endpoint = find_endpoint(service, region, "", environment);
  if (!endpoint) return fail(endpoint.error());
  return (endpoint->https ? "https://" : "http://") + endpoint->authority + endpoint->base_path;
}

bool renewable(const json::object& token, SysTime now) {
  const auto registered_until = parse_timestamp(text_of(token, "registrationExpiresAt"));
  return !text_of(token, "refreshToken").empty() && !text_of(token, "clientId").empty() &&
         !text_of(token, "clientSecret").empty() && registered_until && *registered_until > now;
}

// OIDC CreateToken (AWS SSO OIDC API reference). nullopt: it did not work.
boost::asio::awaitable<std::optional<json::object>> renew(IdentityWorld world,
                                                          SsoProfile sso,
                                                          json::object token,
                                                          Deadline deadline) {
  const auto url = base_url("oidc", sso.region, world.environment);
  if (!url) co_return std::nullopt;
  const json::object ask{{"grantType", "refresh_token"},
                         {"clientId", text_of(token, "clientId")},
                         {"clientSecret", text_of(token, "clientSecret")},
                         {"refreshToken", text_of(token, "refreshToken")}};
  UnsignedCall call{.method = "POST", .url = *url + "/token", .body = json::serialize(ask)};
  call.headers.set("Content-Type", "application/json");
  call.timeout = milliseconds(10'000);
  const auto response = co_await send_unsigned(world.client, std::move(call), deadline);
  if (!response || response->status != 200) co_return std::nullopt;
  const auto given = object_of(response->body);
  if (!given) co_return std::nullopt;
  const json::value* seconds = given->if_contains("expiresIn");
  const std::string access = text_of(*given, "accessToken");
  if (access.empty() || !seconds || !seconds->is_int64()) co_return std::nullopt;
  const SysTime until = world.clock.now() + std::chrono::seconds(seconds->get_int64());
  token["accessToken"] = access;
  // The CLI's form has whole seconds.
  token["expiresAt"] = iso8601(until).substr(0, 19) + "Z";
  const std::string refresh = text_of(*given, "refreshToken");
  if (!refresh.empty()) token["refreshToken"] = refresh;
  co_return token;
}

Task<json::object> read_token(IdentityWorld world, SsoProfile sso) {
  const std::string path = sso_token_path(sso, world.environment);
  const auto text = co_await run_blocking(world.pool, [&path] { return read_small_file(path); });
  if (!text) co_return fail(text.error());
  if (!*text) co_return fail(sign_in_again(sso, "there is no " + path));
  auto token = object_of(**text);
  if (!token || text_of(*token, "accessToken").empty() ||
      !parse_timestamp(text_of(*token, "expiresAt"))) {
    co_return fail(sign_in_again(sso, path + " holds no token"));
  }
  co_return token;
}

Task<Secret<std::string>> access_token(IdentityWorld world, SsoProfile sso, Deadline deadline) {
  auto token = co_await read_token(world, sso);
  if (!token) co_return fail(std::move(token.error()));
  const SysTime now = world.clock.now();
  SysTime until = *parse_timestamp(text_of(*token, "expiresAt"));
  if (!sso.session.empty() && until - now < kRenewBefore && renewable(*token, now)) {
    auto renewed = co_await renew(world, sso, *token, deadline);
    if (renewed) {
      until = *parse_timestamp(text_of(*renewed, "expiresAt"));
      token = std::move(*renewed);
      const std::string path = sso_token_path(sso, world.environment);
      const std::string text = json::serialize(*token);
      const bool kept =
          co_await run_blocking(world.pool, [&path, &text] { return replace_file(path, text); });
      if (!kept) obs::warn("sso token not kept", {{"path", path}});
    }
  }
  if (until <= now) co_return fail(sign_in_again(sso, "its session has expired"));
  co_return Secret<std::string>(text_of(*token, "accessToken"));
}

Result<Credentials> parse_role_credentials(std::string_view body) {
  const auto document = object_of(body);
  if (!document) return fail(document.error());
  const json::value* found = document->if_contains("roleCredentials");
  if (!found || !found->is_object()) return fail(Errc::corrupt, "no roleCredentials in it");
  const json::object& role = found->get_object();
  const json::value* expiration = role.if_contains("expiration");
  Credentials out;
  out.access_key_id = text_of(role, "accessKeyId");
  out.secret_access_key = Secret<std::string>(text_of(role, "secretAccessKey"));
  out.session_token = Secret<std::string>(text_of(role, "sessionToken"));
  if (out.access_key_id.empty() || out.secret_access_key.reveal().empty() || !expiration ||
      !expiration->is_int64()) {
    return fail(Errc::corrupt, "a member of roleCredentials is missing");
  }
  out.expires_at = from_unix_millis(expiration->get_int64());
  return out;
}

}  // namespace

std::string sso_token_path(const SsoProfile& sso, const config::Environment& environment) {
  const std::string name = sha1_hex(sso.session.empty() ? sso.start_url : sso.session);
  return expand_path("~/.aws/sso/cache/", environment) + name + ".json";
}

Task<Credentials> fetch_sso_credentials(IdentityWorld world, SsoProfile sso, Deadline deadline) {
  auto token = co_await access_token(world, sso, deadline);
  if (!token) co_return fail(std::move(token.error()));
  const auto url = base_url("portal.sso", sso.region, world.environment);
  if (!url) co_return fail(url.error());
  UnsignedCall call{.url = fmt::format("{}/federation/credentials?role_name={}&account_id={}", *url,
                                       percent_encode(sso.role_name, false),
                                       percent_encode(sso.account_id, false)),
                    .attempts = 3,
                    .timeout = milliseconds(10'000)};
  call.headers.set("x-amz-sso_bearer_token", token->reveal());
  const std::string what = "IAM Identity Center's credentials for profile " + sso.profile;
  auto response = co_await send_unsigned(world.client, std::move(call), deadline);
  if (!response) co_return fail(std::move(response.error()).within(what));
  if (response->status == 401) co_return fail(sign_in_again(sso, "its session has ended"));
  if (const auto failure = find_bedrock_error(*response)) {
    co_return fail(to_error(bedrock_errc(*failure), *failure, "GetRoleCredentials",
                            sso.role_name + " of account " + sso.account_id));
  }
  auto got = parse_role_credentials(response->body);
  if (!got) co_return fail(std::move(got.error()).within(what));
  got->source = "IAM Identity Center, profile " + sso.profile;
  co_return got;
}

}  // namespace quarry::aws
