#pragma once
// The bodies of /key/… and /team/… requests, in LiteLLM's words, and what they change. Pure.

#include "access/budget_period.h"
#include "access/request_fields.h"
#include "base/secret.h"
#include "store/key_store.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::access {

// What keys and teams have in common, as a request changes it.
struct GrantChanges {
  std::optional<std::vector<std::string>> models;
  Change<boost::json::object> metadata;  // instead of what there was
  std::vector<std::pair<std::string, std::optional<std::int64_t>>>
      limits;  // of the top level: into the metadata
  Change<std::int64_t> max_budget_nano_usd;
  Change<std::string> budget_duration;
  Change<std::int64_t> rpm_limit, tpm_limit, max_parallel_requests;
  Change<bool> blocked;
};

struct KeyRequest {
  std::optional<Secret<std::string>> key;  // its text, or its hash
  Change<std::string> key_alias, user_id, team_id;
  Change<Span> duration;  // from now to its end
  GrantChanges grant;
  std::vector<std::string> ignored;  // members that mean nothing here
};

struct TeamRequest {
  std::optional<std::string> team_id;
  Change<std::string> team_alias;
  GrantChanges grant;
  std::vector<std::string> ignored;
};

// Errors: invalid_request, with the member as param.
Result<KeyRequest> parse_key_request(std::string_view body);
Result<TeamRequest> parse_team_request(std::string_view body);

// `keys` or `key_aliases` of /key/delete: at least one of either.
struct KeysToDelete {
  std::vector<Secret<std::string>> keys;
  std::vector<std::string> aliases;
};
Result<KeysToDelete> parse_delete_keys(std::string_view body);
// team_ids of /team/delete: at least one.
Result<std::vector<std::string>> parse_delete_teams(std::string_view body);

// now_s: what is changed now; a budget's first period begins with its duration.
void apply(const GrantChanges& changes, std::int64_t now_s, store::GrantColumns& grant);

}  // namespace quarry::access
