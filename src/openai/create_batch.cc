#include "openai/create_batch.h"

#include "openai/expires_after.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::openai {
namespace {

namespace json = boost::json;

constexpr std::size_t kMetadataPairsMax = 16;
constexpr std::size_t kMetadataKeyMax = 64;  // characters, not bytes
constexpr std::size_t kMetadataValueMax = 512;

std::unexpected<Error> wrong(std::string param, std::string code, std::string message) {
  return fail(Error(Errc::invalid_request, std::move(message))
                  .param(std::move(param))
                  .reason(std::move(code)));
}

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

std::size_t characters(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

Result<std::string> required_text(const json::object& body, const std::string& member) {
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) {
    return wrong(member, "missing_required_parameter",
                 fmt::format("Missing required parameter: '{}'.", member));
  }
  if (!value->is_string()) {
    return wrong(member, "invalid_type",
                 fmt::format("Invalid type for '{}': expected a string, but got {} instead.",
                             member, kind_name(*value)));
  }
  return std::string(value->get_string());
}

Result<std::optional<std::string>> metadata(const json::object& body) {
  const json::value* value = body.if_contains("metadata");
  if (!value || value->is_null()) return std::nullopt;
  const json::object* pairs = value->if_object();
  if (!pairs) {
    return wrong("metadata", "invalid_type",
                 fmt::format("Invalid type for 'metadata': expected an object, but got {} instead.",
                             kind_name(*value)));
  }
  if (pairs->size() > kMetadataPairsMax) {
    return wrong(
        "metadata", "object_above_max_properties",
        fmt::format("Invalid 'metadata': too many properties. Expected an object with at most "
                    "{} properties, but got {} properties instead.",
                    kMetadataPairsMax, pairs->size()));
  }
  for (const auto& [key, item] : *pairs) {
    const std::string param = fmt::format("metadata.{}", std::string_view(key));
    if (characters(key) > kMetadataKeyMax) {
      return wrong("metadata", "string_above_max_length",
                   fmt::format("Invalid 'metadata': the key '{}' is too long. Expected at most {} "
                               "characters.",
                               std::string_view(key), kMetadataKeyMax));
    }
    if (!item.is_string()) {
      return wrong(param, "invalid_type",
                   fmt::format("Invalid type for '{}': expected a string, but got {} instead.",
                               param, kind_name(item)));
    }
    if (characters(item.get_string()) > kMetadataValueMax) {
      return wrong(
          param, "string_above_max_length",
          fmt::format("Invalid '{}': string too long. Expected a string with maximum length "
                      "{}, but got a string with length {} instead.",
                      param, kMetadataValueMax, characters(item.get_string())));
    }
  }
  return json::serialize(*pairs);
}

Result<std::optional<std::int64_t>> output_expires_after(const json::object& body) {
  const json::value* value = body.if_contains("output_expires_after");
  if (!value || value->is_null()) return std::nullopt;
  const json::object* object = value->if_object();
  if (!object) {
    return wrong(
        "output_expires_after", "invalid_type",
        fmt::format("Invalid type for 'output_expires_after': expected an object, but got {} "
                    "instead.",
                    kind_name(*value)));
  }
  const json::value* anchor = object->if_contains("anchor");
  if (!anchor || !anchor->is_string() || anchor->get_string() != "created_at") {
    return wrong("output_expires_after.anchor", "invalid_value",
                 "Invalid 'output_expires_after.anchor'. Supported values are: 'created_at'.");
  }
  const json::value* seconds = object->if_contains("seconds");
  if (!seconds || !seconds->is_int64()) {
    return wrong("output_expires_after.seconds", "invalid_type",
                 "Invalid type for 'output_expires_after.seconds': expected an integer.");
  }
  const std::int64_t count = seconds->get_int64();
  if (count < kExpiresAfterLeast || count > kExpiresAfterMost) {
    const bool below = count < kExpiresAfterLeast;
    return wrong(
        "output_expires_after.seconds",
        below ? "integer_below_min_value" : "integer_above_max_value",
        fmt::format("Invalid 'output_expires_after.seconds': integer {}. Expected a value {} {}, "
                    "but got {} instead.",
                    below ? "below minimum value" : "above maximum value",
                    below ? ">=" : "<=", below ? kExpiresAfterLeast : kExpiresAfterMost, count));
  }
  return count;
}

}  // namespace

Result<CreateBatch> parse_create_batch(std::string_view text) {
  boost::system::error_code broken;
  const json::value value = json::parse(text, broken);
  if (broken || !value.is_object()) {
    return wrong("", "",
                 "We could not parse the JSON body of your request. It must be a JSON object.");
  }
  const json::object& body = value.get_object();
  CreateBatch create;
  auto file = required_text(body, "input_file_id");
  if (!file) return fail(std::move(file.error()));
  create.input_file_id = std::move(*file);

  auto endpoint = required_text(body, "endpoint");
  if (!endpoint) return fail(std::move(endpoint.error()));
  const auto known = parse_endpoint(*endpoint);
  if (!known) {
    return wrong("endpoint", "invalid_value",
                 fmt::format("Invalid value: '{}'. Supported values are: '/v1/chat/completions', "
                             "'/v1/completions', '/v1/embeddings', and '/v1/responses'.",
                             *endpoint));
  }
  create.endpoint = *known;

  auto window = required_text(body, "completion_window");
  if (!window) return fail(std::move(window.error()));
  if (*window != "24h") {
    return wrong(
        "completion_window", "invalid_value",
        fmt::format("Invalid value: '{}'. Supported values are: '24h' (completion_window).",
                    *window));
  }
  create.completion_window = std::move(*window);

  auto pairs = metadata(body);
  if (!pairs) return fail(std::move(pairs.error()));
  create.metadata_json = std::move(*pairs);
  auto expires = output_expires_after(body);
  if (!expires) return fail(std::move(expires.error()));
  create.output_expires_after_s = *expires;
  return create;
}

}  // namespace quarry::openai
