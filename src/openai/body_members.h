#pragma once
// The members of a JSON request body, checked one by one, with OpenAI's words for what is wrong.
// For the parsers of this room. Pure. Errors of every call: invalid_request with param and code
// (reason).

#include "base/result.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::openai {

std::unexpected<Error> wrong(std::string param, std::string code, std::string message);
// "an integer", "null".
std::string_view kind_name(const boost::json::value& value);

Result<boost::json::object> parse_body(std::string_view text);
Result<std::string> required_text(const boost::json::object& body, const std::string& member);
// At least `least`.
Result<std::int64_t> required_integer(const boost::json::object& body,
                                      const std::string& member,
                                      std::int64_t least);
// expires_after or output_expires_after: {"anchor":"created_at","seconds":n}; nullopt for null or
// absent.
Result<std::optional<std::int64_t>> expires_after(const boost::json::object& body,
                                                  const std::string& member);

}  // namespace quarry::openai
