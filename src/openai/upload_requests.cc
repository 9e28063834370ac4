#include "openai/upload_requests.h"

#include "openai/body_members.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::openai {
namespace {

namespace json = boost::json;

constexpr std::size_t kMd5HexDigits = 32;

Result<std::vector<std::string>> texts(const json::array& list, const std::string& member) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string()) {
      const std::string param = fmt::format("{}[{}]", member, i);
      return wrong(param, "invalid_type",
                   fmt::format("Invalid type for '{}': expected a string, but got {} instead.",
                               param, kind_name(list[i])));
    }
    out.emplace_back(list[i].get_string());
  }
  return out;
}

// A string or a list of strings.
Result<std::vector<std::string>> target_model_names(const json::object& body) {
  const std::string member = "target_model_names";
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) return std::vector<std::string>();
  if (value->is_string()) return std::vector<std::string>{std::string(value->get_string())};
  if (value->is_array()) return texts(value->get_array(), member);
  return wrong(member, "invalid_type",
               fmt::format("Invalid type for '{}': expected a string or an array of strings, but "
                           "got {} instead.",
                           member, kind_name(*value)));
}

Result<std::vector<std::string>> part_ids(const json::object& body) {
  const std::string member = "part_ids";
  const json::value* value = body.if_contains(member);
  if (!value || value->is_null()) {
    return wrong(member, "missing_required_parameter", "Missing required parameter: 'part_ids'.");
  }
  if (value->is_array()) return texts(value->get_array(), member);
  return wrong(member, "invalid_type",
               fmt::format("Invalid type for '{}': expected an array of strings, but got {} "
                           "instead.",
                           member, kind_name(*value)));
}

Result<std::string> md5(const json::object& body) {
  const json::value* value = body.if_contains("md5");
  if (!value || value->is_null()) return std::string();
  std::string digits(value->is_string() ? std::string_view(value->get_string())
                                        : std::string_view());
  std::ranges::transform(digits, digits.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
  });
  const bool is_hex = std::ranges::all_of(
      digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (digits.size() != kMd5HexDigits || !is_hex) {
    return wrong("md5", "invalid_value",
                 fmt::format("Invalid 'md5': expected the MD5 of the file's bytes as {} "
                             "hexadecimal digits.",
                             kMd5HexDigits));
  }
  return digits;
}

}  // namespace

Result<CreateUpload> parse_create_upload(std::string_view text) {
  auto body = parse_body(text);
  if (!body) return fail(std::move(body.error()));
  CreateUpload create;
  for (auto [member, target] : {std::pair{"filename", &create.filename},
                                {"purpose", &create.purpose},
                                {"mime_type", &create.mime_type}}) {
    auto value = required_text(*body, member);
    if (!value) return fail(std::move(value.error()));
    *target = std::move(*value);
  }
  auto bytes = required_integer(*body, "bytes", 1);
  if (!bytes) return fail(std::move(bytes.error()));
  create.bytes = *bytes;
  auto expires = expires_after(*body, "expires_after");
  if (!expires) return fail(std::move(expires.error()));
  create.expires_after_s = *expires;
  auto models = target_model_names(*body);
  if (!models) return fail(std::move(models.error()));
  create.target_model_names = std::move(*models);
  return create;
}

Result<CompleteUpload> parse_complete_upload(std::string_view text) {
  auto body = parse_body(text);
  if (!body) return fail(std::move(body.error()));
  auto ids = part_ids(*body);
  if (!ids) return fail(std::move(ids.error()));
  auto digest = md5(*body);
  if (!digest) return fail(std::move(digest.error()));
  return CompleteUpload{std::move(*ids), std::move(*digest)};
}

}  // namespace quarry::openai
