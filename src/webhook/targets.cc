#include "webhook/targets.h"

#include "base/ids.h"
#include "json/write.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "webhook/signature.h"
#include "webhook/target_url.h"
#include <utility>

namespace quarry::webhook {
namespace {

constexpr std::string_view kMetadataKey = "webhook_url";

// OpenAI's event: API reference, "Webhook events", "batch.completed" and its kin.
std::string event_body(std::string_view event_id,
                       std::string_view type,
                       const BatchId& batch,
                       std::int64_t created_at) {
  std::string body;
  json::append_all(body, R"({"id":")", event_id, R"(","object":"event","created_at":)",
                   json::Digits(created_at), R"(,"type":")", type, R"(","data":{"id":)");
  json::append_string(body, batch.value);
  body += "}}";
  return body;
}

}  // namespace

Result<Targets> Targets::of(config::WebhookSettings settings) {
  Targets made;
  const UrlRules rules{.http = true, .private_addresses = settings.private_addresses};
  for (std::size_t i = 0; i < settings.targets.size(); ++i) {
    const std::string path = fmt::format("general_settings.webhooks[{}]", i);
    auto receiver = check_target_url(settings.targets[i].url, rules);
    if (!receiver) {
      return fail(Errc::invalid_request,
                  fmt::format("{}.url {}", path, receiver.error().message()));
    }
    auto key = signing_key(settings.targets[i].secret);
    if (!key) {
      return fail(Errc::invalid_request,
                  path + ".secret must be whsec_ and the base64, with its padding, of a key");
    }
    for (std::size_t before = 0; before < i; ++before) {
      if (settings.targets[before].url == settings.targets[i].url) {
        return fail(Errc::invalid_request,
                    fmt::format("{}.url is that of webhooks[{}] too; hint: give both their events "
                                "in one entry",
                                path, before));
      }
    }
    made.targets_.push_back({*std::move(receiver), *std::move(key)});
  }
  if (settings.of_batches) {
    made.key_of_batches_ = signing_key(settings.secret_of_batches);
    if (!made.key_of_batches_) {
      return fail(
          Errc::invalid_request,
          "general_settings.webhook_secret must be whsec_ and the base64, with its padding, "
          "of a key");
    }
  }
  made.settings_ = std::move(settings);
  return made;
}

std::optional<std::string> Targets::url_of_batch(
    const std::optional<std::string>& metadata_json) const {
  if (!settings_.of_batches || !metadata_json) return std::nullopt;
  boost::system::error_code broken;
  const boost::json::value metadata = boost::json::parse(*metadata_json, broken);
  const boost::json::object* members = broken ? nullptr : metadata.if_object();
  const boost::json::value* url = members ? members->if_contains(kMetadataKey) : nullptr;
  if (!url || !url->is_string()) return std::nullopt;
  return std::string(std::string_view(url->get_string()));
}

Result<void> Targets::check(const std::optional<std::string>& metadata_json) const {
  const auto url = url_of_batch(metadata_json);
  if (!url) return {};
  auto receiver =
      check_target_url(*url, {.http = false, .private_addresses = settings_.private_addresses});
  if (receiver) return {};
  return fail(Error(Errc::invalid_request, fmt::format("Invalid 'metadata.{}': it {}.",
                                                       kMetadataKey, receiver.error().message()))
                  .reason("invalid_value")
                  .param(fmt::format("metadata.{}", kMetadataKey)));
}

std::vector<store::WebhookRow> Targets::notices(const store::BatchRow& batch,
                                                openai::BatchStatus status,
                                                std::int64_t now_ms) const {
  std::vector<store::WebhookRow> rows;
  const std::string type = fmt::format("batch.{}", openai::name(status));
  const std::string body = event_body("evt_" + random_hex128(), type, batch.id, now_ms / 1000);
  const auto add = [&](const std::string& url, const std::string& receiver, bool of_batch) {
    store::WebhookRow row;
    row.id = "wh_" + random_hex128();
    row.batch_id = batch.id;
    row.event_type = type;
    row.url = url;
    row.receiver = receiver;
    row.of_batch = of_batch;
    row.body = body;
    row.created_ms = now_ms;
    rows.push_back(std::move(row));
  };
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const config::WebhookTarget& target = settings_.targets[i];
    if (target.events.empty() || target.events.contains(type)) {
      add(target.url, targets_[i].receiver, false);
    }
  }
  if (const auto url = url_of_batch(batch.object.metadata_json)) {
    const auto receiver =
        check_target_url(*url, {.http = false, .private_addresses = settings_.private_addresses});
    // One that was taken while it was plain metadata, or while more was allowed, is called no more.
    if (receiver) add(*url, *receiver, true);
  }
  return rows;
}

const Secret<std::string>* Targets::key_for(const store::WebhookRow& webhook) const {
  if (webhook.of_batch) return key_of_batches_ ? &*key_of_batches_ : nullptr;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    if (settings_.targets[i].url == webhook.url) return &targets_[i].key;
  }
  return nullptr;
}

}  // namespace quarry::webhook
