// Reads data/models.yaml and the models section of config.yaml.
#include "catalog/entries.h"

#include "catalog/node_reader.h"
#include "catalog/prices.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
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
                                                   "native_output_tokens_max",
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

// One entry of the list.
class EntryReader : NodeReader {
 public:
  EntryReader(const YAML::Node& node, std::size_t index, Families& families, Origin origin)
      : NodeReader(node, "models[" + std::to_string(index) + "]"),
        families_(families),
        origin_(origin) {}

  std::string read_id();
  void read_into(Entry& entry, bool known);

 private:
  void read_family(Entry& entry, bool known);
  void read_variant(Model& model) const;
  const Family& family(const YAML::Node& name);
  void read_kind(Model& model) const;
  void read_limits(Model& model) const;
  void read_places(Model& model) const;
  void read_prices(Entry& entry) const;
  void read_profile_prices(Entry& entry) const;
  void read_source(Entry& entry) const;
  Prices prices(const YAML::Node& map, const std::string& key) const;

  Families& families_;
  std::string id_;
  Origin origin_;
};

std::string EntryReader::read_id() {
  if (!node().IsMap()) bad(node(), "id", "is missing: an entry must be a map of keys");
  if (!find("id")) bad(node(), "id", "is required");
  id_ = text(find("id"), "id");
  set_name(id_);
  const string_view prefix = string_view(id_).substr(0, id_.find('.'));
  if (prefix.size() < id_.size() && is_profile_prefix(prefix)) {
    bad(find("id"), "id",
        "must be the model's own, without the inference profile's '" + std::string(prefix) +
            ".'; hint: profile_prices says what a profile costs");
  }
  check_keys(node(), "", kKeys);
  return id_;
}

void EntryReader::read_into(Entry& entry, bool known) {
  read_family(entry, known);
  entry.model.id = id_;
  read_kind(entry.model);
  read_limits(entry.model);
  read_places(entry.model);
  read_prices(entry);
  read_profile_prices(entry);
  read_source(entry);
}

// A family that the project adds needs no row where its first model says its endpoints. Users add
// none: there would be no translator.
const Family& EntryReader::family(const YAML::Node& node) {
  const std::string& name = text(node, "family");
  if (const Family* known = families_.find(name)) return *known;
  const std::string known = "knows no '" + name + "'; families are " + listed(families_.names());
  if (origin_ == Origin::user) bad(node, "family", known);
  if (!find("endpoints")) {
    bad(node, "family", known + "; hint: the first model of a new one says its endpoints");
  }
  families_.add(family_of_its_first_model(*this, name));
  return *families_.find(name);
}

// Another family is another model: nothing of the old one's features holds.
void EntryReader::read_family(Entry& entry, bool known) {
  const YAML::Node node = find("family");
  if (!node && !known) {
    bad(this->node(), "family", "is required; families are " + listed(families_.names()));
  }
  if (!find("batch") && !known) {
    bad(this->node(), "batch",
        "is required: true where the model can run as a batch inference job");
  }
  if (node) {
    const Family& wanted = family(node);
    if (wanted.name() != entry.model.family) {
      entry = Entry{.model = wanted.model, .batch = {}, .on_demand = {}};
    }
  }
  read_variant(entry.model);
}

void EntryReader::read_variant(Model& model) const {
  const YAML::Node variant = find("variant");
  if (!variant) return;
  if (!variant.IsScalar()) bad(variant, "variant", "must be one value");
  const auto& allowed = families_.find(model.family)->variants;
  if (std::ranges::find(allowed, variant.Scalar()) == allowed.end()) {
    bad(variant, "variant",
        allowed.empty() ? "has no meaning for " + model.family
                        : "knows no '" + variant.Scalar() + "'; those of " + model.family +
                              " are " + listed(allowed));
  }
  model.variant = variant.Scalar();
}

void EntryReader::read_kind(Model& model) const {
  read_endpoints(*this, model);
  const Family& family = *families_.find(model.family);
  if (model.answers(openai::Endpoint::embeddings) != family.embeds()) {
    bad(find("endpoints"), "endpoints",
        std::string(family.embeds() ? "must be embeddings" : "has no embeddings") +
            " for models of " + model.family);
  }
  read_features(*this, model);
  for (const auto& [key, field] : std::initializer_list<std::pair<const char*, bool Model::*>>{
           {"temperature_or_top_p", &Model::temperature_or_top_p},
           {"no_prefill", &Model::no_prefill},
           {"batch", &Model::batch}}) {
    if (const YAML::Node value = find(key)) model.*field = boolean(value, key);
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
  if (!model.answers(openai::Endpoint::embeddings))
    bad(list, "dimensions", "has no meaning for " + model.family);
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
    bad(node(), "source", "and as_of must say where the prices were read, and when");
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

void lay_over(Data& data, string_view yaml, Origin origin) {
  const YAML::Node document = parse_yaml(yaml);
  const YAML::Node families = document.IsMap() ? document["families"] : YAML::Node();
  if (document.IsMap() && families) {
    if (origin == Origin::user) {
      throw DataError(families.Mark().line + 1, "families",
                      "families: come with the program, which has their translators");
    }
    data.families.read(families);
  }
  const YAML::Node list = document.IsMap() ? document["models"] : document;
  if (!list || !list.IsSequence()) {
    throw DataError(1, "models", "models: must be a list of models");
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const YAML::Node node = list[i];
    EntryReader reader(node, i, data.families, origin);
    const std::string id = reader.read_id();
    if (!seen.insert(id).second) {
      throw DataError(node.Mark().line + 1, "models[" + std::to_string(i) + "].id",
                      id + ": id is there twice");
    }
    const auto old =
        std::ranges::find(data.entries, id, [](const Entry& entry) { return entry.model.id; });
    if (old != data.entries.end()) {
      reader.read_into(*old, true);
    } else {
      Entry entry;
      reader.read_into(entry, false);
      data.entries.push_back(std::move(entry));
    }
  }
}

}  // namespace quarry::catalog
