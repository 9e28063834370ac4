#include "api/errors.h"
#include "api/query.h"
#include "api/routes.h"

#include <fmt/format.h>

#include <charconv>

namespace quarry::api {
namespace {

constexpr std::int64_t kListLimitMax = 10'000;

// "bytes=a-b", "bytes=a-", "bytes=-n" within a file of `size` bytes (RFC 9110 14.1.2). nullopt: not
// one range of bytes, so it is ignored; a range that lies outside gives length 0.
std::optional<files::ByteRange> parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.contains(',')) return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  };
  const auto first = number(header.substr(0, dash));
  const auto last = number(header.substr(dash + 1));
  if (!first && last) {
    const std::uint64_t length = std::min(*last, size);
    return files::ByteRange{size - length, length};
  }
  if (!first || (!last && dash + 1 != header.size())) return std::nullopt;
  if (*first >= size) return files::ByteRange{0, 0};
  const std::uint64_t end = last ? std::min(*last + 1, size) : size;
  if (end <= *first) return std::nullopt;
  return files::ByteRange{*first, end - *first};
}

// Double quotes and control characters would end the quoted string (RFC 6266).
std::string quoted_filename(std::string_view filename) {
  std::string safe;
  for (const char c : filename)
    safe.push_back(c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '_' : c);
  return fmt::format("attachment; filename=\"{}\"", safe);
}

}  // namespace

openai::File file_object(const store::FileRow& row) {
  return {row.id.value, row.bytes,   row.created_at, row.expires_at,
          row.filename, row.purpose, "processed"};
}

Answer create_file(Call call) {
  const auto content_type = call.request.headers.get("Content-Type");
  auto file = co_await call.services.files.receive(std::string(content_type.value_or("")),
                                                   call.body, std::move(call.caller));
  if (!file) co_return error_response(file.error(), call.request.request_id);
  co_return json_response(200, openai::to_json(file_object(*file)));
}

Answer list_files(Call call) {
  const auto parameters = parse_query(call.request.query);
  store::ListQuery query{call.caller.viewer(), kListLimitMax, false, {}, {}};
  if (const auto found = parameters.find("limit"); found != parameters.end()) {
    auto limit = integer_parameter("limit", found->second, 1, kListLimitMax);
    if (!limit) co_return error_response(limit.error(), call.request.request_id);
    query.limit = *limit;
  }
  if (const auto found = parameters.find("order"); found != parameters.end()) {
    if (found->second != "asc" && found->second != "desc") {
      co_return error_response(
          400,
          fmt::format("Invalid value: '{}'. Supported values are: 'asc' and 'desc'.",
                      found->second),
          "invalid_request_error", "order", "invalid_value");
    }
    query.ascending = found->second == "asc";
  }
  if (const auto found = parameters.find("after"); found != parameters.end())
    query.after = found->second;
  if (const auto found = parameters.find("purpose"); found != parameters.end())
    query.purpose = found->second;
  auto page = co_await call.services.files.list(std::move(query));
  if (!page) co_return error_response(page.error(), call.request.request_id);
  boost::json::array data;
  for (const store::FileRow& row : page->rows) data.push_back(openai::to_json(file_object(row)));
  co_return json_response(200, openai::list_page(std::move(data), page->has_more));
}

Answer get_file(Call call) {
  auto file = co_await call.services.files.find(FileId{call.id}, std::move(call.caller));
  if (!file) co_return error_response(file.error(), call.request.request_id);
  co_return json_response(200, openai::to_json(file_object(*file)));
}

Answer delete_file(Call call) {
  auto removed = co_await call.services.files.remove(FileId{call.id}, std::move(call.caller));
  if (!removed) co_return error_response(removed.error(), call.request.request_id);
  co_return json_response(200, {{"id", call.id}, {"object", "file"}, {"deleted", true}});
}

Answer get_file_content(Call call) {
  std::optional<files::ByteRange> range;
  if (const auto header = call.request.headers.get("Range")) {
    auto file = co_await call.services.files.find(FileId{call.id}, call.caller);
    if (!file) co_return error_response(file.error(), call.request.request_id);
    const auto size = static_cast<std::uint64_t>(file->bytes);
    range = parse_range(*header, size);
    if (range && range->length == 0) {
      auto response = error_response(416, "The range lies outside of the file.",
                                     "invalid_request_error", "", "invalid_range");
      response.headers.set("Content-Range", fmt::format("bytes */{}", size));
      co_return response;
    }
  }
  auto content = co_await call.services.files.open(FileId{call.id}, std::move(call.caller), range);
  if (!content) co_return error_response(content.error(), call.request.request_id);
  http::ServerResponse response;
  response.status = range ? 206 : 200;
  response.headers.set("Content-Type", "application/octet-stream");
  response.headers.set("Content-Disposition", quoted_filename(content->file.filename));
  response.headers.set("Accept-Ranges", "bytes");
  if (range) {
    response.headers.set("Content-Range",
                         fmt::format("bytes {}-{}/{}", range->offset,
                                     range->offset + range->length - 1, content->file.bytes));
  }
  response.content_length = content->bytes;
  response.stream = std::move(content->stream);
  co_return response;
}

}  // namespace quarry::api
