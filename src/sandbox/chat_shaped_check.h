#pragma once
// What the models behind chat_shaped_models.h refuse. Pure.

#include "sandbox/model.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace quarry::sandbox {

// The first fault of a Chat Completions request in OpenAI's words; "" when there is none. Members
// it does not know are none.
std::string check_openai_request(const boost::json::object& request, std::string_view model_id);

// The faults of a Jamba request.
std::expected<void, ModelError> check_jamba_request(const boost::json::object& request,
                                                    std::string_view model_id);

}  // namespace quarry::sandbox
