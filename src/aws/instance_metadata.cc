#include "aws/instance_metadata.h"

#include "aws/credential_document.h"
#include "aws/profile_file.h"
#include "aws/retry.h"
#include "aws/unsigned_call.h"
#include "obs/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::string_view kRoles = "/latest/meta-data/iam/security-credentials/";

bool is_true(const config::Environment& environment, const std::string& name) {
  const std::string value = value_of(environment, name);
  return http::equal_ignoring_case(value, "true");
}

int number_of(const config::Environment& environment, const std::string& name, int otherwise) {
  const std::string text = value_of(environment, name);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 1 && value <= 60 ? value : otherwise;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

class InstanceMetadataSource final : public CredentialSource {
 public:
  explicit InstanceMetadataSource(IdentityWorld world)
      : world_(std::move(world)), url_(instance_metadata_url(world_.environment)) {}

  Task<Found> look(Deadline deadline) override {
    if (is_true(world_.environment, "AWS_EC2_METADATA_DISABLED")) {
      co_return Found::none("AWS_EC2_METADATA_DISABLED is true");
    }
    http::Headers headers;
    auto token = co_await fetch_token(deadline);
    if (!token) co_return fail(std::move(token.error()));
    if (!token->reveal().empty()) {
      headers.set("x-aws-ec2-metadata-token", token->reveal());
    } else if (is_true(world_.environment, "AWS_EC2_METADATA_V1_DISABLED")) {
      co_return Found::none(url_ + " gives no token, and AWS_EC2_METADATA_V1_DISABLED is true");
    }
    auto roles = co_await fetch(std::string(kRoles), headers, deadline);
    if (!roles) co_return absent("", roles.error());
    const std::string role(first_line(*roles));
    if (role.empty()) co_return Found::none(url_ + " names no role");
    auto document = co_await fetch(std::string(kRoles) + role, headers, deadline);
    if (!document) co_return absent(role, document.error());
    auto got = parse_credentials_document(*document, "Token");
    if (!got || !got->expires_at) {
      const std::string why = got ? "no Expiration in it" : got.error().message();
      co_return Found::none(fmt::format("{} gives nothing for role {}: {}", url_, role, why));
    }
    got->source = "instance metadata";
    co_return settle(std::move(*got));
  }

 private:
  // "" where this service has none to give.
  Task<Secret<std::string>> fetch_token(Deadline deadline) {
    UnsignedCall call = call_of("PUT", "/latest/api/token");
    call.headers.set("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    auto response = co_await send_unsigned(world_.client, std::move(call), deadline);
    if (response && response->status == 400) {
      co_return fail(Errc::upstream, url_ + " takes no request for a token: HTTP 400");
    }
    const bool given = response && response->status == 200;
    co_return Secret<std::string>(given ? std::string(first_line(response->body)) : std::string());
  }

  Task<std::string> fetch(std::string path, http::Headers headers, Deadline deadline) {
    UnsignedCall call = call_of("GET", path);
    call.headers = std::move(headers);
    auto response = co_await send_unsigned(world_.client, std::move(call), deadline);
    if (!response) co_return fail(std::move(response.error()));
    if (response->status != 200) {
      co_return fail(Errc::not_found, fmt::format("HTTP {}", response->status));
    }
    co_return std::move(response->body);
  }

  UnsignedCall call_of(std::string method, const std::string& path) const {
    const config::Environment& environment = world_.environment;
    return {
        .method = std::move(method),
        .url = url_ + path,
        .headers = {},
        .body = {},
        .direct = true,
        .attempts = number_of(environment, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1),
        .timeout = std::chrono::seconds(number_of(environment, "AWS_METADATA_SERVICE_TIMEOUT", 1)),
        .pause = milliseconds(0)};
  }

  Found absent(const std::string& role, const Error& why) const {
    return Found::none(
        role.empty()
            ? fmt::format("instance metadata at {}: {}", url_, why.message())
            : fmt::format("instance metadata at {}, role {}: {}", url_, role, why.message()));
  }

  // A service in trouble gives old ones, and AWS takes them: they are asked for again in a while.
  Found settle(Credentials got) const {
    const SysTime now = world_.clock.now();
    if (*got.expires_at <= now) {
      const auto more = minutes(15) + minutes(2) +
                        std::chrono::duration_cast<milliseconds>(minutes(8) * random_jitter()());
      obs::warn("instance metadata gave expired credentials; they are used on",
                {{"expired", iso8601(*got.expires_at)}});
      got.expires_at = now + more;
    }
    Found found = Found::some(std::move(got));
    found.stable = true;
    return found;
  }

  IdentityWorld world_;
  std::string url_;
};

}  // namespace

std::string instance_metadata_url(const config::Environment& environment) {
  std::string url = value_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty()) return url;
  const std::string mode = value_of(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  return http::equal_ignoring_case(mode, "ipv6") ? "http://[fd00:ec2::254]"
                                                 : "http://169.254.169.254";
}

std::shared_ptr<CredentialSource> instance_metadata_source(IdentityWorld world) {
  return std::make_shared<InstanceMetadataSource>(std::move(world));
}

}  // namespace quarry::aws
