#pragma once
// The header fields of multipart/form-data: a part's Content-Disposition and Content-Type, and the
// parameters of either. Pure.

#include "base/result.h"
#include "http/multipart.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::http {

// "value; name=token; name=\"quoted\"" of RFC 9110 5.6.6, as senders really write it.
struct ParameterizedValue {
  std::string value;  // lower case
  std::vector<std::pair<std::string, std::string>>
      parameters;  // names in lower case, unquoted values

  std::optional<std::string_view> get(std::string_view parameter) const;
};
// Errors: invalid_request (a parameter without `=`, an open quote, a parameter given twice).
Result<ParameterizedValue> parse_parameterized(std::string_view text);

// A part's header section, with the empty line at its end.
// Errors: invalid_request; the message says what is wrong and quotes nothing of the input.
Result<FormPart> parse_part_header(std::string_view section);

}  // namespace quarry::http
