#pragma once
// The catalog as a table for people and as JSON for programs. Pure.

#include "catalog/catalog.h"

#include <string>
#include <vector>

namespace quarry::cli {

struct ModelRow {
  const catalog::Model* model = nullptr;  // never null
  std::string model_name;  // of a deployment: the public name; "" = a model of the catalog
  std::string model_id;    // of a deployment: as configured
  std::string region;
  // The same model by its inference profiles, where those are known, at their prices.
  std::vector<std::pair<std::string, const catalog::Model*>> profiles;
};

std::string models_table(const std::vector<ModelRow>& rows);
// {"object":"list","data":[…]}, one object a row. Prices are US dollars per million tokens as
// decimal text; a price that is not known is null.
std::string models_json(const std::vector<ModelRow>& rows);

}  // namespace quarry::cli
