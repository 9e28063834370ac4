#pragma once
// The schema and its migrations. Only ever append: an old database is brought up step by step.

#include <span>
#include <string_view>

namespace quarry::store {

// One step takes the schema from version i to i + 1; statements are separated by ";\n".
std::span<const std::string_view> migrations();

}  // namespace quarry::store
