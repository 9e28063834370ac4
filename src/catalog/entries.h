#pragma once
// data/models.yaml as it is written, before it becomes a Catalog. Pure.

#include "catalog/catalog.h"
#include "catalog/families.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::catalog {

// One kind of price, batch or on demand, of what is not the global profile.
struct PriceRules {
  int premium_percent = 0;
  // By prefix: what such a profile costs, where it is not that; nullopt = not known. Where any is
  // given and there is no premium, the prices of all other prefixes are not known either.
  std::map<std::string, std::optional<Prices>> by_prefix;
};

struct Entry {
  Model model;  // at the prices of its global profile
  PriceRules batch;
  PriceRules on_demand;
};

// Where entries come from: the project's own must say where their prices were read.
enum class Origin { project, user };

struct Data {
  Families families;
  std::vector<Entry> entries;
};

// Lays the families and models of `yaml` over `data`. Throws DataError.
void lay_over(Data& data, std::string_view yaml, Origin origin);

// `base`, as it is when the model is called by `prefix` ("us"; "" = by its bare id). Throws
// std::runtime_error where a premium gives fractions of a pico-dollar.
std::optional<Prices> price_at(const std::optional<Prices>& base,
                               const PriceRules& rules,
                               const std::string& prefix);

}  // namespace quarry::catalog
