#include "files/file_form.h"

#include "files/file_rules.h"
#include "openai/expires_after.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace quarry::files {
namespace {

using openai::kExpiresAfterLeast;
using openai::kExpiresAfterMost;

Error extra_body_error(std::string message) {
  return Error(Errc::invalid_request, std::move(message))
      .param("extra_body")
      .reason("invalid_type");
}

Result<void> add_names_of_extra_body(std::vector<std::string>& names, std::string_view text) {
  boost::system::error_code broken;
  const boost::json::value value = boost::json::parse(text, broken);
  if (broken)
    return fail(extra_body_error("Invalid value for 'extra_body': it is not valid JSON."));
  const boost::json::object* object = value.if_object();
  if (!object) {
    return fail(extra_body_error("Invalid type for 'extra_body': expected a JSON object."));
  }
  const boost::json::value* models = object->if_contains("target_model_names");
  if (!models || models->is_null()) return {};
  if (models->is_string()) {
    add_model_names(names, models->get_string());
    return {};
  }
  if (const boost::json::array* list = models->if_array()) {
    for (const boost::json::value& item : *list) {
      if (!item.is_string()) {
        return fail(extra_body_error("'target_model_names' in 'extra_body' must hold strings."));
      }
      add_model_names(names, item.get_string());
    }
    return {};
  }
  return fail(extra_body_error("'target_model_names' in 'extra_body' must be a string or a list."));
}

// "target_model_names", and "[…]" after it: a list's items.
bool names_field(std::string_view field, std::string_view wanted) {
  if (!field.starts_with(wanted)) return false;
  field.remove_prefix(wanted.size());
  return field.empty() || (field.starts_with('[') && field.ends_with(']'));
}

std::optional<std::string_view> find(const std::vector<FormField>& fields,
                                     std::initializer_list<std::string_view> spellings) {
  for (const auto& [field, value] : fields) {
    if (std::ranges::find(spellings, field) != spellings.end()) return value;
  }
  return std::nullopt;
}

Result<std::optional<std::int64_t>> expires_after(const std::vector<FormField>& fields) {
  const auto anchor = find(fields, {"expires_after[anchor]", "expires_after.anchor"});
  const auto seconds = find(fields, {"expires_after[seconds]", "expires_after.seconds"});
  if (!anchor && !seconds) return std::nullopt;
  const auto wrong = [](std::string_view param, std::string message) {
    return fail(Error(Errc::invalid_request, std::move(message)).param(std::string(param)));
  };
  if (!anchor)
    return wrong("expires_after.anchor", "Missing required parameter: 'expires_after.anchor'.");
  if (!seconds) {
    return wrong("expires_after.seconds", "Missing required parameter: 'expires_after.seconds'.");
  }
  if (*anchor != "created_at") {
    return wrong("expires_after.anchor",
                 fmt::format("Invalid value: '{}'. Supported values are: 'created_at'.", *anchor));
  }
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(seconds->data(), seconds->data() + seconds->size(), value);
  if (error != std::errc() || end != seconds->data() + seconds->size() ||
      value < kExpiresAfterLeast || value > kExpiresAfterMost) {
    return wrong(
        "expires_after.seconds",
        fmt::format("Invalid 'expires_after.seconds': expected an integer from {} to {}, but "
                    "got '{}' instead.",
                    kExpiresAfterLeast, kExpiresAfterMost, *seconds));
  }
  return value;
}

}  // namespace

Result<std::vector<std::string>> target_models(const std::vector<FormField>& fields) {
  std::vector<std::string> names;
  for (const auto& [field, value] : fields) {
    if (names_field(field, "target_model_names") ||
        names_field(field, "extra_body[target_model_names]")) {
      add_model_names(names, value);
    } else if (field == "extra_body") {
      if (auto added = add_names_of_extra_body(names, value); !added) return fail(added.error());
    }
  }
  return names;
}

Result<FileForm> parse_file_form(const std::vector<FormField>& fields) {
  FileForm form;
  const auto purpose = find(fields, {"purpose"});
  if (!purpose || purpose->empty()) {
    return fail(Error(Errc::invalid_request, "Missing required parameter: 'purpose'.")
                    .param("purpose")
                    .reason("missing_required_parameter"));
  }
  if (auto checked = check_purpose(*purpose); !checked) return fail(std::move(checked.error()));
  form.purpose = *purpose;
  auto models = target_models(fields);
  if (!models) return fail(std::move(models.error()));
  form.target_models = std::move(*models);
  auto expires = expires_after(fields);
  if (!expires) return fail(std::move(expires.error()));
  form.expires_after_s = *expires;
  return form;
}

}  // namespace quarry::files
