#pragma once
// How translators say no. `param` is where in the line, as "body.messages[2].content[0]".

#include "json/reader.h"
#include "openai/batch_line.h"

#include <expected>
#include <string>
#include <string_view>

namespace quarry::translate {

using Outcome = std::expected<void, openai::LineError>;
using Refusal = std::unexpected<openai::LineError>;

// code "invalid_value"; the message is "<param>: <why>".
Refusal invalid_value(std::string_view param, std::string_view why);
// code "unsupported_parameter".
Refusal unsupported(std::string_view param, std::string_view why);
// code "missing_required_parameter".
Refusal missing(std::string_view param);
// code "invalid_value"; wanted: "a string".
Refusal wrong_type(std::string_view param, std::string_view wanted, json::Kind got);
// code "invalid_request": the text is not JSON at all.
Refusal unreadable(json::ParseError error, std::string_view param);

}  // namespace quarry::translate
