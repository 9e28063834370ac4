#pragma once
// What every service of the sandbox shares on the wire: queries, hosts, and the two shapes of an
// error (S3's XML, Bedrock's JSON). Pure.

#include "http/server.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::sandbox {

inline constexpr std::string_view kAccountId = "123456789012";

// "aws-us-gov" for "us-gov-west-1": partitions follow the region's name.
std::string_view partition_of(std::string_view region);

// A decoded query string: '+' is a space, %XX a byte; a name without '=' has the value "".
class Query {
 public:
  // nullopt on a broken escape.
  static std::optional<Query> parse(std::string_view raw);

  // The first of that name; nullopt when absent.
  std::optional<std::string> get(std::string_view name) const;
  bool has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// The bucket that a virtual-host address names: "b.localhost:4566", "b.s3.localhost",
// "b.s3.us-east-1.amazonaws.com". nullopt for a plain host, an address, or a service's own name.
std::optional<std::string> bucket_of_host(std::string_view host);

// The pieces between separators, empty ones too.
std::vector<std::string_view> split_text(std::string_view text, char separator);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);

// A service's refusal. Which shape it takes on the wire depends on the service.
struct Fault {
  int status = 500;
  std::string code;  // "NoSuchKey", "ValidationException"
  std::string message;
  // S3 only: further elements of the XML, such as BucketName.
  std::vector<std::pair<std::string, std::string>> details;
};

template <class T>
using Answer = std::expected<T, Fault>;

[[nodiscard]] inline std::unexpected<Fault> refuse(int status,
                                                   std::string code,
                                                   std::string message) {
  return std::unexpected(Fault{
      .status = status, .code = std::move(code), .message = std::move(message), .details = {}});
}

// S3's error body and headers. `resource` is the path as sent.
http::ServerResponse s3_fault(const Fault& fault,
                              std::string_view resource,
                              const std::string& request_id);
// An error of the query protocol (STS), in XML.
http::ServerResponse query_fault(const Fault& fault, const std::string& request_id);
// A restJson1 error: x-amzn-ErrorType and {"message": …}.
http::ServerResponse bedrock_fault(const Fault& fault);
http::ServerResponse json_response(int status, std::string body);

// 16 upper-case hex digits, as S3 writes x-amz-request-id.
std::string s3_request_id();
// 8-4-4-4-12 hex digits, as x-amzn-RequestId.
std::string amzn_request_id();

}  // namespace quarry::sandbox
