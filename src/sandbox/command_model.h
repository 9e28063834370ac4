#pragma once
// Cohere's Command R and R+ in their native shape on Bedrock. Pure, as model.h says.

#include "sandbox/model.h"

namespace quarry::sandbox {

ModelResult answer_command_r(const boost::json::object& request,
                             std::string_view model_id,
                             std::string_view seed);

}  // namespace quarry::sandbox
