#pragma once
// What is known of Bedrock's models: family, limits, prices. Data: data/models.yaml, compiled in.
// Pure.

#include "openai/usage.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::catalog {

enum class Family { anthropic };  // grows with the translators

// Nano-dollars per token: 1 USD per million tokens = 1,000. Integers, so that sums are exact.
struct Prices {
  std::int64_t input_nano_usd = 0;
  std::int64_t output_nano_usd = 0;
  std::int64_t cache_read_nano_usd = 0;
  std::int64_t cache_write_nano_usd = 0;
};

struct Model {
  std::string id;  // without an inference profile's prefix: anthropic.claude-3-haiku-20240307-v1:0
  Family family = Family::anthropic;
  std::int64_t output_tokens_max = 0;  // the ceiling of max_tokens; 0 = not known
  bool temperature_or_top_p = false;   // refuses both together
  bool no_sampling = false;            // refuses temperature, top_p and top_k
  bool no_prefill = false;             // refuses a last message of the assistant
  bool batch = false;                  // can run as a batch inference job
  // find() gives the prices of what it was asked for: a regional model or profile may cost more
  // than global.
  std::optional<Prices> batch_prices;
  std::optional<Prices> on_demand_prices;
};

class Catalog {
 public:
  // The compiled-in data. Throws on bad data: a bug.
  static const Catalog& built_in();
  // The text of a data/models.yaml. Throws std::runtime_error naming the model on bad data.
  static Catalog parse(std::string_view yaml);
  // `model_id` as configured: a model id, an inference profile id (us., eu., apac., global., …) or
  // an ARN of either. nullptr when not known; so is an application-inference-profile, whose ARN
  // does not say its model.
  const Model* find(std::string_view model_id) const;
  // At the prices of global profiles.
  const std::vector<Model>& models() const { return models_; }

 private:
  std::vector<Model> models_;    // at global prices
  std::vector<Model> regional_;  // the same, at regional prices
};

// Nano-dollars. cached tokens at their own price, the rest of the input at the input price.
std::int64_t cost_nano_usd(const Prices& prices, const openai::Usage& usage);

}  // namespace quarry::catalog
