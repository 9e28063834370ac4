#pragma once
// What a job costs: its usage at the price of the way it ran. Pure.

#include "catalog/catalog.h"
#include "spend/job_usage.h"
#include "store/bills.h"
#include "store/rows.h"

#include <cstdint>
#include <string>

namespace quarry::spend {

struct Cost {
  std::int64_t nano_usd = 0;
  bool known = false;  // false: no price or no usage is known; nano_usd is what is known of it, and
                       // nobody may take it for all
};

// model: nullptr when the catalog does not have it (any more). A Bedrock job is paid at the batch
// price, a direct one at the on-demand price (AWS, "Amazon Bedrock pricing").
// What used nothing costs nothing, whatever the price.
Cost cost_of_job(const catalog::Model* model, store::JobKind kind, const JobUsage& used);

// How that cost came about, as it is kept. model_id: Bedrock's, as the deployment names it.
store::JobBill bill_of_job(const catalog::Model* model,
                           store::JobKind kind,
                           const JobUsage& used,
                           std::string model_id);

}  // namespace quarry::spend
