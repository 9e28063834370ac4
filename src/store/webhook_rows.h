#pragma once
// For this room's .cc files only: notices of a batch's end, written in the transaction that ends
// it.

#include "store/webhook_store.h"

#include <soci/soci.h>

#include <vector>

namespace quarry::store {

// Due at once. A second notice of the same event to the same url is left out.
void insert_webhooks(soci::session& sql, const std::vector<WebhookRow>& webhooks);

}  // namespace quarry::store
