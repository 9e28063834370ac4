#pragma once
// The families of the sandbox that answer with a chat.completion: AI21's Jamba, and the vendors
// whose InvokeModel body is OpenAI's Chat Completions request. Pure, as model.h says.

#include "sandbox/model.h"

namespace quarry::sandbox {

// AI21 Jamba 1.5: refuses members it does not know.
ModelResult answer_jamba(const boost::json::object& request,
                         std::string_view model_id,
                         std::string_view seed);

// gpt-oss, Qwen, DeepSeek V3, Kimi, GLM, MiniMax, Gemma, Nemotron. Unknown members are ignored in
// silence, as the real endpoint does; gpt-oss puts its reasoning in `<reasoning>` tags before the
// content.
ModelResult answer_openai_shaped(const boost::json::object& request,
                                 std::string_view model_id,
                                 std::string_view seed);

}  // namespace quarry::sandbox
