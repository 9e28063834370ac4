#pragma once
// S3's XML documents (S3 API reference), read and written. Pure.

#include "aws/s3_client.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::aws {

// <Error>: also the body of a 200 of CompleteMultipartUpload. Only these fields are taken: others
// may hold the string to sign, session token included.
struct S3ErrorBody {
  std::string code;
  std::string message;
  std::string request_id;
  std::string region;              // "" but for a wrong region
  std::string actual_object_size;  // "" but for InvalidRange
  std::string endpoint;            // "" but for redirects: the host to ask instead
};
// nullopt: not an <Error> document.
std::optional<S3ErrorBody> parse_s3_error(std::string_view xml);

// Errors of these: corrupt.
// ListBucketResult; keys are decoded where <EncodingType>url</EncodingType> says that they are
// encoded.
Result<ListPage> parse_list_page(std::string_view xml);
// ListMultipartUploadsResult; keys as above.
Result<MultipartPage> parse_multipart_page(std::string_view xml);
Result<std::string> parse_upload_id(std::string_view xml);  // InitiateMultipartUploadResult
// CompleteMultipartUploadResult.
struct CompletedObject {
  std::string etag;
  std::string crc32;  // "" where S3 keeps none
};
Result<CompletedObject> parse_completed(std::string_view xml);

std::string complete_multipart_body(const std::vector<PartTag>& parts);

// Without its quotes; W/ too goes.
std::string strip_etag(std::string_view etag);

}  // namespace quarry::aws
