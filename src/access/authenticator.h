#pragma once
// Who is calling: the master key, a virtual key, or anybody where no master key is set: an open
// server, which listens on loopback only.

#include "access/caller.h"
#include "access/key_directory.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/task.h"

#include <optional>
#include <string>
#include <string_view>

namespace quarry::access {

// "sk-" and more: of what does not look like a key, the database is not asked.
inline constexpr std::string_view kKeyPrefix = "sk-";
inline constexpr std::size_t kKeyBytesLeast = 20;

// "sk-...1a2b": a key as it may be shown.
std::string redacted(std::string_view key);

// Loop thread. What it is given outlives it.
class Authenticator {
 public:
  // key_hint: where the key is to be found, for whoever sends a wrong one; "" = the configuration.
  Authenticator(const std::optional<Secret<std::string>>& master_key,
                KeyDirectory& keys,
                const Clock& clock,
                std::string key_hint = "");

  // authorization: the header's value, nullopt when absent; api_key: Azure-style clients' header;
  // both live until it is done. Keys are compared and looked up as SHA-256 digests, the master key
  // in constant time, and never appear whole in an error. Errors: forbidden, reason "" (none
  // given), "invalid_api_key", "expired_key", "key_blocked" or "team_blocked"; unavailable (the
  // database does not answer).
  Task<Caller> authenticate(std::optional<std::string_view> authorization,
                            std::optional<std::string_view> api_key);
  bool open() const { return !master_digest_; }
  bool is_master(std::string_view key_hash) const;

 private:
  Result<Caller> check(std::shared_ptr<const Key> key) const;

  std::optional<std::string> master_digest_;
  KeyDirectory& keys_;
  const Clock& clock_;
  std::string key_hint_;
};

}  // namespace quarry::access
