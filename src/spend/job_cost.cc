#include "spend/job_cost.h"

namespace quarry::spend {

Cost cost_of_job(const catalog::Model* model, store::JobKind kind, const JobUsage& used) {
  if (!model) return {};
  const auto& prices =
      kind == store::JobKind::direct ? model->on_demand_prices : model->batch_prices;
  if (!prices) return {};
  return {catalog::cost_nano_usd(*prices, used.usage), used.known};
}

}  // namespace quarry::spend
