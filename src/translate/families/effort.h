#pragma once
// What OpenAI's reasoning_effort comes to for other models. check_request() has seen that it is one
// of OpenAI's words.

#include "translate/chat_request.h"

#include <string_view>

namespace quarry::translate {

// low, medium or high, the nearest to what was asked for; "": none, or nothing was.
inline std::string_view effort_of(const Checked& checked) {
  const auto& value = checked.value(Param::reasoning_effort);
  const std::string_view effort = value ? value->text() : "none";
  if (effort == "none") return "";
  if (effort == "medium") return "medium";
  return effort == "high" || effort == "xhigh" ? "high" : "low";
}

// For models that always think: "none" is an error, unless drop_params.
inline Outcome check_not_none(const ChatRequest& request, const Checked& checked) {
  const auto& value = checked.value(Param::reasoning_effort);
  if (!value || request.drop_params || value->text() != "none") return {};
  return unsupported(request.param(Param::reasoning_effort),
                     "this model cannot be kept from reasoning; the least is 'low'");
}

}  // namespace quarry::translate
