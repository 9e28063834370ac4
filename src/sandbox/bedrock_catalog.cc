#include "sandbox/bedrock_catalog.h"

#include "base/bytes.h"
#include "sandbox/families.h"
#include "sandbox/job_access.h"
#include "sandbox/known_models.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kProfilesPageMax = 1000;
constexpr std::string_view kMade = "2025-10-15T00:00:00Z";
// Which model is behind an application inference profile, its ARN does not tell.
constexpr std::string_view kUnsaidModel = "anthropic.claude-haiku-4-5-20251001-v1:0";

std::unexpected<Fault> invalid(std::string message) {
  return refuse(400, "ValidationException", std::move(message));
}

json::object profile_json(const std::string& id, std::string_view model, const Caller& caller) {
  const KnownModel known = describe_model(model);
  const std::string_view partition = partition_of(caller.region);
  const bool application = id.starts_with("arn:") && id.contains(":application-inference-profile/");
  const std::string short_id = id.substr(id.rfind('/') + 1);
  json::array models;
  models.push_back({{"modelArn", fmt::format("arn:{}:bedrock:{}::foundation-model/{}", partition,
                                             caller.region, model)}});
  return {{"inferenceProfileName", fmt::format("{} {}", known.provider, known.name)},
          {"description", fmt::format("Routes requests to {}.", known.name)},
          {"createdAt", kMade},
          {"updatedAt", kMade},
          {"inferenceProfileArn",
           id.starts_with("arn:") ? id : bedrock_arn(caller, "inference-profile/" + id)},
          {"models", std::move(models)},
          {"inferenceProfileId", short_id},
          {"status", "ACTIVE"},
          {"type", application ? "APPLICATION" : "SYSTEM_DEFINED"}};
}

json::array texts(std::initializer_list<std::string_view> items) {
  json::array list;
  for (const std::string_view item : items) list.emplace_back(item);
  return list;
}

Answer<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return refuse(400, "SerializationException", "The request body is not JSON.");
  if (!value.is_object()) return invalid("The request body is not a JSON object.");
  return value.get_object();
}

std::string text_of(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                : "";
}

json::value* tag_of(json::array& tags, std::string_view key) {
  const auto found = std::ranges::find_if(
      tags, [&](const json::value& tag) { return text_of(tag.as_object(), "key") == key; });
  return found == tags.end() ? nullptr : &*found;
}

Answer<void> add_tags(Job& job, const json::object& request) {
  const json::value* given = request.if_contains("tags");
  if (given == nullptr || !given->is_array()) return invalid("tags must be a list.");
  json::array tags = job.tags;
  for (const json::value& tag : given->get_array()) {
    if (!tag.is_object() || text_of(tag.get_object(), "key").empty())
      return invalid("A tag needs a key and a value.");
    const std::string key = text_of(tag.get_object(), "key");
    const std::string value = text_of(tag.get_object(), "value");
    if (json::value* known = tag_of(tags, key)) {
      known->as_object()["value"] = value;
    } else {
      tags.push_back({{"key", key}, {"value", value}});
    }
  }
  if (tags.size() > kTagsMax)
    return refuse(400, "TooManyTagsException",
                  fmt::format("The number of tags exceeds the limit of {}.", kTagsMax));
  job.tags = std::move(tags);
  return {};
}

Answer<void> remove_tags(Job& job, const json::object& request) {
  const json::value* keys = request.if_contains("tagKeys");
  if (keys == nullptr || !keys->is_array()) return invalid("tagKeys must be a list.");
  for (const json::value& key : keys->get_array()) {
    if (!key.is_string()) return invalid("tagKeys must hold texts.");
    if (json::value* known = tag_of(job.tags, key.get_string()))
      job.tags.erase(job.tags.begin() + (known - job.tags.data()));
  }
  return {};
}

std::string_view tag_action(TagOperation operation) {
  switch (operation) {
    case TagOperation::tag:
      return "bedrock:TagResource";
    case TagOperation::untag:
      return "bedrock:UntagResource";
    default:
      return "bedrock:ListTagsForResource";
  }
}

}  // namespace

BedrockAnswer get_foundation_model(BedrockContext& bedrock,
                                   const Caller& caller,
                                   std::string_view segment) {
  const std::string id = percent_decode(segment).value_or("");
  const std::string base(base_model(id));
  const bool profile = base != id && !id.contains(":foundation-model/");
  if (id.empty() || profile) return invalid("The provided model identifier is invalid.");
  const std::string arn = model_arn(base, caller);
  auto right = bedrock.identities.authorize(caller.principal, "bedrock:GetFoundationModel", arn);
  if (!right) return std::unexpected(std::move(right.error()));
  const Family family = family_of_model(base);
  if (family == Family::none || family == Family::unsaid) {
    return refuse(404, "ResourceNotFoundException",
                  "Could not resolve the foundation model from the provided model identifier.");
  }
  const KnownModel known = describe_model(base);
  const bool embeds = is_embedding(family);
  const bool images = !embeds && traits_of(base, family).takes_images;
  return json_response(
      200, json::serialize(json::object{
               {"modelDetails",
                {{"modelArn", arn},
                 {"modelId", base},
                 {"modelName", known.name},
                 {"providerName", known.provider},
                 {"inputModalities", images ? texts({"TEXT", "IMAGE"}) : texts({"TEXT"})},
                 {"outputModalities", embeds ? texts({"EMBEDDING"}) : texts({"TEXT"})},
                 {"responseStreamingSupported", !embeds},
                 {"customizationsSupported", json::array()},
                 {"inferenceTypesSupported", texts({"ON_DEMAND"})},
                 {"modelLifecycle", {{"status", "ACTIVE"}}}}}}));
}

BedrockAnswer get_inference_profile(BedrockContext& bedrock,
                                    const Caller& caller,
                                    std::string_view segment) {
  const std::string id = percent_decode(segment).value_or("");
  const std::string arn = model_arn(id, caller);
  auto right = bedrock.identities.authorize(caller.principal, "bedrock:GetInferenceProfile", arn);
  if (!right) return std::unexpected(std::move(right.error()));
  const std::string_view short_id = std::string_view(id).substr(id.rfind('/') + 1);
  const Family family = family_of_model(id);
  const bool application = id.contains(":application-inference-profile/");
  if (!application && (base_model(short_id) == short_id || family == Family::none))
    return refuse(404, "ResourceNotFoundException",
                  "The requested inference profile is not found.");
  const std::string model(application ? kUnsaidModel : base_model(short_id));
  return json_response(200, json::serialize(profile_json(id, model, caller)));
}

BedrockAnswer list_inference_profiles(BedrockContext& bedrock,
                                      const Caller& caller,
                                      std::string_view raw_query) {
  auto right = bedrock.identities.authorize(caller.principal, "bedrock:ListInferenceProfiles",
                                            bedrock_arn(caller, "*"));
  if (!right) return std::unexpected(std::move(right.error()));
  const auto query = Query::parse(raw_query);
  if (!query) return invalid("The query string is malformed.");
  const auto number = [&](const char* name, std::size_t fallback) -> std::optional<std::size_t> {
    const auto text = query->get(name);
    if (!text) return fallback;
    std::size_t value = 0;
    const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || at != text->data() + text->size()) return std::nullopt;
    return value;
  };
  const auto count = number("maxResults", kProfilesPageMax), from = number("nextToken", 0);
  if (!count || *count < 1 || *count > kProfilesPageMax)
    return invalid("maxResults must be a number from 1 to 1000.");
  if (!from) return invalid("The nextToken is invalid.");
  json::array all;
  const bool none = query->get("type").value_or("SYSTEM_DEFINED") == "APPLICATION";
  const std::string_view near = caller.region.starts_with("eu-")   ? "eu."
                                : caller.region.starts_with("ap-") ? "apac."
                                                                   : "us.";
  for (const KnownModel& model : known_models()) {
    if (!model.profiles || none) continue;
    for (const std::string_view prefix : {near, std::string_view("global.")})
      all.push_back(profile_json(fmt::format("{}{}", prefix, model.id), model.id, caller));
  }
  json::object out;
  json::array page;
  for (std::size_t i = *from; i < all.size() && page.size() < *count; ++i) page.push_back(all[i]);
  if (*from + page.size() < all.size()) out["nextToken"] = std::to_string(*from + page.size());
  out["inferenceProfileSummaries"] = std::move(page);
  return json_response(200, json::serialize(out));
}

Awaitable<BedrockAnswer> handle_tags(BedrockContext& bedrock,
                                     TagOperation operation,
                                     Caller caller,
                                     std::string body) {
  const auto request = parse_object(body);
  if (!request) co_return std::unexpected(request.error());
  const std::string arn = text_of(*request, "resourceARN");
  if (arn.empty())
    co_return invalid(
        "1 validation error detected: Value null at 'resourceARN' failed to satisfy constraint: "
        "Member must not be null");
  auto right = bedrock.identities.authorize(caller.principal, tag_action(operation), arn);
  if (!right) co_return std::unexpected(std::move(right.error()));
  const JobPtr job = bedrock.jobs.find(arn);
  if (!job || job->account() != caller.principal.account || job->region != caller.region)
    co_return refuse(404, "ResourceNotFoundException", "The specified resource ARN is not found.");
  if (operation == TagOperation::list)
    co_return json_response(200, json::serialize(json::object{{"tags", job->tags}}));
  auto done =
      operation == TagOperation::tag ? add_tags(*job, *request) : remove_tags(*job, *request);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_await bedrock.jobs.save(job);
  co_return json_response(200, "{}");
}

}  // namespace quarry::sandbox
