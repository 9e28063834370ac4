#include "webhook/signature.h"

#include "base/bytes.h"

#include <fmt/format.h>

#include <utility>

namespace quarry::webhook {

std::optional<Secret<std::string>> signing_key(const Secret<std::string>& secret) {
  constexpr std::string_view kPrefix = "whsec_";
  const std::string_view text = secret.reveal();
  if (!text.starts_with(kPrefix)) return std::nullopt;
  auto key = base64_decode(text.substr(kPrefix.size()));
  if (!key || key->empty()) return std::nullopt;
  return Secret<std::string>(*std::move(key));
}

std::string signature(const Secret<std::string>& key,
                      std::string_view id,
                      std::int64_t timestamp,
                      std::string_view body) {
  const std::string content = fmt::format("{}.{}.{}", id, timestamp, body);
  return "v1," + base64(hmac_sha256(as_bytes(key.reveal()), as_bytes(content)));
}

}  // namespace quarry::webhook
