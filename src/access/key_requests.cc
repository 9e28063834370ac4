#include "access/key_requests.h"

#include "access/grants.h"
#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::access {
namespace {

constexpr std::size_t kNameBytesMax = 256;
constexpr std::size_t kModelBytesMax = 512;
constexpr std::size_t kModelsMax = 1'000;
constexpr std::size_t kMetadataBytesMax = std::size_t{64} << 10;
constexpr std::size_t kDeletedMax = 1'000;
constexpr std::int64_t kRateMax = 1'000'000'000'000;

// nullopt within: null, and LiteLLM's "-1": for ever.
Change<Span> span_of(RequestFields& fields, std::string_view name, std::string* text = nullptr) {
  const auto value = fields.text(name, kNameBytesMax);
  if (!value) return std::nullopt;
  if (!*value || **value == "-1") return std::optional<Span>();
  const auto span = parse_span(**value);
  if (!span) {
    fields.complain(name, "invalid_value",
                    fmt::format("Invalid '{}': '{}'. Expected a number of seconds, minutes, hours, "
                                "days, weeks or months, up to a hundred years: 30s, 30m, 24h, 7d, "
                                "2w, 1mo.",
                                name, **value));
    return std::nullopt;
  }
  if (text) *text = **value;
  return std::optional(*span);
}

// Of the metadata: what LiteLLM would leave out with a word in its log is an error here.
void check_metadata(RequestFields& fields, const boost::json::object& metadata) {
  for (const LimitName& known : limit_names()) {
    const boost::json::value* value = metadata.if_contains(known.name);
    if (!value || value->is_null()) continue;
    if (!value->is_int64() || value->get_int64() < 1 || value->get_int64() > known.most) {
      fields.complain(fmt::format("metadata.{}", known.name), "invalid_value",
                      fmt::format("Invalid 'metadata.{}': expected an integer from 1 to {}.",
                                  known.name, known.most));
    }
  }
  if (json::value_text(metadata).size() > kMetadataBytesMax) {
    fields.complain("metadata", "invalid_value",
                    fmt::format("Invalid 'metadata': longer than {} bytes.", kMetadataBytesMax));
  }
}

GrantChanges grant_changes(RequestFields& fields) {
  GrantChanges changes;
  changes.models = fields.texts("models", kModelBytesMax, kModelsMax);
  changes.metadata = fields.object("metadata");
  if (changes.metadata && *changes.metadata) check_metadata(fields, **changes.metadata);
  for (const LimitName& known : limit_names()) {
    if (const auto limit = fields.integer(known.name, 1, known.most)) {
      changes.limits.emplace_back(known.name, *limit);
    }
  }
  changes.max_budget_nano_usd = fields.nano_usd("max_budget");
  std::string duration;
  if (const auto span = span_of(fields, "budget_duration", &duration)) {
    changes.budget_duration = *span ? std::optional(duration) : std::nullopt;
  }
  changes.rpm_limit = fields.integer("rpm_limit", 0, kRateMax);
  changes.tpm_limit = fields.integer("tpm_limit", 0, kRateMax);
  changes.max_parallel_requests = fields.integer("max_parallel_requests", 0, kRateMax);
  changes.blocked = fields.boolean("blocked");
  return changes;
}

}  // namespace

Result<KeyRequest> parse_key_request(std::string_view body) {
  auto fields = RequestFields::parse(body);
  if (!fields) return fail(std::move(fields.error()));
  KeyRequest request;
  if (const auto key = fields->text("key", kNameBytesMax); key && *key) {
    request.key = Secret<std::string>(**key);
  }
  request.key_alias = fields->text("key_alias", kNameBytesMax);
  request.user_id = fields->text("user_id", kNameBytesMax);
  request.team_id = fields->text("team_id", kNameBytesMax);
  request.duration = span_of(*fields, "duration");
  request.grant = grant_changes(*fields);
  if (auto checked = fields->checked(); !checked) return fail(std::move(checked.error()));
  request.ignored = fields->leftovers();
  return request;
}

Result<TeamRequest> parse_team_request(std::string_view body) {
  auto fields = RequestFields::parse(body);
  if (!fields) return fail(std::move(fields.error()));
  TeamRequest request;
  if (const auto id = fields->text("team_id", kNameBytesMax)) request.team_id = *id;
  request.team_alias = fields->text("team_alias", kNameBytesMax);
  request.grant = grant_changes(*fields);
  if (auto checked = fields->checked(); !checked) return fail(std::move(checked.error()));
  request.ignored = fields->leftovers();
  return request;
}

Result<KeysToDelete> parse_delete_keys(std::string_view body) {
  auto fields = RequestFields::parse(body);
  if (!fields) return fail(std::move(fields.error()));
  KeysToDelete named;
  const auto keys = fields->texts("keys", kNameBytesMax, kDeletedMax);
  for (const std::string& key : keys.value_or(std::vector<std::string>())) {
    named.keys.emplace_back(key);
  }
  named.aliases =
      fields->texts("key_aliases", kNameBytesMax, kDeletedMax).value_or(std::vector<std::string>());
  if (auto checked = fields->checked(); !checked) return fail(std::move(checked.error()));
  if (named.keys.empty() && named.aliases.empty()) {
    return fail(Error(Errc::invalid_request,
                      "Missing required parameter: 'keys', or 'key_aliases': which keys to delete.")
                    .param("keys")
                    .reason("missing_required_parameter"));
  }
  return named;
}

Result<std::vector<std::string>> parse_delete_teams(std::string_view body) {
  auto fields = RequestFields::parse(body);
  if (!fields) return fail(std::move(fields.error()));
  auto ids = fields->texts("team_ids", kNameBytesMax, kDeletedMax);
  if (auto checked = fields->checked(); !checked) return fail(std::move(checked.error()));
  if (ids && !ids->empty()) return std::move(*ids);
  return fail(Error(Errc::invalid_request, "Missing required parameter: 'team_ids'.")
                  .param("team_ids")
                  .reason("missing_required_parameter"));
}

void apply(const GrantChanges& changes, std::int64_t now_s, store::GrantColumns& grant) {
  if (changes.models) grant.models = *changes.models;
  boost::json::object metadata;
  if (changes.metadata) {
    metadata = changes.metadata->value_or(boost::json::object());
  } else {
    metadata = boost::json::parse(grant.metadata_json).as_object();
  }
  for (const auto& [name, limit] : changes.limits) {
    if (limit) {
      metadata[name] = *limit;
    } else {
      metadata.erase(name);
    }
  }
  grant.metadata_json = json::value_text(metadata);
  if (changes.max_budget_nano_usd) grant.max_budget_nano_usd = *changes.max_budget_nano_usd;
  if (changes.budget_duration) {
    const std::string duration = changes.budget_duration->value_or("");
    if (duration != grant.budget_duration) grant.budget_began = now_s;
    grant.budget_duration = duration;
  }
  if (changes.rpm_limit) grant.rpm_limit = *changes.rpm_limit;
  if (changes.tpm_limit) grant.tpm_limit = *changes.tpm_limit;
  if (changes.max_parallel_requests) grant.max_parallel_requests = *changes.max_parallel_requests;
  if (changes.blocked && *changes.blocked) grant.blocked = **changes.blocked;  // null says nothing
  grant.updated_at = now_s;
}

}  // namespace quarry::access
