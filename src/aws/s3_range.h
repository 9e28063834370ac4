#pragma once
// Reading a range of an object, whatever the line does: a body that was cut is continued at the
// byte where it stopped, and a whole object is held to its checksum.

#include "aws/s3_caller.h"

#include <cstdint>
#include <span>
#include <string>

namespace quarry::aws {

// As S3Client::get_range. caller outlives the call.
Task<RangeRead> read_range(S3Caller& caller,
                           S3Uri object,
                           std::uint64_t offset,
                           std::span<std::byte> buffer,
                           std::string if_match,
                           Deadline deadline);

}  // namespace quarry::aws
