#pragma once
// What a job costs: its usage at the price of the way it ran. Pure.

#include "catalog/catalog.h"
#include "openai/usage.h"
#include "store/rows.h"

#include <cstdint>

namespace quarry::spend {

struct Cost {
  std::int64_t nano_usd = 0;
  bool known = false;  // false: no price is known, and nobody may take the 0 for "free"
};

// model: nullptr when the catalog does not have it (any more). A Bedrock job is paid at the batch
// price, a direct one at the on-demand price (AWS, "Amazon Bedrock pricing").
Cost cost_of_job(const catalog::Model* model, store::JobKind kind, const openai::Usage& usage);

}  // namespace quarry::spend
