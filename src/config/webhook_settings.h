#pragma once
// Who hears of the end of a batch.

#include "base/secret.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::config {

// The events there are: "batch.completed" and its kin.
inline constexpr std::string_view kWebhookEvents[] = {"batch.completed", "batch.failed",
                                                      "batch.expired", "batch.cancelled"};

// Hears of every batch.
struct WebhookTarget {
  std::string url;                            // https://… or http://…
  Secret<std::string> secret;                 // "whsec_<base64 of the key>" (Standard Webhooks)
  std::set<std::string, std::less<>> events;  // of kWebhookEvents; empty = all
};

struct WebhookSettings {
  std::vector<WebhookTarget> targets;  // general_settings.webhooks
  // metadata.webhook_url of a batch is called: general_settings.allow_batch_webhooks. Signed with
  // general_settings.webhook_secret, which it needs.
  bool of_batches = false;
  Secret<std::string> secret_of_batches;
  // webhook_allow_private_addresses: also loopback, link-local and private networks.
  bool private_addresses = false;
};

class Section;
struct Findings;

// Of general_settings.
WebhookSettings read_webhooks(Section& general, Findings& findings);

}  // namespace quarry::config
