#include "catalog/catalog.h"

#include "catalog/entries.h"
#include "catalog/prices.h"

#include <algorithm>
#include <map>

namespace quarry::embedded {
extern const std::string_view models_yaml;  // data/models.yaml
}

namespace quarry::catalog {

namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::int64_t kPicoPerNano = 1000;

// What an ARN names: after "arn:<partition>:bedrock:<region>:<account>:" a kind, '/', and the id.
std::optional<std::string_view> id_of_arn(std::string_view arn) {
  for (int field = 0; field < 5; ++field) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view value = arn.substr(0, colon);
    if (field == 1 && value != "aws" && !value.starts_with("aws-")) return std::nullopt;
    if (field == 2 && value != "bedrock") return std::nullopt;
    arn.remove_prefix(colon + 1);
  }
  for (const std::string_view kind : {"foundation-model/", "inference-profile/"}) {
    if (arn.starts_with(kind)) return arn.substr(kind.size());
  }
  return std::nullopt;
}

struct Name {
  std::string_view prefix;  // "us"; "" = called by its bare id
  std::string_view id;
};

std::optional<Name> resolve(std::string_view model_id) {
  if (model_id.starts_with("arn:")) {
    const auto id = id_of_arn(model_id);
    if (!id) return std::nullopt;
    model_id = *id;
  }
  const std::string_view prefix = model_id.substr(0, model_id.find('.'));
  if (prefix.size() == model_id.size() || !is_profile_prefix(prefix)) return Name{"", model_id};
  return Name{prefix, model_id.substr(prefix.size() + 1)};
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

// Takes what follows the last `mark` off `text`, where that is digits.
std::string_view take_number(std::string_view& text, std::string_view mark) {
  const std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos || at == 0) return {};
  const std::string_view number = text.substr(at + mark.size());
  if (!all_digits(number)) return {};
  text = text.substr(0, at);
  return number;
}

// anthropic.claude-3-sonnet-20240229-v1:0:28k = base, version 1, revision 0, context 28k.
struct IdParts {
  std::string_view base;
  std::string_view version;   // "" where the id says none
  std::string_view revision;  // the same

  explicit IdParts(std::string_view id) : base(id) {
    if (base.ends_with('k')) {
      std::string_view without = base.substr(0, base.size() - 1);
      if (!take_number(without, ":").empty()) base = without;
    }
    revision = take_number(base, ":");
    version = take_number(base, "-v");
  }
  bool may_be(const IdParts& other) const {
    const auto agree = [](std::string_view a, std::string_view b) {
      return a == b || a.empty() || b.empty();
    };
    return base == other.base && agree(version, other.version) && agree(revision, other.revision);
  }
};

}  // namespace

struct Catalog::Tables {
  explicit Tables(Data all) : data(std::move(all)) {
    for (const Entry& entry : data.entries) {
      global.push_back(entry.model);
      bare.push_back(at(entry, ""));
      other.push_back(at(entry, "?"));  // any prefix of which nothing is said
      auto& own = by_prefix.emplace_back();
      for (const PriceRules* rules : {&entry.batch, &entry.on_demand}) {
        for (const auto& [prefix, prices] : rules->by_prefix) own[prefix] = at(entry, prefix);
      }
    }
  }

  static Model at(const Entry& entry, const std::string& prefix) {
    Model model = entry.model;
    model.batch_prices = price_at(entry.model.batch_prices, entry.batch, prefix);
    model.on_demand_prices = price_at(entry.model.on_demand_prices, entry.on_demand, prefix);
    return model;
  }

  // By an index into all these, or npos.
  std::size_t index_of(std::string_view id) const {
    const auto exact = std::ranges::find(global, id, &Model::id);
    if (exact != global.end()) return static_cast<std::size_t>(exact - global.begin());
    const IdParts wanted(id);
    std::size_t found = std::string_view::npos;
    for (std::size_t i = 0; i < global.size(); ++i) {
      if (!wanted.may_be(IdParts(global[i].id))) continue;
      if (found != std::string_view::npos) return std::string_view::npos;  // it may be either
      found = i;
    }
    return found;
  }

  Data data;
  std::vector<Model> global;
  std::vector<Model> bare;
  std::vector<Model> other;
  std::vector<std::map<std::string, Model, std::less<>>> by_prefix;
};

bool Model::answers(openai::Endpoint endpoint) const {
  return std::ranges::find(endpoints, endpoint) != endpoints.end();
}

bool Model::refuses_parameter(std::string_view name) const {
  return std::ranges::find(refuses, name) != refuses.end();
}

Catalog Catalog::parse(std::string_view yaml) {
  Data data{.families = built_in().tables_->data.families, .entries = {}};
  lay_over(data, yaml, Origin::project);
  return Catalog(std::make_shared<const Tables>(std::move(data)));
}

Catalog Catalog::extended(std::string_view yaml) const {
  Data data = tables_->data;
  lay_over(data, yaml, Origin::user);
  return Catalog(std::make_shared<const Tables>(std::move(data)));
}

const Catalog& Catalog::built_in() {
  static const Catalog catalog = [] {
    Data data;
    lay_over(data, embedded::models_yaml, Origin::project);
    return Catalog(std::make_shared<const Tables>(std::move(data)));
  }();
  return catalog;
}

std::vector<std::string_view> Catalog::families() const { return tables_->data.families.names(); }

std::optional<Model> Catalog::model_of_family(std::string_view family) const {
  const Family* known = tables_->data.families.find(family);
  return known == nullptr ? std::nullopt : std::optional(known->model);
}

std::span<const std::string_view> families() {
  static const std::vector<std::string_view> names = Catalog::built_in().families();
  return names;
}

Model model_of_family(std::string_view family) {
  auto model = Catalog::built_in().model_of_family(family);
  if (!model) throw std::invalid_argument("no such family: " + std::string(family));
  return *std::move(model);
}

const std::vector<Model>& Catalog::models() const { return tables_->global; }

const Model* Catalog::find(std::string_view model_id) const {
  const Tables& tables = *tables_;
  const auto own = std::ranges::find(tables.global, model_id, &Model::id);
  if (own != tables.global.end() && model_id.starts_with("arn:")) return &*own;
  const auto name = resolve(model_id);
  if (!name) return nullptr;
  const std::size_t i = tables.index_of(name->id);
  if (i == std::string_view::npos) return nullptr;
  const auto priced = tables.by_prefix[i].find(name->prefix);
  if (priced != tables.by_prefix[i].end()) return &priced->second;
  if (name->prefix == "global") return &tables.global[i];
  return name->prefix.empty() ? &tables.bare[i] : &tables.other[i];
}

std::int64_t cost_nano_usd(const Prices& prices, const openai::Usage& usage) {
  struct Item {
    std::int64_t tokens;
    std::int64_t pico_usd;
  };
  const Item items[] = {
      {usage.input_tokens - usage.cached_input_tokens - usage.cache_write_tokens,
       prices.input_pico_usd},
      {usage.cached_input_tokens, prices.cache_read_pico_usd},
      {usage.cache_write_tokens, prices.cache_write_pico_usd},
      {usage.output_tokens, prices.output_pico_usd},
  };
  // Whole nano-dollars and the rest apart, so that no product of tokens and pico-dollars is near
  // what 64 bits hold.
  std::int64_t nano = 0;
  std::int64_t pico = 0;
  for (const Item& item : items) {
    nano += item.tokens * (item.pico_usd / kPicoPerNano);
    pico += item.tokens * (item.pico_usd % kPicoPerNano);
  }
  return nano + (pico + kPicoPerNano / 2) / kPicoPerNano;
}

}  // namespace quarry::catalog
