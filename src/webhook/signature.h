#pragma once
// How a receiver knows that an event is ours: Standard Webhooks' symmetric signature, as OpenAI's
// webhooks have it, so that their SDKs' webhooks.unwrap() takes ours. Pure.
//
// Source: the Standard Webhooks specification 1.0, "Signature scheme" and "Symmetric signatures".

#include "base/secret.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::webhook {

// The key that "whsec_<base64>" stands for. nullopt: it is not that.
std::optional<Secret<std::string>> signing_key(const Secret<std::string>& secret);

// The value of webhook-signature: "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".
// timestamp: Unix seconds, of the attempt: receivers refuse what is older than five minutes.
std::string signature(const Secret<std::string>& key,
                      std::string_view id,
                      std::int64_t timestamp,
                      std::string_view body);

}  // namespace quarry::webhook
