#include "spend/job_cost.h"

namespace quarry::spend {

Cost cost_of_job(const catalog::Model* model, store::JobKind kind, const openai::Usage& usage) {
  if (!model) return {};
  const auto& prices =
      kind == store::JobKind::direct ? model->on_demand_prices : model->batch_prices;
  if (!prices) return {};
  return {catalog::cost_nano_usd(*prices, usage), true};
}

}  // namespace quarry::spend
