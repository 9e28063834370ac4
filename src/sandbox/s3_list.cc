// ListObjectsV2 and ListObjects.

#include "base/bytes.h"
#include "sandbox/s3.h"
#include "sandbox/xml.h"

#include <algorithm>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kKeysMax = 1000;

struct Encoding {
  bool url = false;
  std::string operator()(std::string_view key) const {
    return url ? percent_encode(key, true) : std::string(key);
  }
};

void write_entries(XmlWriter& xml, const ListPage& page, const Encoding& encode, bool with_owner) {
  for (const ObjectPtr& object : page.objects) {
    xml.open("Contents");
    xml.element("Key", encode(object->key));
    xml.element("LastModified", iso8601(object->modified));
    xml.element("ETag", quoted_etag(object->etag));
    for (const auto& [name, value] : object->headers) {
      if (const auto kind = checksum_kind(name))
        xml.element("ChecksumAlgorithm", checksum_name(*kind));
    }
    xml.element("Size", std::to_string(object->size));
    if (with_owner) {
      xml.open("Owner");
      xml.element("ID", kAccountId);
      xml.close("Owner");
    }
    xml.element("StorageClass", "STANDARD");
    xml.close("Contents");
  }
  for (const std::string& prefix : page.common_prefixes) {
    xml.open("CommonPrefixes");
    xml.element("Prefix", encode(prefix));
    xml.close("CommonPrefixes");
  }
}

}  // namespace

S3Answer list_objects(S3Context& s3, const S3Request& request) {
  const Query& query = request.query;
  const bool second = query.get("list-type") == "2";
  auto count = count_argument(query, "max-keys", kKeysMax);
  if (!count) return std::unexpected(std::move(count.error()));
  const auto encoding_type = query.get("encoding-type");
  if (encoding_type && *encoding_type != "url")
    return refuse(400, "InvalidArgument", "Invalid Encoding Method specified in Request");
  const Encoding encode{.url = encoding_type.has_value()};
  const auto token = second ? query.get("continuation-token") : std::nullopt;
  ListQuery wanted{.prefix = query.get("prefix").value_or(""),
                   .delimiter = query.get("delimiter").value_or(""),
                   .after = query.get(second ? "start-after" : "marker").value_or(""),
                   .count_max = std::min(*count, kKeysMax)};
  if (token) {
    const auto after = base64_decode(*token);
    if (!after || after->empty())
      return refuse(400, "InvalidArgument", "The continuation token provided is incorrect");
    wanted.after = *after;
  }
  const ListPage page = s3.objects.list(request.bucket, wanted);
  XmlWriter xml;
  xml.open_result("ListBucketResult");
  xml.element("Name", request.bucket);
  xml.element("Prefix", encode(wanted.prefix));
  if (!wanted.delimiter.empty()) xml.element("Delimiter", encode(wanted.delimiter));
  xml.element("MaxKeys", std::to_string(wanted.count_max));
  if (encode.url) xml.element("EncodingType", "url");
  xml.element("IsTruncated", page.truncated ? "true" : "false");
  if (second) {
    xml.element("KeyCount", std::to_string(page.objects.size() + page.common_prefixes.size()));
    if (token) xml.element("ContinuationToken", *token);
    if (const auto after = query.get("start-after")) xml.element("StartAfter", encode(*after));
    if (page.truncated) xml.element("NextContinuationToken", base64(as_bytes(page.last)));
  } else {
    xml.element("Marker", encode(wanted.after));
    // S3 gives it with a delimiter only; without one the last key is the marker (ListObjects).
    if (page.truncated && !wanted.delimiter.empty()) xml.element("NextMarker", encode(page.last));
  }
  write_entries(xml, page, encode, !second || query.get("fetch-owner") == "true");
  xml.close("ListBucketResult");
  return xml_response(std::move(xml).text());
}

}  // namespace quarry::sandbox
