#include "access/model_access.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace quarry::access {
namespace {

constexpr std::string_view kAllOfServer = "all-proxy-models";
constexpr std::string_view kAllOfTeam = "all-team-models";

bool stands_for_all(std::string_view listed) {
  const bool only_stars = !listed.empty() && listed.find_first_not_of('*') == std::string::npos;
  return listed == kAllOfServer || only_stars;
}

// Each star is any text, or none. Whatever the pattern, so many steps at most as it has characters
// times those of the name: of the stars, only the last one passed is tried anew.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0, of_name = 0;
  std::size_t star = std::string_view::npos, of_name_at_star = 0;
  while (of_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      of_name_at_star = of_name;
    } else if (at < pattern.size() && pattern[at] == name[of_name]) {
      ++at;
      ++of_name;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      of_name = ++of_name_at_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

bool lists_all(const std::vector<std::string>& models) {
  return models.empty() || std::ranges::any_of(models, stands_for_all);
}

bool lists(const std::vector<std::string>& models, std::string_view model_name) {
  return lists_all(models) || std::ranges::any_of(models, [&](const std::string& listed) {
           return matches(listed, model_name);
         });
}

bool asks_its_team(const Key& key) {
  return std::ranges::find(key.grant.models, kAllOfTeam) != key.grant.models.end();
}

}  // namespace

bool may_use_all(const Caller& caller) {
  if (caller.admin()) return true;
  const Key& key = *caller.key;
  const bool of_key = lists_all(key.grant.models) || (asks_its_team(key) && key.team);
  return of_key && (!key.team || lists_all(key.team->grant.models));
}

bool may_use(const Caller& caller, std::string_view model_name) {
  if (caller.admin()) return true;
  const Key& key = *caller.key;
  const bool of_key = lists(key.grant.models, model_name) || (asks_its_team(key) && key.team);
  return of_key && (!key.team || lists(key.team->grant.models, model_name));
}

namespace {

// Who refuses: the team, where the key's own list would allow them all.
std::string who_refuses(const Key& key, const std::vector<std::string>& model_names) {
  const bool of_team =
      key.team && (asks_its_team(key) || std::ranges::all_of(model_names, [&](const auto& name) {
                     return lists(key.grant.models, name);
                   }));
  return of_team ? fmt::format("team '{}' of the key {}", key.team->id, key.name)
                 : fmt::format("key {}", key.name);
}

}  // namespace

Result<void> check_models(const Caller& caller,
                          const std::vector<std::string>& model_names,
                          std::string_view param) {
  std::vector<std::string> refused;
  for (const std::string& name : model_names) {
    if (!may_use(caller, name)) refused.push_back(name);
  }
  if (refused.empty()) return {};
  return fail(Error(Errc::denied, fmt::format("The {} may not use {} '{}'. hint: GET /v1/models "
                                              "lists the models that the key may use.",
                                              who_refuses(*caller.key, refused),
                                              refused.size() == 1 ? "the model" : "the models",
                                              fmt::join(refused, "', '")))
                  .param(std::string(param))
                  .reason("model_not_allowed"));
}

}  // namespace quarry::access
