#pragma once
// Who is calling. Now one master key, or none: an open server, which listens on loopback only.

#include "access/caller.h"
#include "base/result.h"
#include "config/settings.h"

#include <optional>
#include <string>
#include <string_view>

namespace quarry::access {

class Authenticator {
 public:
  // key_hint: where the key is to be found, for whoever sends a wrong one; "" = the configuration.
  explicit Authenticator(const std::optional<Secret<std::string>>& master_key,
                         std::string key_hint = "");

  // authorization: the header's value, nullopt when absent; api_key: Azure-style clients' header.
  // Keys are compared as SHA-256 digests in constant time, and never appear whole in an error.
  // Errors: forbidden, reason "" (none given) or "invalid_api_key".
  Result<Caller> authenticate(std::optional<std::string_view> authorization,
                              std::optional<std::string_view> api_key) const;
  bool open() const { return !master_digest_; }

 private:
  std::optional<std::string> master_digest_;
  std::string key_hint_;
};

}  // namespace quarry::access
