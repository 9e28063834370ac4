#pragma once
// What `quarry keys` sends, and how it shows what comes. Pure.

#include "base/result.h"
#include "cli/keys_command.h"

#include <string>
#include <string_view>

namespace quarry::cli {

// "GET" or "POST" of a route.
std::string_view method_of(std::string_view route);
// What follows the route in the URL: "?key=…", or "".
std::string query_of(const KeysOptions& options);
// The JSON of a POST; "" for a GET. Errors: invalid_request (metadata is no JSON).
Result<std::string> body_of(const KeysOptions& options);

// For people.
struct Shown {
  std::string out;    // to stdout: of key/generate the key alone, for scripts
  std::string notes;  // to stderr
  bool done = true;   // false: some of what was named was not there
};
// Of what is no such answer: the text itself.
Shown render_answer(std::string_view route, std::string_view answer);

}  // namespace quarry::cli
