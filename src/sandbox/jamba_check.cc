// What AI21's Jamba refuses on Bedrock.

#include "sandbox/chat_shaped_check.h"
#include "sandbox/malformed_input.h"

#include <boost/json.hpp>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kTokensMax = 4096;
constexpr std::int64_t kChoicesMax = 16;

void check_message(ObjectCheck& check, bool with_tools) {
  check.has_all({"role"});
  if (!with_tools) {
    check.has_all({"content"});
    check.has_only({"role", "content"});
    check.word("role", {"system", "user", "assistant"});
    check.text("content");
    return;
  }
  check.has_only({"role", "content", "tool_calls", "tool_call_id"});
  const auto role = check.word("role", {"system", "user", "assistant", "tool"});
  const json::value* content = check.checked().if_contains("content");
  const json::value* calls = check.checked().if_contains("tool_calls");
  const bool may_be_silent = role == "assistant" && calls != nullptr && !calls->is_null();
  if (!may_be_silent || (content != nullptr && !content->is_null())) {
    check.has_all({"content"});
    check.text("content");
  }
  if (calls != nullptr && !calls->is_null()) check.list("tool_calls", 1, kAnyCount);
  if (role == "tool") check.has_all({"tool_call_id"});
  check.text("tool_call_id");
}

void check_messages(ObjectCheck& request, bool with_tools) {
  bool only_system = true;
  auto messages = request.objects("messages", 1, kAnyCount);
  for (auto& message : messages) {
    check_message(message, with_tools);
    const json::value* role = message.checked().if_contains("role");
    only_system &= role != nullptr && *role == "system";
  }
  if (!messages.empty() && only_system)
    request.fault("messages", "at least one user or assistant message is required");
}

void check_tools(ObjectCheck& request, InputFaults& faults) {
  for (auto& tool : request.objects("tools", 0, kAnyCount)) {
    tool.has_all({"type", "function"});
    tool.has_only({"type", "function"});
    tool.word("type", {"function"});
    const json::object* function = tool.object("function");
    if (function == nullptr) continue;
    ObjectCheck inner(*function, tool.place("function"), faults);
    inner.has_all({"name"});
    inner.has_only({"name", "description", "parameters"});
    inner.text("name");
    inner.text("description");
    inner.object("parameters");
  }
  if (const json::object* format = request.object("response_format")) {
    ObjectCheck check(*format, request.place("response_format"), faults);
    check.has_all({"type"});
    check.has_only({"type"});
    check.word("type", {"text", "json_object"});
  }
  request.objects("documents", 0, kAnyCount);
}

}  // namespace

std::expected<void, ModelError> check_jamba_request(const json::object& request,
                                                    std::string_view model_id) {
  // Jamba-Instruct knows no tools; 1.5 does.
  const bool with_tools = model_id.find("instruct") == std::string_view::npos;
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"messages"});
  if (with_tools) {
    check.has_only({"messages", "max_tokens", "temperature", "top_p", "stop", "n",
                    "frequency_penalty", "presence_penalty", "tools", "documents",
                    "response_format"});
    check_tools(check, faults);
  } else {
    check.has_only({"messages", "max_tokens", "temperature", "top_p", "stop", "n",
                    "frequency_penalty", "presence_penalty"});
  }
  check_messages(check, with_tools);
  check.integer("max_tokens", 0, kTokensMax);
  check.number("temperature", 0, 2);
  check.number("top_p", 0, 1);
  check.integer("n", 1, kChoicesMax);
  for (const char* name : {"frequency_penalty", "presence_penalty"}) check.number(name, -2, 2);
  const json::value* stop = request.if_contains("stop");
  if (stop != nullptr && !stop->is_string()) check.texts("stop", 0, kAnyCount);
  if (!faults.none()) return std::unexpected(faults.error());
  return {};
}

}  // namespace quarry::sandbox
