#pragma once
// Which models a caller may use. Names are the public ones; a key's list and its team's must both
// allow a model. Pure.

#include "access/caller.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace quarry::access {

// Anything may be used: the master key, and a key for which neither list says anything.
bool may_use_all(const Caller& caller);

// A list allows the names in it, what a name with stars stands for (each is any text), and all if it
// is empty or holds "*" or LiteLLM's "all-proxy-models". "all-team-models" of a key is what its team allows;
// without a team, nothing.
bool may_use(const Caller& caller, std::string_view model_name);

// Errors: denied, reason "model_not_allowed", which names all that are not allowed; `param` is
// where they came from.
Result<void> check_models(const Caller& caller,
                          const std::vector<std::string>& model_names,
                          std::string_view param);

}  // namespace quarry::access
