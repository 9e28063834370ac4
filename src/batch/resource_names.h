#pragma once
// AWS's messages as clients may read them: without the names of the operator's resources. The log
// has them whole. Pure.

#include "base/result.h"

#include <string>
#include <string_view>

namespace quarry::batch {

// ARNs and s3:// addresses become "<arn>" and "<s3 object>". Of a refused call's error only AWS's
// code and words are left: not which call it was, of what, and its request id.
std::string without_resource_names(std::string_view message);
// The same of an error; and of missing credentials only that they are: how a server comes by its
// own, and what the programs it asks have said, is its operator's business.
std::string public_words(const Error& error);

}  // namespace quarry::batch
