#include "access/authenticator.h"

#include "base/bytes.h"
#include "http/message.h"

#include <fmt/format.h>

#include <utility>

namespace quarry::access {
namespace {

// One tenant as long as there is one key: what was uploaded before a key was set stays reachable
// after.
constexpr std::string_view kMasterOwner = "master";

std::string redacted(std::string_view key) {
  if (key.size() < 12) return "***";
  return fmt::format("{}...{}", key.substr(0, 3), key.substr(key.size() - 4));
}

std::optional<std::string_view> bearer(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() ||
      !http::equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  return authorization;
}

}  // namespace

Authenticator::Authenticator(const std::optional<Secret<std::string>>& master_key,
                             std::string key_hint)
    : key_hint_(std::move(key_hint)) {
  if (key_hint_.empty()) {
    key_hint_ = "use the key that general_settings.master_key of the server's configuration names";
  }
  if (master_key) master_digest_ = sha256_hex(master_key->reveal());
}

Result<Caller> Authenticator::authenticate(std::optional<std::string_view> authorization,
                                           std::optional<std::string_view> api_key) const {
  Caller master{.by = {.owner = std::string(kMasterOwner)}};
  if (!master_digest_) return master;
  std::optional<std::string_view> key = authorization ? bearer(*authorization) : std::nullopt;
  if (!key) key = api_key;
  if (!key || key->empty()) {
    return fail(
        Errc::forbidden,
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
  }
  if (!equal_constant_time(sha256_hex(*key), *master_digest_)) {
    return fail(Error(Errc::forbidden, fmt::format("Incorrect API key provided: {}. hint: {}.",
                                                   redacted(*key), key_hint_))
                    .reason("invalid_api_key"));
  }
  return master;
}

}  // namespace quarry::access
