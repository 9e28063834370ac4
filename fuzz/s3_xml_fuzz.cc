// S3's and STS's answers, whatever an S3 server or something before it may send: each reader gives
// a value or says no, and never crashes.

#include "aws/s3_xml.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quarry::aws;
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  if (const auto error = parse_s3_error(xml); error && error->code.size() > size) std::abort();
  if (const auto page = parse_list_page(xml)) {
    for (const ObjectInfo& object : page->objects) {
      if (object.key.size() > size) std::abort();
    }
  }
  static_cast<void>(parse_multipart_page(xml));
  static_cast<void>(parse_upload_id(xml));
  static_cast<void>(parse_completed(xml));
  return 0;
}
