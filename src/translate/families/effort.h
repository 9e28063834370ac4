#pragma once
// What OpenAI's reasoning_effort comes to for other models. check_request() has seen that it is one
// of OpenAI's words.

#include "translate/chat_request.h"

#include <cstdint>
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

// Anthropic, "Extended thinking": the least budget.
inline constexpr std::int64_t kThinkingBudgetMin = 1024;

// Claude's budget of tokens: what LiteLLM makes of the words, too.
constexpr std::int64_t claude_budget(std::string_view effort) {
  if (effort == "medium") return 2048;
  if (effort == "high") return 4096;
  return effort == "xhigh" ? 8192 : kThinkingBudgetMin;
}

}  // namespace quarry::translate
