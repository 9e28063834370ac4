// Reads data/models.yaml and the models section of config.yaml, strictly: what is not understood is
// an error, because a misspelt price would be no price.
#include "catalog/entries.h"

#include "catalog/families.h"
#include "catalog/prices.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace quarry::catalog {
namespace {

using std::string_view;

constexpr auto kKeys = std::to_array<string_view>({"id",
                                                   "family",
                                                   "variant",
                                                   "endpoints",
                                                   "inputs",
                                                   "tools",
                                                   "json_schema",
                                                   "system",
                                                   "reasoning",
                                                   "context_tokens_max",
                                                   "output_tokens_max",
                                                   "refuses",
                                                   "temperature_or_top_p",
                                                   "no_prefill",
                                                   "dimensions",
                                                   "batch",
                                                   "profiles",
                                                   "batch_regions",
                                                   "on_demand",
                                                   "batch_prices",
                                                   "premium_percent",
                                                   "profile_prices",
                                                   "source",
                                                   "as_of"});
constexpr auto kPriceKeys =
    std::to_array<string_view>({"input", "output", "cache_read", "cache_write"});
constexpr auto kProfilePriceKeys = std::to_array<string_view>({"on_demand", "batch_prices"});
constexpr int kPremiumPercentMax = 100;
constexpr std::int64_t kTokensMax = 1'000'000'000;
constexpr std::int64_t kDimensionMax = 100'000;

constexpr auto kReasoning =
    std::to_array<std::pair<string_view, Reasoning>>({{"none", Reasoning::none},
                                                      {"budget", Reasoning::budget},
                                                      {"adaptive", Reasoning::adaptive},
                                                      {"effort", Reasoning::effort},
                                                      {"always", Reasoning::always}});
constexpr auto kEndpoints = std::to_array<std::pair<string_view, openai::Endpoint>>(
    {{"chat_completions", openai::Endpoint::chat_completions},
     {"completions", openai::Endpoint::completions},
     {"responses", openai::Endpoint::responses},
     {"embeddings", openai::Endpoint::embeddings}});
constexpr auto kInputs =
    std::to_array<std::pair<string_view, bool Inputs::*>>({{"image", &Inputs::image},
                                                           {"document", &Inputs::document},
                                                           {"audio", &Inputs::audio},
                                                           {"video", &Inputs::video}});

template <class Range>
std::string listed(const Range& words) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text.append(", ");
    text.append(word.empty() ? "\"\"" : string_view(word));
  }
  return text;
}

template <class Value, std::size_t size>
std::string words_of(const std::array<std::pair<string_view, Value>, size>& table) {
  std::vector<string_view> words;
  for (const auto& [word, value] : table) words.push_back(word);
  return listed(words);
}

// One entry of the list.
class EntryReader {
 public:
  EntryReader(const YAML::Node& node, std::size_t index, Origin origin)
      : node_(node), path_("models[" + std::to_string(index) + "]"), origin_(origin) {}

  std::string read_id();
  void read_into(Entry& entry, bool known);

 private:
  [[noreturn]] void bad(const YAML::Node& at, string_view key, string_view why) const {
    const YAML::Mark mark = at.Mark();
    throw DataError(mark.is_null() ? 0 : mark.line + 1, path_ + "." + std::string(key),
                    (id_.empty() ? path_ : id_) + ": " + std::string(key) + " " + std::string(why));
  }
  template <std::size_t size>
  void check_keys(const YAML::Node& map,
                  const std::string& inside,
                  const std::array<string_view, size>& known) const;
  const std::string& text(const YAML::Node& value, string_view key) const;
  std::vector<std::string> words(const YAML::Node& value, string_view key) const;
  std::int64_t integer(const YAML::Node& value, string_view key, std::int64_t most) const;
  bool boolean(const YAML::Node& value, string_view key) const;
  template <class Value, std::size_t size>
  Value word(const YAML::Node& value,
             string_view key,
             const std::string& written,
             const std::array<std::pair<string_view, Value>, size>& table) const;

  void read_family(Entry& entry, bool known) const;
  void read_features(Model& model) const;
  void read_limits(Model& model) const;
  void read_places(Model& model) const;
  void read_prices(Entry& entry) const;
  void read_profile_prices(Entry& entry) const;
  void read_source(Entry& entry) const;
  Prices prices(const YAML::Node& map, const std::string& key) const;
  YAML::Node find(string_view key) const { return node_[std::string(key)]; }

  const YAML::Node& node_;
  std::string path_;
  std::string id_;
  Origin origin_;
};

template <std::size_t size>
void EntryReader::check_keys(const YAML::Node& map,
                             const std::string& inside,
                             const std::array<string_view, size>& known) const {
  std::set<std::string> seen;
  for (const auto& pair : map) {
    const std::string key = pair.first.IsScalar() ? pair.first.Scalar() : "?";
    const std::string path = inside.empty() ? key : inside + "." + key;
    if (std::ranges::find(known, key) == known.end()) {
      bad(pair.first, path, "is not a key here; keys are " + listed(known));
    }
    if (!seen.insert(key).second) bad(pair.first, path, "is given twice");
  }
}

const std::string& EntryReader::text(const YAML::Node& value, string_view key) const {
  if (!value.IsScalar() || value.Scalar().empty()) bad(value, key, "must be one value");
  return value.Scalar();
}

std::vector<std::string> EntryReader::words(const YAML::Node& value, string_view key) const {
  if (!value.IsSequence()) bad(value, key, "must be a list");
  std::vector<std::string> list;
  for (const YAML::Node& one : value) {
    if (!one.IsScalar()) bad(one, key, "must be a list of plain values");
    if (std::ranges::find(list, one.Scalar()) != list.end()) {
      bad(one, key, "names '" + one.Scalar() + "' twice");
    }
    list.push_back(one.Scalar());
  }
  return list;
}

std::int64_t EntryReader::integer(const YAML::Node& value,
                                  string_view key,
                                  std::int64_t most) const {
  const std::string& digits = text(value, key);
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size() || number < 0 || number > most) {
    bad(value, key,
        "must be a whole number from 0 to " + std::to_string(most) + ", not '" + digits + "'");
  }
  return number;
}

bool EntryReader::boolean(const YAML::Node& value, string_view key) const {
  const std::string& word = text(value, key);
  if (word != "true" && word != "false")
    bad(value, key, "must be true or false, not '" + word + "'");
  return word == "true";
}

template <class Value, std::size_t size>
Value EntryReader::word(const YAML::Node& value,
                        string_view key,
                        const std::string& written,
                        const std::array<std::pair<string_view, Value>, size>& table) const {
  for (const auto& [name, meaning] : table) {
    if (name == written) return meaning;
  }
  bad(value, key, "knows no '" + written + "'; words are " + words_of(table));
}

std::string EntryReader::read_id() {
  if (!node_.IsMap()) bad(node_, "id", "is missing: an entry must be a map of keys");
  if (!find("id")) bad(node_, "id", "is required");
  id_ = text(find("id"), "id");
  const string_view prefix = string_view(id_).substr(0, id_.find('.'));
  if (prefix.size() < id_.size() && is_profile_prefix(prefix)) {
    bad(find("id"), "id",
        "must be the model's own, without the inference profile's '" + std::string(prefix) +
            ".'; hint: profile_prices says what a profile costs");
  }
  check_keys(node_, "", kKeys);
  return id_;
}

void EntryReader::read_into(Entry& entry, bool known) {
  read_family(entry, known);
  entry.model.id = id_;
  read_features(entry.model);
  read_limits(entry.model);
  read_places(entry.model);
  read_prices(entry);
  read_profile_prices(entry);
  read_source(entry);
}

// Another family is another model: nothing of the old one's features holds.
void EntryReader::read_family(Entry& entry, bool known) const {
  const YAML::Node family = find("family");
  if (!family && !known) bad(node_, "family", "is required; families are " + listed(families()));
  if (!find("batch") && !known) {
    bad(node_, "batch", "is required: true where the model can run as a batch inference job");
  }
  if (family) {
    const std::string& name = text(family, "family");
    if (std::ranges::find(families(), name) == families().end()) {
      bad(family, "family", "knows no '" + name + "'; families are " + listed(families()));
    }
    if (name != entry.model.family)
      entry = Entry{.model = model_of_family(name), .batch = {}, .on_demand = {}};
  }
  const YAML::Node variant = find("variant");
  if (!variant) return;
  if (!variant.IsScalar()) bad(variant, "variant", "must be one value");
  const auto allowed = variants(entry.model.family);
  if (std::ranges::find(allowed, variant.Scalar()) == allowed.end()) {
    bad(variant, "variant",
        allowed.empty() ? "has no meaning for " + entry.model.family
                        : "knows no '" + variant.Scalar() + "'; those of " + entry.model.family +
                              " are " + listed(allowed));
  }
  entry.model.variant = variant.Scalar();
}

void EntryReader::read_features(Model& model) const {
  if (const YAML::Node list = find("endpoints")) {
    model.endpoints.clear();
    for (const std::string& name : words(list, "endpoints")) {
      model.endpoints.push_back(word(list, "endpoints", name, kEndpoints));
      const bool embeddings = model.endpoints.back() == openai::Endpoint::embeddings;
      if (embeddings != embeds(model.family)) {
        bad(list, "endpoints", "has no '" + name + "' for models of " + model.family);
      }
    }
  }
  if (const YAML::Node list = find("inputs")) {
    model.inputs = {};
    for (const std::string& name : words(list, "inputs")) {
      model.inputs.*word(list, "inputs", name, kInputs) = true;
    }
  }
  for (const auto& [key, field] : std::initializer_list<std::pair<const char*, bool Model::*>>{
           {"tools", &Model::tools},
           {"json_schema", &Model::json_schema},
           {"system", &Model::system},
           {"temperature_or_top_p", &Model::temperature_or_top_p},
           {"no_prefill", &Model::no_prefill},
           {"batch", &Model::batch}}) {
    if (const YAML::Node value = find(key)) model.*field = boolean(value, key);
  }
  if (const YAML::Node value = find("reasoning")) {
    model.reasoning = word(value, "reasoning", text(value, "reasoning"), kReasoning);
  }
  if (const YAML::Node list = find("refuses")) model.refuses = words(list, "refuses");
}

void EntryReader::read_limits(Model& model) const {
  if (const YAML::Node value = find("context_tokens_max")) {
    model.context_tokens_max = integer(value, "context_tokens_max", kTokensMax);
  }
  if (const YAML::Node value = find("output_tokens_max")) {
    model.output_tokens_max = integer(value, "output_tokens_max", kTokensMax);
  }
  const YAML::Node list = find("dimensions");
  if (!list) return;
  if (!embeds(model.family)) bad(list, "dimensions", "has no meaning for " + model.family);
  if (!list.IsSequence()) bad(list, "dimensions", "must be a list");
  model.dimensions.clear();
  for (const YAML::Node& one : list) {
    model.dimensions.push_back(integer(one, "dimensions", kDimensionMax));
    if (model.dimensions.back() == 0) bad(one, "dimensions", "must be at least 1");
  }
}

void EntryReader::read_places(Model& model) const {
  if (const YAML::Node list = find("profiles")) {
    model.profiles = words(list, "profiles");
    for (const std::string& prefix : model.profiles) {
      if (!prefix.empty() && !is_profile_prefix(prefix)) {
        bad(list, "profiles", "knows no prefix '" + prefix + "'");
      }
    }
  }
  if (const YAML::Node list = find("batch_regions")) {
    model.batch_regions = words(list, "batch_regions");
  }
}

Prices EntryReader::prices(const YAML::Node& map, const std::string& key) const {
  if (!map.IsMap()) bad(map, key, "must be a map of " + listed(kPriceKeys));
  check_keys(map, key, kPriceKeys);
  const auto price = [&](const char* name) {
    const std::string path = key + "." + name;
    if (!map[name]) bad(map, path, "is required");
    const std::string& dollars = text(map[name], path);
    const auto pico = pico_usd(dollars);
    if (!pico) {
      bad(map[name], path,
          "must be US dollars per million tokens, with at most six decimals, not '" + dollars +
              "'");
    }
    return *pico;
  };
  Prices result;
  result.input_pico_usd = price("input");
  result.output_pico_usd = price("output");
  result.cache_read_pico_usd = map["cache_read"] ? price("cache_read") : result.input_pico_usd;
  result.cache_write_pico_usd = map["cache_write"] ? price("cache_write") : result.input_pico_usd;
  return result;
}

// A new price is the price, of every profile: what was known of the old one's premium is gone.
void EntryReader::read_prices(Entry& entry) const {
  if (const YAML::Node map = find("batch_prices")) {
    entry.model.batch_prices = prices(map, "batch_prices");
    entry.batch = {};
  }
  if (const YAML::Node map = find("on_demand")) {
    entry.model.on_demand_prices = prices(map, "on_demand");
    entry.on_demand = {};
  }
  const YAML::Node value = find("premium_percent");
  if (!value) return;
  const auto percent = static_cast<int>(integer(value, "premium_percent", kPremiumPercentMax));
  entry.batch.premium_percent = percent;
  entry.on_demand.premium_percent = percent;
  try {
    price_at(entry.model.batch_prices, entry.batch, "?");
    price_at(entry.model.on_demand_prices, entry.on_demand, "?");
  } catch (const std::runtime_error& error) {
    bad(value, "premium_percent", error.what());
  }
}

void EntryReader::read_profile_prices(Entry& entry) const {
  const YAML::Node profiles = find("profile_prices");
  if (!profiles) return;
  if (!profiles.IsMap()) bad(profiles, "profile_prices", "must be a map of prefixes");
  for (const auto& pair : profiles) {
    const std::string prefix = pair.first.IsScalar() ? pair.first.Scalar() : "";
    const std::string key = "profile_prices." + prefix;
    if (!is_profile_prefix(prefix) || prefix == "global") {
      bad(pair.first, key, "is no prefix of a profile; the global one's prices stand in on_demand");
    }
    if (!pair.second.IsMap()) bad(pair.second, key, "must be a map");
    check_keys(pair.second, key, kProfilePriceKeys);
    const auto read = [&](const char* kind, PriceRules& rules) {
      const YAML::Node map = pair.second[kind];
      rules.by_prefix[prefix] = map ? std::optional(prices(map, key + "." + kind)) : std::nullopt;
    };
    read("batch_prices", entry.batch);
    read("on_demand", entry.on_demand);
  }
}

void EntryReader::read_source(Entry& entry) const {
  const bool priced = find("batch_prices") || find("on_demand") || find("profile_prices");
  if (priced && origin_ == Origin::user) {
    entry.model.price_source = "config.yaml";
    entry.model.price_date.clear();
  }
  if (const YAML::Node value = find("source")) entry.model.price_source = text(value, "source");
  if (const YAML::Node value = find("as_of")) entry.model.price_date = text(value, "as_of");
  if (priced && (entry.model.price_source.empty() ||
                 (entry.model.price_date.empty() && origin_ == Origin::project))) {
    bad(node_, "source", "and as_of must say where the prices were read, and when");
  }
}

YAML::Node parse_yaml(string_view yaml) {
  try {
    return YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    throw DataError(error.mark.is_null() ? 0 : error.mark.line + 1, "models",
                    "models: not YAML: " + error.msg);
  }
}

}  // namespace

void lay_over(std::vector<Entry>& entries, string_view yaml, Origin origin) {
  const YAML::Node document = parse_yaml(yaml);
  const YAML::Node list = document.IsMap() ? document["models"] : document;
  if (!list || !list.IsSequence()) {
    throw DataError(1, "models", "models: must be a list of models");
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const YAML::Node node = list[i];
    EntryReader reader(node, i, origin);
    const std::string id = reader.read_id();
    if (!seen.insert(id).second) {
      throw DataError(node.Mark().line + 1, "models[" + std::to_string(i) + "].id",
                      id + ": id is there twice");
    }
    const auto old =
        std::ranges::find(entries, id, [](const Entry& entry) { return entry.model.id; });
    if (old != entries.end()) {
      reader.read_into(*old, true);
    } else {
      Entry entry;
      reader.read_into(entry, false);
      entries.push_back(std::move(entry));
    }
  }
}

}  // namespace quarry::catalog
