// What the server's answers say: the pure half of api_client.h.
#include "cli/api_client.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace quarry::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kRetryDelayMax{60'000};

std::optional<json::object> parse_object(std::string_view text) {
  boost::system::error_code failed;
  json::value value = json::parse(text, failed);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

const json::object* member_object(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value ? value->if_object() : nullptr;
}

std::string member_text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : "";
}

std::optional<std::int64_t> member_integer(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (!value || !value->is_number()) return std::nullopt;
  boost::system::error_code failed;
  const auto number = value->to_number<std::int64_t>(failed);
  if (failed) return std::nullopt;
  return number;
}

std::uint64_t member_count(const json::object& object, std::string_view key) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, member_integer(object, key).value_or(0)));
}

std::vector<BatchProblem> parse_problems(const json::object& errors) {
  std::vector<BatchProblem> problems;
  const json::value* data = errors.if_contains("data");
  if (!data || !data->is_array()) return problems;
  for (const json::value& entry : data->get_array()) {
    const json::object* problem = entry.if_object();
    if (!problem) continue;
    problems.push_back({.code = member_text(*problem, "code"),
                        .message = member_text(*problem, "message"),
                        .param = member_text(*problem, "param"),
                        .line = member_integer(*problem, "line")});
  }
  return problems;
}

Errc code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return Errc::forbidden;
    case 404:
      return Errc::not_found;
    case 408:
      return Errc::unavailable;
    case 409:
      return Errc::conflict;
    case 429:
      return Errc::throttled;
    default:
      return status >= 500 ? Errc::unavailable : Errc::invalid_request;
  }
}

std::string_view hint_of_status(int status) {
  switch (status) {
    case 401:
      return "\nhint: give --api-key KEY, or set OPENAI_API_KEY (for `quarry keys` "
             "LITELLM_MASTER_KEY)";
    case 413:
      return "\nhint: the server takes no file of this size; split it";
    default:
      return "";
  }
}

std::optional<double> header_number(const http::Headers& headers, std::string_view field_name) {
  const auto text = headers.get(field_name);
  if (!text) return std::nullopt;
  double number = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool whole = failed == std::errc() && end == text->data() + text->size();
  if (!whole || !std::isfinite(number) || number < 0) return std::nullopt;
  return number;
}

}  // namespace

bool BatchView::ended() const {
  return status == "completed" || status == "failed" || status == "expired" ||
         status == "cancelled";
}

Result<BatchView> parse_batch(std::string_view text) {
  const auto object = parse_object(text);
  BatchView batch;
  if (object) {
    batch.id = member_text(*object, "id");
    batch.status = member_text(*object, "status");
  }
  if (batch.id.empty() || batch.status.empty()) {
    return fail(
        Errc::upstream,
        "the server's answer is no batch object\nhint: is --url a Quarry or OpenAI server?");
  }
  if (const json::object* counts = member_object(*object, "request_counts")) {
    batch.total = member_count(*counts, "total");
    batch.completed = member_count(*counts, "completed");
    batch.failed = member_count(*counts, "failed");
  }
  batch.output_file_id = member_text(*object, "output_file_id");
  batch.error_file_id = member_text(*object, "error_file_id");
  batch.created_at = member_integer(*object, "created_at").value_or(0);
  if (const json::object* usage = member_object(*object, "usage")) {
    batch.has_usage = true;
    batch.input_tokens = member_count(*usage, "input_tokens");
    batch.output_tokens = member_count(*usage, "output_tokens");
    if (const json::object* details = member_object(*usage, "input_tokens_details")) {
      batch.cached_tokens = member_count(*details, "cached_tokens");
    }
  }
  if (const json::object* errors = member_object(*object, "errors")) {
    batch.problems = parse_problems(*errors);
  }
  return batch;
}

Error error_of_answer(int status, std::string_view body) {
  std::string message;
  std::string reason;
  if (const auto object = parse_object(body)) {
    if (const json::object* error = member_object(*object, "error")) {
      message = member_text(*error, "message");
      reason = member_text(*error, "code");
    }
  }
  if (message.empty()) message = "no reason given";
  return Error(code_of_status(status),
               fmt::format("HTTP {}: {}{}", status, message, hint_of_status(status)))
      .reason(std::move(reason));
}

std::optional<double> parse_spend(std::string_view text) {
  boost::system::error_code failed;
  const json::value rows = json::parse(text, failed);
  if (failed || !rows.is_array()) return std::nullopt;
  std::optional<double> sum;
  for (const json::value& row : rows.get_array()) {
    const json::object* object = row.if_object();
    const json::value* spend = object ? object->if_contains("spend") : nullptr;
    if (spend && spend->is_number()) sum = sum.value_or(0) + spend->to_number<double>();
  }
  return sum;
}

BaseUrls base_urls(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t authority = url.find("://");
  const std::size_t path =
      authority == std::string_view::npos ? authority : url.find('/', authority + 3);
  if (path == std::string_view::npos) return {fmt::format("{}/v1", url), std::string(url)};
  std::string_view root = url;
  for (const std::string_view suffix : {"/v1", "/openai"}) {
    if (root.ends_with(suffix)) root.remove_suffix(suffix.size());
  }
  return {std::string(url), std::string(root)};
}

std::chrono::milliseconds retry_delay(int failures, const http::Headers& answer) {
  using namespace std::chrono;
  auto millis = header_number(answer, "retry-after-ms");
  if (!millis) {
    millis = header_number(answer, "retry-after");
    if (millis) *millis *= 1000;
  }
  if (millis) {
    return milliseconds(
        static_cast<std::int64_t>(std::min(*millis, static_cast<double>(kRetryDelayMax.count()))));
  }
  // 0.5, 1, 2, 4, 8, 8, … s
  return milliseconds(500) * (1 << std::clamp(failures - 1, 0, 4));
}

}  // namespace quarry::cli
