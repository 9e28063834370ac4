#include "aws/s3_client.h"

namespace quarry::aws {

std::string to_string(const S3Uri& uri) { return "s3://" + uri.bucket + "/" + uri.key; }

}  // namespace quarry::aws
