#pragma once
// Query strings and path segments, decoded. Pure.

#include "base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::api {

// The last of each name wins; '+' is a space (WHATWG URL, application/x-www-form-urlencoded).
std::map<std::string, std::string, std::less<>> parse_query(std::string_view query);

// An integer between least and most. Errors: invalid_request, OpenAI's words, param `name`.
Result<std::int64_t> integer_parameter(std::string_view name,
                                       std::string_view value,
                                       std::int64_t least,
                                       std::int64_t most);

// What FastAPI reads as one: true, t, yes, y, on, 1 and their opposites, in any case. Errors:
// invalid_request, param `name`.
Result<bool> boolean_parameter(std::string_view name, std::string_view value);

}  // namespace quarry::api
