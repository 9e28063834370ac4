#pragma once
// What is known of whole families, beside catalog.h's families() and model_of_family(). Pure.

#include "catalog/catalog.h"

#include <string_view>
#include <vector>

namespace quarry::catalog {

bool embeds(std::string_view family);
bool has_variants(std::string_view family);
// The first is what a model of the family is taken for.
std::vector<std::string_view> variants(std::string_view family);

}  // namespace quarry::catalog
