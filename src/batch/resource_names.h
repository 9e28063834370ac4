#pragma once
// AWS's messages as clients may read them: without the names of the operator's resources. The log
// has them whole. Pure.

#include <string>
#include <string_view>

namespace quarry::batch {

// ARNs and s3:// addresses become "<arn>" and "<s3 object>". Of a refused call's error only AWS's
// code and words are left: not which call it was, of what, and its request id.
std::string without_resource_names(std::string_view message);

}  // namespace quarry::batch
