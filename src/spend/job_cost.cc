#include "spend/job_cost.h"

#include <algorithm>
#include <utility>

namespace quarry::spend {
namespace {

const std::optional<catalog::Prices>& prices_of(const catalog::Model* model, store::JobKind kind) {
  static const std::optional<catalog::Prices> kNone;
  if (!model) return kNone;
  return kind == store::JobKind::direct ? model->on_demand_prices : model->batch_prices;
}

}  // namespace

Cost cost_of_job(const catalog::Model* model, store::JobKind kind, const JobUsage& used) {
  if (used.known && used.usage == openai::Usage{}) return {0, true};
  const auto& prices = prices_of(model, kind);
  if (!prices) return {};
  return {catalog::cost_nano_usd(*prices, used.usage), used.known};
}

store::JobBill bill_of_job(const catalog::Model* model,
                           store::JobKind kind,
                           const JobUsage& used,
                           std::string model_id) {
  store::JobBill bill{.model_id = std::move(model_id),
                      .from_manifest = used.from_manifest,
                      .manifest_differs = used.differs};
  const auto& prices = prices_of(model, kind);
  if (!prices) return bill;
  bill.price = {prices->input_pico_usd, prices->output_pico_usd, prices->cache_read_pico_usd,
                prices->cache_write_pico_usd};
  bill.price_source = model->price_source;
  bill.price_date = model->price_date;
  // The sum is rounded once, so that one of the two parts has the rest.
  const std::int64_t sum = catalog::cost_nano_usd(*prices, used.usage);
  const openai::Usage answers{.output_tokens = used.usage.output_tokens};
  bill.output_nano_usd = std::min(sum, catalog::cost_nano_usd(*prices, answers));
  bill.input_nano_usd = sum - bill.output_nano_usd;
  return bill;
}

}  // namespace quarry::spend
