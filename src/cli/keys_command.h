#pragma once
// `quarry keys`: virtual keys and teams of a running server, over its /key and /team routes.

#include "base/secret.h"

#include <string>
#include <utility>
#include <vector>

namespace quarry::cli {

// What to do, as the route is called: "key/generate", "team/list".
struct KeysOptions {
  std::string route;
  std::string url;              // base URL with or without /v1
  Secret<std::string> api_key;  // the master key; "" sends no Authorization
  bool json = false;            // the server's answer as it came

  std::vector<std::string> names;  // keys (texts, hashes) or teams, where the verb takes some
  std::vector<std::pair<std::string, std::string>> query;  // of list
  // Members of the request, by LiteLLM's names, as they were typed; "none" is null.
  std::vector<std::pair<std::string, std::string>> members;
  std::vector<std::string> models;
};

// Returns the process's exit code: 0 done; 1 the server refused, did not answer, or knows
// not all keys that it was to delete.
int run_keys(const KeysOptions& options);

}  // namespace quarry::cli
