#include "access/authenticator.h"

#include "access/grants.h"
#include "base/bytes.h"
#include "http/message.h"

#include <fmt/format.h>

#include <utility>

namespace quarry::access {
namespace {

// One tenant as long as there is one key: what was uploaded before a key was set stays reachable
// after.
constexpr std::string_view kMasterOwner = "master";

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

std::unexpected<Error> refused(std::string reason, std::string message) {
  return fail(Error(Errc::forbidden, std::move(message)).reason(std::move(reason)));
}

}  // namespace

std::string redacted(std::string_view key) {
  if (key.size() < 12) return "***";
  return fmt::format("{}...{}", key.substr(0, 3), key.substr(key.size() - 4));
}

Authenticator::Authenticator(const std::optional<Secret<std::string>>& master_key,
                             KeyDirectory& keys,
                             const Clock& clock,
                             std::string key_hint)
    : keys_(keys), clock_(clock), key_hint_(std::move(key_hint)) {
  if (key_hint_.empty()) {
    key_hint_ =
        "it may have been deleted or mistyped; ask who gave it to you. An administrator's is "
        "general_settings.master_key of the server's configuration";
  }
  if (master_key) master_digest_ = sha256_hex(master_key->reveal());
}

bool Authenticator::is_master(std::string_view key_hash) const {
  return master_digest_ && equal_constant_time(key_hash, *master_digest_);
}

Task<Caller> Authenticator::authenticate(std::optional<std::string_view> authorization,
                                         std::optional<std::string_view> api_key) {
  const Caller master{.by = {.owner = std::string(kMasterOwner)}, .key = nullptr};
  if (open()) co_return master;
  std::optional<std::string_view> text = authorization ? bearer(*authorization) : std::nullopt;
  if (!text) text = api_key;
  if (!text || text->empty()) {
    co_return refused(
        "",
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).");
  }
  std::string hash = sha256_hex(*text);
  if (is_master(hash)) co_return master;
  if (text->starts_with(kKeyPrefix) && text->size() >= kKeyBytesLeast) {
    auto key = co_await keys_.find(std::move(hash));
    if (!key) co_return fail(std::move(key.error()));
    if (*key) co_return check(std::move(*key));
  }
  co_return refused("invalid_api_key", fmt::format("Incorrect API key provided: {}. hint: {}.",
                                                   redacted(*text), key_hint_));
}

Result<Caller> Authenticator::check(std::shared_ptr<const Key> key) const {
  if (key->grant.blocked) {
    return refused("key_blocked",
                   fmt::format("The API key {} is blocked. hint: an administrator unblocks it with "
                               "/key/unblock.",
                               key->name));
  }
  if (key->team && key->team->grant.blocked) {
    return refused("team_blocked",
                   fmt::format("The team '{}' of the API key {} is blocked. hint: an administrator "
                               "unblocks it with /team/unblock.",
                               key->team->id, key->name));
  }
  if (key->expires_at && *key->expires_at <= unix_seconds(clock_.now())) {
    return refused("expired_key",
                   fmt::format("The API key {} expired at {}.", key->name,
                               iso8601(SysTime(std::chrono::seconds(*key->expires_at)))));
  }
  Caller caller{.by = ownership_of(*key), .key = nullptr};
  caller.key = std::move(key);
  return caller;
}

}  // namespace quarry::access
