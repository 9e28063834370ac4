#include "aws/s3_xml.h"

#include "base/bytes.h"
#include "base/timestamp.h"

#include <pugixml.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace quarry::aws {

namespace {

// Namespace prefixes are not resolved: S3 and its kin use the default namespace.
std::string text(const pugi::xml_node& parent, const char* name) {
  return parent.child(name).text().get();
}

bool load(pugi::xml_document& document, std::string_view xml) {
  return static_cast<bool>(document.load_buffer(
      xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata_single));
}

std::unexpected<Error> not_a(std::string_view document) {
  return fail(Errc::corrupt, "S3's answer is not a whole " + std::string(document));
}

// S3's url encoding is that of forms: '+' is a space.
std::optional<std::string> decode_key(std::string key) {
  std::ranges::replace(key, '+', ' ');
  return percent_decode(key);
}

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// nullopt: there is none, or its encoding is broken.
std::optional<std::string> key_of(const pugi::xml_node& parent,
                                  const char* name,
                                  bool url_encoded) {
  std::optional<std::string> key = text(parent, name);
  if (url_encoded) key = decode_key(std::move(*key));
  if (key && key->empty()) return std::nullopt;
  return key;
}

Result<ObjectInfo> parse_object(const pugi::xml_node& contents, bool url_encoded) {
  auto key = key_of(contents, "Key", url_encoded);
  const auto size = parse_size(text(contents, "Size"));
  if (!key || !size) return not_a("ListBucketResult");
  return ObjectInfo{std::move(*key), *size, strip_etag(text(contents, "ETag")),
                    parse_timestamp(text(contents, "LastModified"))};
}

Result<OpenMultipart> parse_open_multipart(const pugi::xml_node& upload, bool url_encoded) {
  auto key = key_of(upload, "Key", url_encoded);
  std::string id = text(upload, "UploadId");
  const auto initiated = parse_timestamp(text(upload, "Initiated"));
  if (!key || id.empty() || !initiated) return not_a("ListMultipartUploadsResult");
  return OpenMultipart{std::move(*key), std::move(id), *initiated};
}

}  // namespace

std::string strip_etag(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::optional<S3ErrorBody> parse_s3_error(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return std::nullopt;
  const pugi::xml_node error = document.child("Error");
  if (!error) return std::nullopt;
  return S3ErrorBody{
      text(error, "Code"),   text(error, "Message"),          text(error, "RequestId"),
      text(error, "Region"), text(error, "ActualObjectSize"), text(error, "Endpoint")};
}

Result<ListPage> parse_list_page(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_a("ListBucketResult");
  const pugi::xml_node root = document.child("ListBucketResult");
  if (!root) return not_a("ListBucketResult");
  const bool url_encoded = text(root, "EncodingType") == "url";
  ListPage page;
  for (const pugi::xml_node contents : root.children("Contents")) {
    auto object = parse_object(contents, url_encoded);
    if (!object) return fail(std::move(object.error()));
    page.objects.push_back(std::move(*object));
  }
  if (text(root, "IsTruncated") == "true") {
    page.next_token = text(root, "NextContinuationToken");
    if (page.next_token->empty()) return not_a("ListBucketResult");
  }
  return page;
}

Result<MultipartPage> parse_multipart_page(std::string_view xml) {
  constexpr const char* kRoot = "ListMultipartUploadsResult";
  pugi::xml_document document;
  if (!load(document, xml)) return not_a(kRoot);
  const pugi::xml_node root = document.child(kRoot);
  if (!root) return not_a(kRoot);
  const bool url_encoded = text(root, "EncodingType") == "url";
  MultipartPage page;
  for (const pugi::xml_node entry : root.children("Upload")) {
    auto upload = parse_open_multipart(entry, url_encoded);
    if (!upload) return fail(std::move(upload.error()));
    page.uploads.push_back(std::move(*upload));
  }
  if (text(root, "IsTruncated") == "true") {
    auto key = key_of(root, "NextKeyMarker", url_encoded);
    std::string id = text(root, "NextUploadIdMarker");
    if (!key || id.empty()) return not_a(kRoot);
    page.next = MultipartMarker{std::move(*key), std::move(id)};
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_a("InitiateMultipartUploadResult");
  auto id = text(document.child("InitiateMultipartUploadResult"), "UploadId");
  if (id.empty()) return not_a("InitiateMultipartUploadResult");
  return id;
}

Result<CompletedObject> parse_completed(std::string_view xml) {
  pugi::xml_document document;
  if (!load(document, xml)) return not_a("CompleteMultipartUploadResult");
  const pugi::xml_node root = document.child("CompleteMultipartUploadResult");
  const std::string etag = text(root, "ETag");
  if (etag.empty()) return not_a("CompleteMultipartUploadResult");
  return CompletedObject{strip_etag(etag), text(root, "ChecksumCRC32")};
}

std::string complete_multipart_body(const std::vector<PartTag>& parts) {
  // Etags are S3's own words, hex and dashes; quoted as S3 gave them.
  pugi::xml_document document;
  pugi::xml_node root = document.append_child("CompleteMultipartUpload");
  root.append_attribute("xmlns").set_value("http://s3.amazonaws.com/doc/2006-03-01/");
  for (const PartTag& tag : parts) {
    pugi::xml_node part = root.append_child("Part");
    part.append_child("PartNumber").text().set(tag.number);
    part.append_child("ETag").text().set(("\"" + tag.etag + "\"").c_str());
    if (!tag.checksum.empty()) part.append_child("ChecksumCRC32").text().set(tag.checksum.c_str());
  }
  struct Out final : pugi::xml_writer {
    void write(const void* data, std::size_t size) override {
      text.append(static_cast<const char*>(data), size);
    }
    std::string text;
  } out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return std::move(out.text);
}

}  // namespace quarry::aws
