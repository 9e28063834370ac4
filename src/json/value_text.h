#pragma once
// The text of a small JSON tree, as people and programs read it: the one way in which such trees
// leave Quarry. Pure.

#include <boost/json/value.hpp>

#include <string>

namespace quarry::json {

// The shortest digits that read as the same number, with a point, as Python writes floats: 0.0,
// 50.0, 0.000441. An exponent only where a ledger has no such sums: from 1e16, and under 1e-9 (a
// nano-dollar). What is no number (NaN, infinity) is null.
void append_double(std::string& out, double value);

// Without blanks; members in their order. Strings as append_string() writes them.
void append_value(std::string& out, const boost::json::value& value);
std::string value_text(const boost::json::value& value);

}  // namespace quarry::json
