#include "aws/container_credentials.h"

#include "aws/credential_document.h"
#include "aws/profile_file.h"
#include "aws/unsigned_call.h"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr std::string_view kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr std::string_view kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr std::string_view kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr std::array<std::string_view, 4> kHosts = {"169.254.170.2", "169.254.170.23",
                                                    "fd00:ec2::23", "localhost"};

// "" where the URL has none, or anything beside a host and a port.
std::string_view host_of(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  if (!url.starts_with(kHttp)) return {};
  url.remove_prefix(kHttp.size());
  const std::string_view authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-:[]") != std::string_view::npos) {
    return {};
  }
  if (!authority.starts_with('[')) return authority.substr(0, authority.find(':'));
  const auto close = authority.find(']');
  if (close == std::string_view::npos) return {};
  const std::string_view after = authority.substr(close + 1);
  return after.empty() || after.front() == ':' ? authority.substr(1, close - 1)
                                               : std::string_view();
}

class ContainerSource final : public CredentialSource {
 public:
  ContainerSource(IdentityWorld world, milliseconds pause)
      : world_(std::move(world)), pause_(pause) {}

  Task<Found> look(Deadline deadline) override {
    UnsignedCall call{.url = url(), .attempts = 3, .timeout = milliseconds(2'000), .pause = pause_};
    if (call.url.empty()) {
      co_return Found::none(fmt::format("neither {} nor {} is set", kRelative, kFull));
    }
    if (auto allowed = check_container_url(call.url); !allowed) {
      co_return fail(std::move(allowed.error()));
    }
    // https may be an endpoint of one's own, far away; the rest answers on this machine.
    call.direct = call.url.starts_with("http://");
    call.headers.set("Accept", "application/json");
    auto token = co_await read_token();
    if (!token) co_return fail(std::move(token.error()));
    if (!token->reveal().empty()) call.headers.set("Authorization", token->reveal());
    auto response = co_await send_unsigned(world_.client, std::move(call), deadline);
    if (!response) co_return fail(std::move(response.error()).within("container credentials"));
    if (response->status != 200) co_return fail(refusal(*response));
    auto got = parse_credentials_document(response->body, "Token");
    if (!got) co_return fail(std::move(got.error()).within("container credentials"));
    got->source = "container";
    co_return Found::some(std::move(*got));
  }

 private:
  std::string url() const {
    const std::string relative = value_of(world_.environment, std::string(kRelative));
    if (!relative.empty()) return "http://169.254.170.2" + relative;
    return value_of(world_.environment, std::string(kFull));
  }

  static Error refusal(const http::ClientResponse& response) {
    const Errc code =
        response.status >= 500 || response.status == 429 ? Errc::unavailable : Errc::forbidden;
    return Error(code, fmt::format("container credentials: HTTP {}; hint: is the task or pod given "
                                   "a role, and is its authorization token the right one?",
                                   response.status));
  }

  Task<Secret<std::string>> read_token() {
    std::string token = value_of(world_.environment, std::string(kToken));
    std::string_view named = kToken;
    const std::string path = value_of(world_.environment, std::string(kTokenFile));
    if (!path.empty()) {
      named = kTokenFile;
      auto text = co_await run_blocking(world_.pool, [&path] { return read_small_file(path); });
      if (!text) co_return fail(std::move(text.error()).within(kTokenFile));
      if (!*text) {
        co_return fail(Errc::forbidden, fmt::format("{}: there is no file {}", kTokenFile, path));
      }
      token = std::move(**text);
    }
    if (token.find_first_of("\r\n") != std::string::npos) {
      co_return fail(
          Errc::forbidden,
          fmt::format("the token of {} has a line end in it, which no header may have", named));
    }
    co_return Secret<std::string>(std::move(token));
  }

  IdentityWorld world_;
  milliseconds pause_;
};

}  // namespace

Result<void> check_container_url(std::string_view url) {
  if (url.starts_with("https://")) return {};
  const std::string_view host = host_of(url);
  boost::system::error_code no_address;
  const auto address = boost::asio::ip::make_address(host, no_address);
  if (!no_address && address.is_loopback()) return {};
  if (std::ranges::find(kHosts, host) != kHosts.end()) return {};
  return fail(Errc::forbidden,
              fmt::format("{}: neither https nor this machine; hint: http is allowed to a loopback "
                          "address and to {}",
                          kFull, fmt::join(kHosts, ", ")));
}

std::shared_ptr<CredentialSource> container_source(IdentityWorld world, milliseconds pause) {
  return std::make_shared<ContainerSource>(std::move(world), pause);
}

}  // namespace quarry::aws
