#include "cli/keys_report.h"

#include "base/bytes.h"
#include "cli/format.h"
#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace quarry::cli {
namespace {

namespace bj = boost::json;

// Members that are texts, whatever they look like.
constexpr std::array<std::string_view, 7> kTexts{
    "key", "key_alias", "user_id", "team_id", "team_alias", "duration", "budget_duration"};

bool is_text(std::string_view member) { return std::ranges::find(kTexts, member) != kTexts.end(); }

// What the server does not take, it refuses by its name.
bj::value value_of(std::string_view member, const std::string& typed) {
  if (typed == "none") return nullptr;
  if (is_text(member)) return bj::value_from(typed);
  boost::system::error_code broken;
  bj::value value = bj::parse(typed, broken);
  return broken ? bj::value_from(typed) : value;
}

std::string text_of(const bj::value* value) {
  if (!value || value->is_null()) return "-";
  if (value->is_string()) return std::string(value->get_string());
  return json::value_text(*value);
}

std::string usd_of(const bj::value* value) {
  if (!value || !value->is_number()) return "-";
  return format_usd(value->to_number<double>());
}

std::string list_of(const bj::value* value) {
  if (!value || !value->is_array() || value->get_array().empty()) return "all";
  std::vector<std::string> items;
  for (const bj::value& item : value->get_array()) items.push_back(text_of(&item));
  return fmt::format("{}", fmt::join(items, ","));
}

std::string state_of(const bj::object& object) {
  const bj::value* blocked = object.if_contains("blocked");
  return blocked && blocked->is_bool() && blocked->get_bool() ? "blocked" : "active";
}

// Rows of as many cells as the first; columns as wide as need be, the last as it is.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      out += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    out += row.back() + "\n";
  }
  return out;
}

std::string key_table(const bj::array& keys) {
  std::vector<std::vector<std::string>> rows{
      {"KEY", "ALIAS", "USER", "TEAM", "SPENT", "BUDGET", "EXPIRES", "STATE", "MODELS", "HASH"}};
  for (const bj::value& key : keys) {
    const bj::object* object = key.if_object();
    if (!object) continue;
    const auto at = [&](const char* name) { return object->if_contains(name); };
    rows.push_back({text_of(at("key_name")), text_of(at("key_alias")), text_of(at("user_id")),
                    text_of(at("team_id")), usd_of(at("spend")), usd_of(at("max_budget")),
                    text_of(at("expires")), state_of(*object), list_of(at("models")),
                    text_of(at("token"))});
  }
  return rows.size() == 1 ? "no keys\n" : table(rows);
}

std::string team_table(const bj::array& teams) {
  std::vector<std::vector<std::string>> rows{
      {"TEAM", "ALIAS", "SPENT", "BUDGET", "RENEWED", "STATE", "MODELS"}};
  for (const bj::value& team : teams) {
    const bj::object* object = team.if_object();
    if (!object) continue;
    const auto at = [&](const char* name) { return object->if_contains(name); };
    rows.push_back({text_of(at("team_id")), text_of(at("team_alias")), usd_of(at("spend")),
                    usd_of(at("max_budget")), text_of(at("budget_reset_at")), state_of(*object),
                    list_of(at("models"))});
  }
  return rows.size() == 1 ? "no teams\n" : table(rows);
}

// One a line; what is not set, and what means nothing here, is left out.
std::string members(const bj::object& object) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : object) {
    const bj::value& value = member.value();
    const std::string_view name = member.key();
    const bool empty = value.is_null() || (value.is_array() && value.get_array().empty()) ||
                       (value.is_object() && value.get_object().empty());
    if ((empty && name != "models") || name == "key" || name == "token_id") continue;
    const bool money = name == "spend" || name == "max_budget";
    std::string shown = name == "models" ? list_of(&value)
                        : money          ? usd_of(&value)
                                         : text_of(&value);
    rows.push_back({std::string(name == "token" ? "hash" : name), std::move(shown)});
  }
  return rows.empty() ? std::string() : table(rows);
}

std::string render_object(std::string_view route, const bj::object& object) {
  for (const char* inner : {"info", "data"}) {
    const bj::value* value = object.if_contains(inner);
    if (value && value->is_object()) return members(value->get_object());
  }
  if (const bj::value* team = object.if_contains("team_info"); team && team->is_object()) {
    const bj::value* keys = object.if_contains("keys");
    return members(team->get_object()) + "\n" +
           (keys && keys->is_array() ? key_table(keys->get_array()) : std::string());
  }
  if (route == "key/list") {
    const bj::value* keys = object.if_contains("keys");
    return keys && keys->is_array()
               ? fmt::format("{}page {} of {}, {} in all\n", key_table(keys->get_array()),
                             text_of(object.if_contains("current_page")),
                             text_of(object.if_contains("total_pages")),
                             text_of(object.if_contains("total_count")))
               : std::string();
  }
  return members(object);
}

Shown generated(const bj::object& object) {
  return {.out = text_of(object.if_contains("key")) + "\n",
          .notes =
              "\nThis is the key itself. It is shown this once: the server keeps its hash "
              "alone.\n\n" +
              members(object)};
}

Shown deleted(std::string_view route, const bj::object& object) {
  const bj::value* teams = object.if_contains("deleted_teams");
  const std::string count = route == "team/delete" && teams && teams->is_array()
                                ? fmt::format("{}", teams->get_array().size())
                                : text_of(object.if_contains("deleted_count"));
  Shown shown{.out = fmt::format("deleted: {}\n", count)};
  const bj::value* warnings = object.if_contains("warnings");
  if (!warnings || !warnings->is_array()) return shown;
  for (const bj::value& warning : warnings->get_array()) {
    shown.notes += fmt::format("quarry keys: {}\n", text_of(&warning));
    shown.done = false;
  }
  return shown;
}

}  // namespace

std::string_view method_of(std::string_view route) {
  return route.ends_with("/list") || route.ends_with("/info") ? "GET" : "POST";
}

std::string query_of(const KeysOptions& options) {
  if (method_of(options.route) != "GET") return "";
  std::string query;
  const auto add = [&query](std::string_view name, std::string_view value) {
    query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, percent_encode(value, false));
  };
  if (!options.names.empty()) {
    add(options.route.starts_with("team") ? "team_id" : "key", options.names.front());
  }
  for (const auto& [name, value] : options.query) add(name, value);
  return query;
}

Result<std::string> body_of(const KeysOptions& options) {
  if (method_of(options.route) == "GET") return std::string();
  const bool of_team = options.route.starts_with("team");
  bj::object body;
  if (options.route.ends_with("/delete")) {
    body[of_team ? "team_ids" : "keys"] = bj::value_from(options.names);
    return json::value_text(body);
  }
  if (!options.names.empty()) body[of_team ? "team_id" : "key"] = options.names.front();
  for (const auto& [name, typed] : options.members) body[name] = value_of(name, typed);
  const bool no_models = options.models.size() == 1 && options.models.front() == "none";
  if (no_models) {
    body["models"] = bj::array();
  } else if (!options.models.empty()) {
    body["models"] = bj::value_from(options.models);
  }
  if (const bj::value* metadata = body.if_contains("metadata"); metadata && metadata->is_string()) {
    return fail(Errc::invalid_request,
                "--metadata is no JSON object\nhint: --metadata "
                "'{\"cost_center\": 7}'");
  }
  return json::value_text(body);
}

Shown render_answer(std::string_view route, std::string_view answer) {
  boost::system::error_code broken;
  const bj::value value = bj::parse(answer, broken);
  if (!broken && value.is_array()) return {.out = team_table(value.get_array())};
  if (broken || !value.is_object()) return {.out = std::string(answer) + "\n"};
  const bj::object& object = value.get_object();
  if (route == "key/generate") return generated(object);
  if (route.ends_with("/delete")) return deleted(route, object);
  return {.out = render_object(route, object)};
}

}  // namespace quarry::cli
