#pragma once
// What each job cost, as it is kept: the ledger is the sum of these rows. Money is integer
// nano-dollars.

#include "openai/usage.h"
#include "store/rows.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

// Pico-dollars per token, as they were when the job was paid; nullopt: no price was known.
struct PriceOfJob {
  std::int64_t input_pico_usd = 0, output_pico_usd = 0;
  std::int64_t cache_read_pico_usd = 0, cache_write_pico_usd = 0;

  bool operator==(const PriceOfJob&) const = default;
};

// What a job's collection knows of its cost beside the usage and the sum (BatchStore::Collected).
struct JobBill {
  std::string model_id;  // Bedrock's
  std::int64_t input_nano_usd = 0,
               output_nano_usd = 0;  // their sum is the cost, to the last nano-dollar
  std::optional<PriceOfJob> price;   // nullopt: unpriced
  std::string price_source;          // "config.yaml", or where the catalog has it from
  std::string price_date;            // "2026-08-31"; "" = not known
  bool from_manifest = false;        // some of the usage is by AWS's count alone
  bool manifest_differs = false;     // AWS counted otherwise than the answers say
};

// Sums over jobs. A cost that is not known is not within cost_nano_usd, or only a part of it is:
// unknown_jobs > 0 says that the sum is not all.
struct Spent {
  std::int64_t batches = 0, jobs = 0;
  openai::Usage usage;
  std::int64_t input_nano_usd = 0, output_nano_usd = 0, cost_nano_usd = 0;
  std::int64_t unknown_jobs = 0;   // no price, or no usage
  std::int64_t unpriced_jobs = 0;  // of them: no price
  std::int64_t from_manifest_jobs = 0, manifest_differs_jobs = 0;
  std::int64_t completed = 0, failed = 0;  // lines
};

// Jobs of a batch that ran in the same way at the same price.
struct BillRow {
  std::string model_name, model_id, deployment_id;
  JobKind kind = JobKind::bedrock;
  Spent spent;
  std::optional<PriceOfJob> price;
  std::string price_source, price_date;
};

}  // namespace quarry::store
