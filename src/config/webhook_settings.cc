#include "config/webhook_settings.h"

#include "base/bytes.h"
#include "config/section.h"
#include "config/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace quarry::config {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";

// Its shape. Which hosts may be called, and how they may be written, is webhook/target_url.h's to
// say.
Complaint check_url(std::string_view url) {
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return "must begin with https:// or http://";
  }
  return check_name(url);
}

// The secret is not repeated in what is complained of it.
Secret<std::string> read_secret(Section& section, std::string_view key) {
  constexpr std::size_t kLeast = 32;  // base64 characters: 24 bytes, the least the standard allows
  auto secret = section.text(key);
  if (!secret) return {};
  const std::string_view text = *secret;
  if (!text.starts_with(kSecretPrefix) || !base64_decode(text.substr(kSecretPrefix.size()))) {
    section.complain(key,
                     "must be whsec_ and the base64 of a key of 24 to 64 bytes; hint: "
                     "echo \"whsec_$(openssl rand -base64 32)\"");
  } else if (text.size() < kSecretPrefix.size() + kLeast) {
    section.complain(key,
                     "is too short: the base64 after whsec_ must be of at least 24 bytes; hint: "
                     "echo \"whsec_$(openssl rand -base64 32)\"");
  }
  return Secret<std::string>(std::move(*secret));
}

WebhookTarget read_target(Section section) {
  WebhookTarget target;
  if (!section.has("url")) section.complain("url", "is required");
  target.url = section.checked_text("url", check_url).value_or("");
  if (!section.has("secret")) section.complain("secret", "is required: events are signed with it");
  target.secret = read_secret(section, "secret");
  for (const std::string& event : section.texts("events")) {
    if (std::ranges::find(kWebhookEvents, event) == std::end(kWebhookEvents)) {
      section.complain("events", fmt::format("there is no event '{}'; hint: there are {}", event,
                                             fmt::join(kWebhookEvents, ", ")));
    }
    target.events.insert(event);
  }
  section.leftovers();
  return target;
}

}  // namespace

WebhookSettings read_webhooks(Section& general, Findings& findings) {
  WebhookSettings webhooks;
  const std::vector<YAML::Node> entries = general.list("webhooks");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    webhooks.targets.push_back(read_target(
        Section(entries[i], Place::webhook, general.path_of("webhooks") + fmt::format("[{}]", i),
                yaml_line(entries[i], general.line_of("webhooks")), findings)));
  }
  webhooks.of_batches = general.boolean("allow_batch_webhooks").value_or(false);
  webhooks.secret_of_batches = read_secret(general, "webhook_secret");
  if (webhooks.of_batches && !general.has("webhook_secret")) {
    general.complain("allow_batch_webhooks",
                     "needs webhook_secret, which the events are signed with");
  }
  webhooks.private_addresses = general.boolean("webhook_allow_private_addresses").value_or(false);
  return webhooks;
}

}  // namespace quarry::config
