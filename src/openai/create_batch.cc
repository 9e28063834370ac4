#include "openai/create_batch.h"

#include "openai/body_members.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <charconv>

namespace quarry::openai {
namespace {

namespace json = boost::json;

constexpr std::size_t kMetadataPairsMax = 16;
constexpr std::size_t kMetadataKeyMax = 64;  // characters, not bytes
constexpr std::size_t kMetadataValueMax = 512;

std::size_t characters(std::string_view utf8) {
  std::size_t count = 0;
  for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
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

// Digits without a leading zero, and 'h': one way to write each window.
Result<std::chrono::hours> window_hours(std::string_view text, std::chrono::hours longest) {
  std::int64_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, count);
  const bool written_so = failed == std::errc() && end + 1 == last && *end == 'h' && text[0] != '0';
  const std::chrono::hours hours(count);
  if (written_so && hours >= kShortestWindow && hours <= longest) return hours;
  const std::string supported =
      longest == kShortestWindow
          ? fmt::format("'{}h'", kShortestWindow.count())
          : fmt::format("'{}h' to '{}h', in whole hours", kShortestWindow.count(), longest.count());
  return wrong("completion_window", "invalid_value",
               fmt::format("Invalid value: '{}'. Supported values are: {} (completion_window).{}",
                           text, supported,
                           written_so && hours > longest
                               ? " hint: the server's general_settings.max_completion_window "
                                 "allows longer ones."
                               : ""));
}

// Nothing but a boolean: whoever writes "true" does not want a batch.
Result<bool> dry_run(const json::object& body) {
  const json::value* value = body.if_contains("dry_run");
  if (!value || value->is_null()) return false;
  if (value->is_bool()) return value->get_bool();
  return wrong("dry_run", "invalid_type",
               fmt::format("Invalid type for 'dry_run': expected a boolean, but got {} instead.",
                           kind_name(*value)));
}

}  // namespace

Result<CreateBatch> parse_create_batch(std::string_view text, std::chrono::hours longest_window) {
  auto parsed = parse_body(text);
  if (!parsed) return fail(std::move(parsed.error()));
  const json::object& body = *parsed;
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
  const auto hours = window_hours(*window, longest_window);
  if (!hours) return fail(std::move(hours.error()));
  create.window = *hours;
  create.completion_window = std::move(*window);

  auto pairs = metadata(body);
  if (!pairs) return fail(std::move(pairs.error()));
  create.metadata_json = std::move(*pairs);
  auto expires = expires_after(body, "output_expires_after");
  if (!expires) return fail(std::move(expires.error()));
  create.output_expires_after_s = *expires;
  auto only_told = dry_run(body);
  if (!only_told) return fail(std::move(only_told.error()));
  create.dry_run = *only_told;
  return create;
}

}  // namespace quarry::openai
