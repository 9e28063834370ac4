#pragma once
// S3's XML: a writer, and a reader for the few small documents that S3 takes. Pure.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

inline constexpr std::string_view kS3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

// Text and control characters escaped so that any key that XML 1.0 can hold survives.
std::string xml_escape(std::string_view text);

class XmlWriter {
 public:
  XmlWriter();
  void open(std::string_view name);
  // The root of a result: with S3's namespace.
  void open_result(std::string_view name);
  void close(std::string_view name);
  void element(std::string_view name, std::string_view text);
  std::string text() && { return std::move(out_); }

 private:
  std::string out_;
};

struct CompletedPart {
  int number = 0;
  std::string etag;      // without quotes
  std::string checksum;  // base64, of whichever algorithm; "" when none is given
};

struct DeleteRequest {
  struct Entry {
    std::string key;
    std::optional<std::string> etag;
  };
  std::vector<Entry> objects;
  bool quiet = false;
};

// Each gives nullopt for what is not well-formed or is another document (MalformedXML).
std::optional<std::vector<CompletedPart>> read_complete_request(std::string_view xml);
std::optional<DeleteRequest> read_delete_request(std::string_view xml);
// The LocationConstraint of CreateBucketConfiguration; "" for an empty body or none given.
std::optional<std::string> read_location_constraint(std::string_view xml);

}  // namespace quarry::sandbox
