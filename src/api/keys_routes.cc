#include "access/key_service.h"
#include "api/errors.h"
#include "api/grant_objects.h"
#include "api/query.h"
#include "api/routes.h"
#include "base/bytes.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t kPageSizeDefault = 10;
constexpr std::int64_t kPageSizeMax = 100;
constexpr std::int64_t kPagesMax = 1'000'000;

Task<access::KeyRequest> read_request(http::BodyReader& body) {
  auto text = co_await read_small_body(body);
  if (!text) co_return fail(std::move(text.error()));
  co_return access::parse_key_request(*text);
}

Answer set_blocked(Call call, bool blocked) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  auto key = co_await call.services.keys.set_blocked(std::move(*request), blocked);
  if (!key) co_return error_response(key.error(), call.request.request_id);
  co_return json_response(200, key_object(*key));
}

// What may be asked of a list: which keys, and, of LiteLLM's parameters, how they look. To leave
// any other out of account would show, and to a script that deletes them be, more keys than were
// meant.
constexpr std::array<std::string_view, 12> kListParameters{"page",
                                                           "size",
                                                           "user_id",
                                                           "team_id",
                                                           "key_alias",
                                                           "key_hash",
                                                           "return_full_object",
                                                           "sort_by",
                                                           "sort_order",
                                                           "expand",
                                                           "include_team_keys",
                                                           "include_created_by_keys"};

struct ListRequest {
  store::KeyStore::Query query;
  std::int64_t page = 1, size = kPageSizeDefault;
  bool whole = false;  // objects, not hashes
};

Result<ListRequest> parse_list(std::string_view text) {
  const auto parameters = parse_query(text);
  const auto find = [&](std::string_view name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  for (const auto& [name, value] : parameters) {
    if (value.empty() || std::ranges::find(kListParameters, name) != kListParameters.end())
      continue;
    return fail(Error(Errc::invalid_request,
                      fmt::format("Unknown parameter: '{}'. Keys are listed by user_id, team_id, "
                                  "key_alias and key_hash.",
                                  name))
                    .param(name)
                    .reason("unknown_parameter"));
  }
  ListRequest list;
  for (auto [name, target, most] :
       {std::tuple{"page", &list.page, kPagesMax}, {"size", &list.size, kPageSizeMax}}) {
    if (!parameters.contains(name)) continue;
    auto value = integer_parameter(name, find(name), 1, most);
    if (!value) return fail(std::move(value.error()));
    *target = *value;
  }
  list.query.user_id = find("user_id");
  list.query.team_id = find("team_id");
  list.query.key_alias = find("key_alias");
  if (const std::string named = find("key_hash"); !named.empty()) {
    auto hash = access::hash_of(Secret<std::string>(named), "key_hash");
    if (!hash) return fail(std::move(hash.error()));
    list.query.key_hash = std::move(*hash);
  }
  list.query.limit = list.size;
  list.query.offset = (list.page - 1) * list.size;
  if (const std::string whole = find("return_full_object"); !whole.empty()) {
    auto value = boolean_parameter("return_full_object", whole);
    if (!value) return fail(std::move(value.error()));
    list.whole = *value;
  }
  return list;
}

}  // namespace

Answer generate_key(Call call) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  const std::vector<std::string> ignored = request->ignored;
  auto made = co_await call.services.keys.generate(std::move(*request));
  if (!made) co_return error_response(made.error(), call.request.request_id);
  json::object object{{"key", made->text.reveal()}};
  object["token_id"] = made->key.row.key_hash;
  for (auto& member : key_object(made->key)) object[member.key()] = std::move(member.value());
  add_warnings(object, ignored);
  co_return json_response(200, object);
}

Answer update_key(Call call) {
  auto request = co_await read_request(call.body);
  if (!request) co_return error_response(request.error(), call.request.request_id);
  const std::vector<std::string> ignored = request->ignored;
  auto key = co_await call.services.keys.update(std::move(*request));
  if (!key) co_return error_response(key.error(), call.request.request_id);
  json::object object = key_object(*key);
  object["key"] = key->row.key_hash;
  add_warnings(object, ignored);
  co_return json_response(200, object);
}

// Keys that were there are said again as they were named, as LiteLLM does; the rest is a warning.
Answer delete_keys(Call call) {
  auto body = co_await read_small_body(call.body);
  if (!body) co_return error_response(body.error(), call.request.request_id);
  auto named = access::parse_delete_keys(*body);
  if (!named) co_return error_response(named.error(), call.request.request_id);
  auto removed = co_await call.services.keys.remove(std::move(*named));
  if (!removed) co_return error_response(removed.error(), call.request.request_id);
  json::array deleted, warnings;
  for (const auto& key : removed->named) deleted.emplace_back(key.reveal());
  for (const std::string& name : removed->unknown) {
    warnings.emplace_back(fmt::format("there is no key '{}'", name));
  }
  json::object object{{"deleted_keys", std::move(deleted)},
                      {"deleted_count", removed->named.size()}};
  if (!warnings.empty()) object["warnings"] = std::move(warnings);
  co_return json_response(200, object);
}

Answer block_key(Call call) { co_return co_await set_blocked(std::move(call), true); }

Answer unblock_key(Call call) { co_return co_await set_blocked(std::move(call), false); }

Answer key_info(Call call) {
  const auto parameters = parse_query(call.request.query);
  const auto named = parameters.find("key");
  Secret<std::string> wanted;
  if (named != parameters.end()) {
    wanted = Secret<std::string>(named->second);
  } else if (!call.caller.admin()) {
    wanted = Secret<std::string>(call.caller.key->hash);
  }
  if (!call.caller.admin()) {
    const auto hash = access::hash_of(wanted);
    if (!hash || *hash != call.caller.key->hash) {
      co_return error_response(Error(Errc::denied,
                                     "A key may look at itself alone. hint: name the key that "
                                     "asks, or none; the master key may look at all.")
                                   .param("key")
                                   .reason("admin_only"),
                               call.request.request_id);
    }
  }
  if (wanted.reveal().empty()) {
    co_return error_response(400,
                             "Missing required parameter: 'key'. The master key has no row of its "
                             "own to look at.",
                             "invalid_request_error", "key", "missing_required_parameter");
  }
  auto key = co_await call.services.keys.find(std::move(wanted));
  if (!key) co_return error_response(key.error(), call.request.request_id);
  co_return json_response(200, {{"key", key->row.key_hash}, {"info", key_object(*key)}});
}

Answer list_keys(Call call) {
  auto list = parse_list(call.request.query);
  if (!list) co_return error_response(list.error(), call.request.request_id);
  const auto [query, page, size, whole] = *list;
  auto listed = co_await call.services.keys.list(query, whole);
  if (!listed) co_return error_response(listed.error(), call.request.request_id);
  json::array keys;
  for (const access::KeyView& key : listed->keys) {
    keys.push_back(whole ? json::value(key_object(key)) : json::value_from(key.row.key_hash));
  }
  co_return json_response(200, {{"keys", std::move(keys)},
                                {"total_count", listed->total},
                                {"current_page", page},
                                {"total_pages", (listed->total + size - 1) / size}});
}

}  // namespace quarry::api
