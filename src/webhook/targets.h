#pragma once
// Who is told of a batch's end, in what words, and signed with what: the settings put to use. Pure,
// and never changed once made: any thread.

#include "base/result.h"
#include "base/secret.h"
#include "config/webhook_settings.h"
#include "openai/objects.h"
#include "store/webhook_store.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::webhook {

class Targets {
 public:
  // Errors: invalid_request: what is wrong with a url or a secret, by its key in the configuration.
  static Result<Targets> of(config::WebhookSettings settings);

  // Of a batch that is being created: whether its metadata.webhook_url, where there is one and it
  // will be called, is one that may be. Errors: invalid_request with OpenAI's param.
  Result<void> check(const std::optional<std::string>& metadata_json) const;

  // store::EndNotices: a row for each receiver that wants this event.
  std::vector<store::WebhookRow> notices(const store::BatchRow& batch,
                                         openai::BatchStatus status,
                                         std::int64_t now_ms) const;

  // What the event is signed with; nullptr: the configuration names this receiver no more.
  const Secret<std::string>* key_for(const store::WebhookRow& webhook) const;

  bool private_addresses() const { return settings_.private_addresses; }

 private:
  struct Target {
    std::string receiver;
    Secret<std::string> key;
  };

  Targets() = default;
  // The batch's own; nullopt: there is none that is to be called.
  std::optional<std::string> url_of_batch(const std::optional<std::string>& metadata_json) const;

  config::WebhookSettings settings_;
  std::vector<Target> targets_;  // as settings_.targets
  std::optional<Secret<std::string>> key_of_batches_;
};

}  // namespace quarry::webhook
