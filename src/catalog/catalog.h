#pragma once
// What is known of Bedrock's models: family, what they take, limits, prices. Data:
// data/models.yaml, compiled in, and what config.yaml adds to it. Pure.

#include "openai/batch_line.h"
#include "openai/usage.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::catalog {

// Pico-dollars per token: 1 USD per million tokens = 1,000,000. Integers, so that every published
// price (0.0175 USD per million, say) and every sum of them is exact.
struct Prices {
  std::int64_t input_pico_usd = 0;
  std::int64_t output_pico_usd = 0;
  std::int64_t cache_read_pico_usd = 0;
  std::int64_t cache_write_pico_usd = 0;
  bool operator==(const Prices&) const = default;
};

// What a model reads beside text.
struct Inputs {
  bool image = false;
  bool document = false;  // PDF
  bool audio = false;
  bool video = false;
};

// How a model is told to think before it answers.
enum class Reasoning {
  none,
  budget,    // a number of tokens: Claude 3.7 to 4.5
  adaptive,  // as much as it finds right, with an effort: Claude 4.6 and later
  effort,    // low, medium, high: gpt-oss, Nova 2
  always,    // it does, and cannot be told: DeepSeek R1
};

struct Model {
  std::string id;  // without an inference profile's prefix: anthropic.claude-3-haiku-20240307-v1:0
  std::string family;   // the translator's name: "anthropic", "llama", … "converse"
  std::string variant;  // what a family tells apart: llama "3.1", mistral "prompt"; "" = none
  std::vector<openai::Endpoint> endpoints;  // that it can answer
  Inputs inputs;
  bool tools = false;
  bool json_schema = false;  // structured output
  bool system = true;        // takes system messages
  Reasoning reasoning = Reasoning::none;
  std::int64_t context_tokens_max = 0;  // 0 = not known
  std::int64_t output_tokens_max = 0;   // the ceiling of max_tokens; 0 = not known
  // Where InvokeModel takes no more of it, whatever Converse does; 0 = it takes as much.
  std::int64_t native_output_tokens_max = 0;
  std::vector<std::string> refuses;   // parameters by OpenAI's names: "temperature", "stop"
  bool temperature_or_top_p = false;  // refuses both together
  bool no_prefill = false;            // refuses a last message of the assistant
  std::vector<std::int64_t>
      dimensions;  // of an embedding, that may be asked for; the first is the default

  bool batch = false;                 // can run as a batch inference job
  std::vector<std::string> profiles;  // prefixes it must be called by: "us", "global"; "" = its
                                      // bare id; empty = not known
  std::vector<std::string> batch_regions;  // empty = not known

  // find() gives the prices of what it was asked for: a regional model or profile may cost more
  // than global.
  std::optional<Prices> batch_prices;
  std::optional<Prices> on_demand_prices;
  std::string price_source;
  std::string price_date;  // 2026-08-31

  bool answers(openai::Endpoint endpoint) const;
  bool refuses_parameter(std::string_view name) const;
};

// The built-in catalog's families, sorted: the translators' names.
std::span<const std::string_view> families();
// What a model of `family` is taken for where nothing more is known of it: endpoints, the most
// likely variant, and the features that all models of the family have. Not a batch model, no
// prices, no limits but InvokeModel's. Throws std::invalid_argument where there is no such family.
Model model_of_family(std::string_view family);

// Bad data. what() names the model and the key.
struct DataError : std::runtime_error {
  DataError(int at_line, std::string at_key, const std::string& message)
      : std::runtime_error(message), line(at_line), key(std::move(at_key)) {}
  int line;         // in the text, 1-based; 0 when not known
  std::string key;  // "models[3].batch_prices.input"
};

class Catalog {
 public:
  // The compiled-in data. Throws on bad data: a bug.
  static const Catalog& built_in();
  // The text of a data/models.yaml, or only its list of models; the built-in families are known
  // beside its own. Throws DataError on bad data.
  static Catalog parse(std::string_view yaml);
  // This catalog with the entries of `yaml` (a data/models.yaml, or only its list) laid over it: an
  // entry whose id is known overrides the keys that it gives, any other is added. A price that it
  // gives holds for every profile, unless it gives premium_percent or profile_prices too. Throws as
  // parse().
  Catalog extended(std::string_view yaml) const;

  // `model_id` as configured: a model id, an inference profile id (us., eu., apac., global., …) or
  // an ARN of either, in any partition. A context suffix (":48k") is passed over; a version suffix
  // ("-v1:0", ":0") may be there or missing, if that leaves no doubt which model is meant. nullptr
  // when not known; so is an application-inference-profile, whose ARN does not say its model,
  // unless an entry's id is that ARN. Valid as long as this catalog or a copy of it lives.
  const Model* find(std::string_view model_id) const;
  // At the prices of global profiles.
  const std::vector<Model>& models() const;
  // As the free functions; valid as models() is.
  std::vector<std::string_view> families() const;
  std::optional<Model> model_of_family(std::string_view family) const;

 private:
  struct Tables;
  explicit Catalog(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}
  std::shared_ptr<const Tables> tables_;
};

// Nano-dollars, rounded once, to the nearest: give it the usage of a whole job. Cached tokens at
// their own price, the rest of the input at the input price.
std::int64_t cost_nano_usd(const Prices& prices, const openai::Usage& usage);

}  // namespace quarry::catalog
