// PutObject, CopyObject, GetObject and HeadObject, DeleteObject, DeleteObjects.

#include "http/response_head.h"
#include "sandbox/s3.h"
#include "sandbox/s3_rules.h"
#include "sandbox/xml.h"

#include <array>
#include <charconv>
#include <ctime>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kDeleteBytesMax =
    4 << 20;  // of DeleteObjects' body: 1000 keys of 1024 bytes, escaped
constexpr std::size_t kDeleteKeysMax = 1000;

std::chrono::sys_seconds seconds_of(SysTime at) {
  return std::chrono::floor<std::chrono::seconds>(at);
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
  std::tm parts{};
  const std::string owned(text);
  const char* end = ::strptime(owned.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

std::string unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"')
    etag = etag.substr(1, etag.size() - 2);
  return std::string(etag);
}

bool etag_listed(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item == "*" || unquoted(item) == etag) return true;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

bool is_checksum_header(std::string_view name) { return name.starts_with("x-amz-checksum-"); }

void add_object_headers(http::Headers& to, const ObjectMeta& object, bool with_checksum) {
  to.set("ETag", quoted_etag(object.etag));
  to.set("Last-Modified", http::http_date(seconds_of(object.modified)));
  to.set("Accept-Ranges", "bytes");
  for (const auto& [name, value] : object.headers) {
    if (with_checksum || !is_checksum_header(name)) to.set(name, value);
  }
}

// A presigned URL may ask for other headers than the object's own (GetObject, response-*).
void add_overrides(http::Headers& to, const Query& query) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kOverrides{
      {{"response-content-type", "Content-Type"},
       {"response-content-disposition", "Content-Disposition"},
       {"response-content-encoding", "Content-Encoding"},
       {"response-content-language", "Content-Language"},
       {"response-cache-control", "Cache-Control"},
       {"response-expires", "Expires"}}};
  for (const auto& [parameter, header] : kOverrides) {
    if (auto value = query.get(parameter)) to.set(std::string(header), std::move(*value));
  }
}

// 200 to go on, 304 or 412 (RFC 9110 13.2.2).
int evaluate_conditions(const http::Headers& headers, const ObjectMeta& object) {
  const auto modified = seconds_of(object.modified);
  if (const auto match = headers.get("if-match")) {
    if (!etag_listed(*match, object.etag)) return 412;
  } else if (const auto since = headers.get("if-unmodified-since")) {
    const auto at = parse_http_date(*since);
    if (at && modified > *at) return 412;
  }
  if (const auto none = headers.get("if-none-match")) {
    if (etag_listed(*none, object.etag)) return 304;
  } else if (const auto since = headers.get("if-modified-since")) {
    const auto at = parse_http_date(*since);
    if (at && modified <= *at) return 304;
  }
  return 200;
}

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // exclusive
};

// nullopt: no range asked for, or one that is to be ignored (several, malformed: RFC 9110 14.2).
std::optional<Answer<ByteRange>> asked_range(const http::Headers& headers, std::uint64_t size) {
  const auto header = headers.get("range");
  if (!header || !header->starts_with("bytes=")) return std::nullopt;
  const std::string_view spec = header->substr(6);
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos)
    return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || at != text.data() + text.size())
      return std::nullopt;
    return value;
  };
  const auto first = number(spec.substr(0, dash)), last = number(spec.substr(dash + 1));
  const bool open_end = dash + 1 == spec.size();
  if ((dash > 0 && !first) || (!open_end && !last) || (dash == 0 && open_end)) return std::nullopt;
  if (first && last && *last < *first) return std::nullopt;
  ByteRange range{.begin = 0, .end = size};
  if (dash == 0) {
    range.begin = *last >= size ? 0 : size - *last;
  } else {
    range.begin = *first;
    if (last && *last < size) range.end = *last + 1;
  }
  if (range.begin >= size) {
    auto fault = refuse(416, "InvalidRange", "The requested range is not satisfiable");
    fault.error().details = {{"RangeRequested", std::string(*header)},
                             {"ActualObjectSize", std::to_string(size)}};
    return Answer<ByteRange>(std::move(fault));
  }
  return Answer<ByteRange>(range);
}

http::ServerResponse stored_response(const ObjectMeta& object, const Checksum* checksum) {
  http::ServerResponse response;
  response.headers.set("ETag", quoted_etag(object.etag));
  add_encryption_headers(response.headers, object.headers);
  if (checksum != nullptr) {
    response.headers.set(checksum_header(checksum->kind), checksum->value);
    response.headers.set("x-amz-checksum-type", "FULL_OBJECT");
  }
  return response;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> object_headers(const http::Headers& headers) {
  constexpr std::array<std::string_view, 9> kKept{"cache-control",
                                                  "content-disposition",
                                                  "content-language",
                                                  "content-type",
                                                  "expires",
                                                  "x-amz-server-side-encryption",
                                                  "x-amz-server-side-encryption-aws-kms-key-id",
                                                  "x-amz-server-side-encryption-bucket-key-enabled",
                                                  "x-amz-website-redirect-location"};
  std::vector<std::pair<std::string, std::string>> kept;
  bool has_type = false, has_encryption = false;
  for (const auto& [name, value] : headers.fields()) {
    std::string lower = name;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (lower == "content-encoding") {
      // aws-chunked is the framing of the upload, not of the object.
      std::string encoding = value;
      if (encoding.starts_with("aws-chunked"))
        encoding.erase(0, std::string_view("aws-chunked").size());
      while (encoding.starts_with(',') || encoding.starts_with(' ')) encoding.erase(0, 1);
      if (!encoding.empty()) kept.emplace_back("Content-Encoding", std::move(encoding));
      continue;
    }
    if (lower == "x-amz-storage-class" && value != "STANDARD") kept.emplace_back(lower, value);
    if (std::ranges::find(kKept, lower) == kKept.end() && !lower.starts_with("x-amz-meta-"))
      continue;
    has_type |= lower == "content-type";
    has_encryption |= lower == "x-amz-server-side-encryption";
    kept.emplace_back(std::move(lower), value);
  }
  if (!has_type) kept.emplace_back("content-type", "binary/octet-stream");
  if (!has_encryption) kept.emplace_back("x-amz-server-side-encryption", "AES256");
  return kept;
}

void add_encryption_headers(http::Headers& to,
                            const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) {
    if (name.starts_with("x-amz-server-side-encryption")) to.set(name, value);
  }
}

Answer<WriteCondition> write_condition(const http::Headers& headers) {
  WriteCondition condition;
  if (const auto none = headers.get("if-none-match")) {
    if (*none != "*") {
      return refuse(501, "NotImplemented",
                    "A header you provided implies functionality that is not implemented");
    }
    condition.if_absent = true;
  }
  if (const auto match = headers.get("if-match")) condition.if_etag = unquoted(*match);
  return condition;
}

Awaitable<S3Answer> put_object(S3Context& s3, S3Request request, http::BodyReader& body) {
  auto condition = write_condition(request.http.headers);
  if (!condition) co_return std::unexpected(std::move(condition.error()));
  if (auto right = check_new_encryption(s3, request); !right)
    co_return std::unexpected(std::move(right.error()));
  // Known before the body is taken; commit() asks again, for what happens meanwhile.
  if (condition->if_absent && s3.objects.find(request.bucket, request.key)) {
    co_return refuse(412, "PreconditionFailed",
                     "At least one of the pre-conditions you specified did not hold");
  }
  auto payload = Payload::expect(request.http.headers, request.caller);
  if (!payload) co_return std::unexpected(std::move(payload.error()));
  auto received = co_await receive_file(s3.io, s3.pool, s3.blocks, body, std::move(*payload),
                                        s3.objects.temp_folder());
  if (!received) co_return std::unexpected(std::move(received.error()));
  ObjectMeta object;
  object.key = request.key;
  object.size = received->summary.size;
  object.etag = hex(as_bytes(received->summary.md5));
  object.modified = s3.clock.now();
  object.headers = object_headers(request.http.headers);
  const auto checksum = received->summary.checksum;
  if (checksum) {
    object.headers.emplace_back(checksum_header(checksum->kind), checksum->value);
    object.headers.emplace_back("x-amz-checksum-type", "FULL_OBJECT");
  }
  auto made = co_await run_blocking(s3.pool, [&] {
    return s3.objects.commit(request.bucket, std::move(object),
                             {{.file = received->file->path(), .size = received->summary.size}},
                             *condition);
  });
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return stored_response(**made, checksum ? &*checksum : nullptr);
}

namespace {

// "/bucket/key" or "bucket/key", percent-encoded, perhaps with ?versionId=.
std::optional<std::pair<std::string, std::string>> copy_source(std::string_view header) {
  header = header.substr(0, header.find('?'));
  const auto plain = percent_decode(header);
  if (!plain) return std::nullopt;
  std::string_view path = *plain;
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) return std::nullopt;
  return std::pair(std::string(path.substr(0, slash)), std::string(path.substr(slash + 1)));
}

Answer<ObjectPtr> copy_now(S3Context& s3,
                           const S3Request& request,
                           const std::pair<std::string, std::string>& from,
                           const WriteCondition& condition) {
  const auto [source, bytes] = s3.objects.open(from.first, from.second);
  if (!source) return std::unexpected(no_such_key(from.second));
  TempFile file(s3.objects.temp_folder());
  auto md5 = make_digest(DigestKind::md5);
  auto block = s3.blocks->take();
  for (std::uint64_t at = 0; at < bytes->size();) {
    const std::size_t count = bytes->read(at, {block.get(), BlockCache::kBlockBytes});
    md5->update({block.get(), count});
    file.write({block.get(), count});
    at += count;
  }
  s3.blocks->give_back(std::move(block));
  file.close();
  ObjectMeta object;
  object.key = request.key;
  object.size = source->size;
  object.etag = hex(as_bytes(md5->finish()));
  object.modified = s3.clock.now();
  if (request.http.headers.get("x-amz-metadata-directive").value_or("COPY") == "REPLACE") {
    object.headers = object_headers(request.http.headers);
  } else {
    for (const auto& header : source->headers) {
      if (!is_checksum_header(header.first)) object.headers.push_back(header);
    }
  }
  return s3.objects.commit(request.bucket, std::move(object),
                           {{.file = file.path(), .size = source->size}}, condition);
}

// The source is read, the target written: both are asked about.
Answer<void> check_copy(const S3Context& s3,
                        const S3Request& request,
                        const std::pair<std::string, std::string>& from) {
  const auto owner = request.http.headers.get("x-amz-source-expected-bucket-owner");
  if (owner && *owner != s3.identities.account().owner_of(from.first))
    return refuse(403, "AccessDenied", "Access Denied");
  if (auto right = check_object_action(s3, request, "s3:GetObject", from.first, from.second);
      !right)
    return right;
  if (const ObjectPtr source = s3.objects.find(from.first, from.second)) {
    if (auto right = check_decrypt(s3, request, source->headers); !right) return right;
  }
  return check_new_encryption(s3, request);
}

}  // namespace

Awaitable<S3Answer> copy_object(S3Context& s3, S3Request request) {
  const auto from = copy_source(*request.http.headers.get("x-amz-copy-source"));
  if (!from)
    co_return refuse(400, "InvalidArgument",
                     "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  auto condition = write_condition(request.http.headers);
  if (!condition) co_return std::unexpected(std::move(condition.error()));
  if (auto right = check_copy(s3, request, *from); !right)
    co_return std::unexpected(std::move(right.error()));
  auto made =
      co_await run_blocking(s3.pool, [&] { return copy_now(s3, request, *from, *condition); });
  if (!made) co_return std::unexpected(std::move(made.error()));
  XmlWriter xml;
  xml.open_result("CopyObjectResult");
  xml.element("ETag", quoted_etag((*made)->etag));
  xml.element("LastModified", iso8601((*made)->modified));
  xml.close("CopyObjectResult");
  co_return xml_response(std::move(xml).text());
}

Awaitable<S3Answer> get_object(S3Context& s3, S3Request request) {
  const bool head = request.http.method == "HEAD";
  ObjectPtr object;
  std::shared_ptr<StoredBytes> bytes;
  if (head) {
    object = s3.objects.find(request.bucket, request.key);
  } else {
    std::tie(object, bytes) = co_await run_blocking(
        s3.pool, [&] { return s3.objects.open(request.bucket, request.key); });
  }
  if (!object) co_return std::unexpected(missing_object(s3, request, request.key));
  if (!head) {
    if (auto right = check_decrypt(s3, request, object->headers); !right)
      co_return std::unexpected(std::move(right.error()));
  }
  const auto& headers = request.http.headers;
  http::ServerResponse response;
  response.status = evaluate_conditions(headers, *object);
  if (response.status == 412) {
    co_return refuse(412, "PreconditionFailed",
                     "At least one of the pre-conditions you specified did not hold");
  }
  const auto range = asked_range(headers, object->size);
  if (range && !*range) co_return std::unexpected(range->error());
  const bool wants_checksum =
      http::equal_ignoring_case(headers.get("x-amz-checksum-mode").value_or(""), "ENABLED");
  // A checksum is of the whole object: an answer without all of it carries none.
  add_object_headers(response.headers, *object, wants_checksum && !range && response.status == 200);
  add_overrides(response.headers, request.query);
  if (object->part_count > 0 && request.query.has("partNumber")) {
    response.headers.set("x-amz-mp-parts-count", std::to_string(object->part_count));
  }
  if (response.status == 304) co_return response;
  const ByteRange span = range ? **range : ByteRange{.begin = 0, .end = object->size};
  if (range) {
    response.status = 206;
    response.headers.set("Content-Range",
                         fmt::format("bytes {}-{}/{}", span.begin, span.end - 1, object->size));
  }
  response.content_length = span.end - span.begin;
  if (!head)
    response.stream =
        stream_of(s3.pool, s3.blocks, std::move(bytes), span.begin, span.end - span.begin);
  co_return response;
}

Awaitable<S3Answer> delete_object(S3Context& s3, S3Request request) {
  WriteCondition condition;
  if (const auto match = request.http.headers.get("if-match")) condition.if_etag = unquoted(*match);
  auto gone = co_await run_blocking(
      s3.pool, [&] { return s3.objects.remove(request.bucket, request.key, condition); });
  if (!gone) co_return std::unexpected(std::move(gone.error()));
  http::ServerResponse response;
  response.status = 204;
  co_return response;
}

Awaitable<S3Answer> delete_objects(S3Context& s3, S3Request request, http::BodyReader& body) {
  auto payload = Payload::expect(request.http.headers, request.caller);
  if (!payload) co_return std::unexpected(std::move(payload.error()));
  if (!payload->has_integrity()) {
    co_return refuse(400, "InvalidRequest",
                     "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  }
  auto text = co_await receive_text(body, std::move(*payload), kDeleteBytesMax);
  if (!text) co_return std::unexpected(std::move(text.error()));
  const auto wanted = read_delete_request(*text);
  if (!wanted || wanted->objects.size() > kDeleteKeysMax) {
    co_return refuse(400, "MalformedXML",
                     "The XML you provided was not well-formed or did not validate against our "
                     "published schema");
  }
  // Asked on the loop, where the account is.
  std::vector<Answer<void>> allowed;
  for (const auto& entry : wanted->objects)
    allowed.push_back(
        check_object_action(s3, request, "s3:DeleteObject", request.bucket, entry.key));
  XmlWriter xml;
  xml.open_result("DeleteResult");
  co_await run_blocking(s3.pool, [&] {
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      const auto& entry = wanted->objects[i];
      Answer<void> gone = allowed[i];
      if (gone) {
        auto removed = s3.objects.remove(request.bucket, entry.key,
                                         {.if_absent = false, .if_etag = entry.etag});
        if (!removed) gone = std::unexpected(std::move(removed.error()));
      }
      if (gone && wanted->quiet) continue;
      xml.open(gone ? "Deleted" : "Error");
      xml.element("Key", entry.key);
      if (!gone) {
        xml.element("Code", gone.error().code);
        xml.element("Message", gone.error().message);
      }
      xml.close(gone ? "Deleted" : "Error");
    }
  });
  xml.close("DeleteResult");
  co_return xml_response(std::move(xml).text());
}

}  // namespace quarry::sandbox
