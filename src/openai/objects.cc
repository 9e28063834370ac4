#include "openai/objects.h"

#include <boost/json.hpp>

#include <array>
#include <utility>

namespace quarry::openai {

namespace json = boost::json;

namespace {

constexpr std::array<std::pair<BatchStatus, std::string_view>, 8> kStatusNames{{
    {BatchStatus::validating, "validating"},
    {BatchStatus::failed, "failed"},
    {BatchStatus::in_progress, "in_progress"},
    {BatchStatus::finalizing, "finalizing"},
    {BatchStatus::completed, "completed"},
    {BatchStatus::expired, "expired"},
    {BatchStatus::cancelling, "cancelling"},
    {BatchStatus::cancelled, "cancelled"},
}};

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

}  // namespace

std::string_view name(BatchStatus status) {
  for (const auto& [value, text] : kStatusNames) {
    if (value == status) return text;
  }
  return "failed";
}

std::optional<BatchStatus> parse_batch_status(std::string_view text) {
  for (const auto& [value, status_name] : kStatusNames) {
    if (status_name == text) return value;
  }
  return std::nullopt;
}

bool terminal(BatchStatus status) {
  return status == BatchStatus::failed || status == BatchStatus::completed ||
         status == BatchStatus::expired || status == BatchStatus::cancelled;
}

json::value to_json(const std::vector<BatchError>& errors) {
  json::array data;
  for (const BatchError& error : errors) {
    data.push_back({{"code", error.code},
                    {"message", error.message},
                    {"param", text_or_null(error.param)},
                    {"line", or_null(error.line)}});
  }
  return data;
}

Result<std::vector<BatchError>> parse_batch_errors(std::string_view text) {
  boost::system::error_code broken;
  const json::value value = json::parse(text, broken);
  if (broken || !value.is_array()) return fail(Errc::corrupt, "stored errors are not a JSON array");
  std::vector<BatchError> errors;
  for (const json::value& item : value.get_array()) {
    const json::object* object = item.if_object();
    if (!object) return fail(Errc::corrupt, "a stored error is not a JSON object");
    const auto text_of = [object](std::string_view key) -> std::string {
      const json::value* member = object->if_contains(key);
      return member && member->is_string() ? std::string(member->get_string()) : std::string();
    };
    BatchError error{text_of("code"), text_of("message"), text_of("param"), std::nullopt};
    if (const json::value* line = object->if_contains("line"); line && line->is_int64()) {
      error.line = line->get_int64();
    }
    errors.push_back(std::move(error));
  }
  return errors;
}

json::value to_json(const File& file) {
  return {{"id", file.id},
          {"object", "file"},
          {"bytes", file.bytes},
          {"created_at", file.created_at},
          {"expires_at", or_null(file.expires_at)},
          {"filename", file.filename},
          {"purpose", file.purpose},
          {"status", file.status},
          {"status_details", nullptr}};
}

json::value to_json(const Batch& batch) {
  json::value errors = nullptr;
  if (!batch.errors.empty()) errors = {{"object", "list"}, {"data", to_json(batch.errors)}};
  json::value metadata = nullptr;
  if (batch.metadata_json) metadata = json::parse(*batch.metadata_json);
  return {{"id", batch.id},
          {"object", "batch"},
          {"endpoint", batch.endpoint},
          {"model", or_null(batch.model)},
          {"errors", std::move(errors)},
          {"input_file_id", batch.input_file_id},
          {"completion_window", batch.completion_window},
          {"status", name(batch.status)},
          {"output_file_id", or_null(batch.output_file_id)},
          {"error_file_id", or_null(batch.error_file_id)},
          {"created_at", batch.created_at},
          {"in_progress_at", or_null(batch.in_progress_at)},
          {"expires_at", or_null(batch.expires_at)},
          {"finalizing_at", or_null(batch.finalizing_at)},
          {"completed_at", or_null(batch.completed_at)},
          {"failed_at", or_null(batch.failed_at)},
          {"expired_at", or_null(batch.expired_at)},
          {"cancelling_at", or_null(batch.cancelling_at)},
          {"cancelled_at", or_null(batch.cancelled_at)},
          {"request_counts",
           {{"total", batch.total}, {"completed", batch.completed}, {"failed", batch.failed}}},
          {"usage",
           {{"input_tokens", batch.usage.input_tokens},
            {"input_tokens_details", {{"cached_tokens", batch.usage.cached_input_tokens}}},
            {"output_tokens", batch.usage.output_tokens},
            {"output_tokens_details", {{"reasoning_tokens", batch.usage.reasoning_tokens}}},
            {"total_tokens", batch.usage.total_tokens()}}},
          {"metadata", std::move(metadata)}};
}

json::value list_page(json::array data, bool has_more) {
  json::value first = nullptr;
  json::value last = nullptr;
  if (!data.empty()) {
    first = data.front().at("id");
    last = data.back().at("id");
  }
  return {{"object", "list"},
          {"data", std::move(data)},
          {"first_id", std::move(first)},
          {"last_id", std::move(last)},
          {"has_more", has_more}};
}

}  // namespace quarry::openai
