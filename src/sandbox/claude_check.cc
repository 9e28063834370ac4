// What Anthropic's Messages API refuses, in its own words.

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;
using Failure = std::string;  // "" is none

constexpr std::string_view kExtra = "Extra inputs are not permitted";
constexpr std::string_view kRequired = "Field required";

bool one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, text) != known.end();
}

std::string_view text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

Failure extra_member(const json::object& object,
                     std::string_view where,
                     std::initializer_list<std::string_view> known) {
  for (const auto& member : object) {
    if (!one_of(member.key(), known)) {
      return fmt::format("{}{}: {}", where, std::string_view(member.key()), kExtra);
    }
  }
  return {};
}

// Sonnet 4.5, Haiku 4.5, Opus 4.1 and later take one of temperature and top_p.
bool one_sampling_parameter(std::string_view model_id) {
  for (const std::string_view name : {"claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1",
                                      "claude-opus-4-5", "claude-opus-4-6", "claude-sonnet-4-6"}) {
    if (model_id.find(name) != std::string_view::npos) return true;
  }
  return false;
}

std::int64_t output_tokens_max(std::string_view model_id) {
  const auto has = [&](std::string_view name) {
    return model_id.find(name) != std::string_view::npos;
  };
  if (has("claude-3-5")) return 8192;
  if (has("claude-3-7")) return 128000;
  if (has("claude-3-") || has("claude-v2") || has("claude-instant")) return 4096;
  if (has("claude-opus-4-1") || has("claude-opus-4-2025")) return 32000;
  if (has("claude-sonnet-4-2025") || has("-4-5")) return 64000;
  return 128000;
}

Failure check_number(const json::object& request, const char* name, double low, double high) {
  const json::value* value = request.if_contains(name);
  if (value == nullptr) return {};
  if (!value->is_number()) return fmt::format("{}: Input should be a valid number", name);
  const double number = value->to_number<double>();
  if (number < low || number > high) return fmt::format("{}: range: {}..{}", name, low, high);
  return {};
}

Failure check_max_tokens(const json::object& request, std::string_view model_id) {
  const json::value* value = request.if_contains("max_tokens");
  if (value == nullptr) return fmt::format("max_tokens: {}", kRequired);
  if (!value->is_int64()) return "max_tokens: Input should be a valid integer";
  if (value->get_int64() < 1) return "max_tokens: Input should be greater than or equal to 1";
  const std::int64_t ceiling = output_tokens_max(model_id);
  if (value->get_int64() > ceiling) {
    return fmt::format(
        "max_tokens: {} > {}, which is the maximum allowed number of output tokens for {}",
        value->get_int64(), ceiling, model_id);
  }
  return {};
}

Failure check_source(const json::object& block,
                     std::string_view where,
                     std::initializer_list<std::string_view> kinds) {
  const json::value* source = block.if_contains("source");
  if (source == nullptr || !source->is_object())
    return fmt::format("{}.source: {}", where, kRequired);
  const std::string_view kind = text_of(source->get_object().if_contains("type"));
  if (!one_of(kind, kinds)) return fmt::format("{}.source.type: Input should be 'base64'", where);
  if (kind == "base64") {
    for (const char* name : {"media_type", "data"}) {
      if (text_of(source->get_object().if_contains(name)).empty()) {
        return fmt::format("{}.source.base64.{}: {}", where, name, kRequired);
      }
    }
  }
  return {};
}

Failure check_block(const json::value& value, std::string_view where, std::string_view role) {
  if (!value.is_object()) return fmt::format("{}: Input should be a valid dictionary", where);
  const json::object& block = value.get_object();
  const std::string_view type = text_of(block.if_contains("type"));
  if (block.if_contains("type") == nullptr) return fmt::format("{}.type: {}", where, kRequired);
  const std::string inside = fmt::format("{}.{}.", where, type);
  const auto needs_text = [&](const char* name) -> Failure {
    const json::value* text = block.if_contains(name);
    if (text == nullptr) return fmt::format("{}{}: {}", inside, name, kRequired);
    return text->is_string() ? Failure{}
                             : fmt::format("{}{}: Input should be a valid string", inside, name);
  };
  if (type == "text") {
    if (auto failure = needs_text("text"); !failure.empty()) return failure;
    if (text_of(block.if_contains("text")).empty())
      return "messages: text content blocks must be non-empty";
    if (blank(text_of(block.if_contains("text"))))
      return "messages: text content blocks must contain non-whitespace text";
    return extra_member(block, inside, {"type", "text", "cache_control", "citations"});
  }
  if (type == "image") return check_source(block, fmt::format("{}.image", where), {"base64"});
  if (type == "document")
    return check_source(block, fmt::format("{}.document", where), {"base64", "text", "content"});
  if (type == "tool_use" && role == "assistant") {
    for (const char* name : {"id", "name"}) {
      if (auto failure = needs_text(name); !failure.empty()) return failure;
    }
    const json::value* input = block.if_contains("input");
    if (input == nullptr) return fmt::format("{}input: {}", inside, kRequired);
    if (!input->is_object())
      return fmt::format("{}input: Input should be a valid dictionary", inside);
    return extra_member(block, inside, {"type", "id", "name", "input", "cache_control"});
  }
  if (type == "tool_result" && role == "user") {
    if (auto failure = needs_text("tool_use_id"); !failure.empty()) return failure;
    return extra_member(block, inside,
                        {"type", "tool_use_id", "content", "is_error", "cache_control"});
  }
  if (one_of(type, {"thinking", "redacted_thinking", "search_result"})) return {};
  return fmt::format(
      "{}: Input tag '{}' found using 'type' does not match any of the expected tags: 'document', "
      "'image', 'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', "
      "'tool_use'",
      where, type);
}

// Ids of the blocks of one type in a message's content.
std::set<std::string, std::less<>> ids_in(const json::value* content,
                                          std::string_view type,
                                          const char* name) {
  std::set<std::string, std::less<>> ids;
  if (content == nullptr || !content->is_array()) return ids;
  for (const auto& block : content->get_array()) {
    if (block.is_object() && text_of(block.get_object().if_contains("type")) == type) {
      ids.emplace(text_of(block.get_object().if_contains(name)));
    }
  }
  return ids;
}

Failure check_tool_pairs(const json::array& messages) {
  const auto content = [&](std::size_t at) -> const json::value* {
    return at < messages.size() ? messages[at].get_object().if_contains("content") : nullptr;
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto used = ids_in(content(i), "tool_use", "id");
    const auto answered = ids_in(content(i + 1), "tool_result", "tool_use_id");
    for (const auto& id : used) {
      if (i + 1 < messages.size() && !answered.contains(id)) {
        return fmt::format(
            "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately "
            "after: {}. Each `tool_use` block must have a corresponding `tool_result` block in the "
            "next message.",
            i, id);
      }
    }
    const auto before =
        i == 0 ? std::set<std::string, std::less<>>{} : ids_in(content(i - 1), "tool_use", "id");
    for (const auto& id : ids_in(content(i), "tool_result", "tool_use_id")) {
      if (!before.contains(id)) {
        return fmt::format(
            "messages.{}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {}. "
            "Each `tool_result` block must have a corresponding `tool_use` block in the previous "
            "message.",
            i, id);
      }
    }
  }
  return {};
}

Failure check_message(const json::value& value, std::size_t index, bool last) {
  const std::string where = fmt::format("messages.{}", index);
  if (!value.is_object()) return where + ": Input should be a valid dictionary";
  const json::object& message = value.get_object();
  const std::string_view role = text_of(message.if_contains("role"));
  if (message.if_contains("role") == nullptr) return fmt::format("{}.role: {}", where, kRequired);
  if (!one_of(role, {"user", "assistant"}))
    return where + ".role: Input should be 'user' or 'assistant'";
  const json::value* content = message.if_contains("content");
  if (content == nullptr) return fmt::format("{}.content: {}", where, kRequired);
  if (auto failure = extra_member(message, where + ".", {"role", "content"}); !failure.empty())
    return failure;
  const bool may_be_empty = last && role == "assistant";
  if (content->is_string()) {
    if (content->get_string().empty() && !may_be_empty) {
      return where +
             ": all messages must have non-empty content except for the optional final assistant "
             "message";
    }
    if (last && role == "assistant" && !content->get_string().empty() &&
        one_of(std::string_view(&content->get_string().back(), 1), {" ", "\n", "\t", "\r"})) {
      return "messages: final assistant content cannot end with trailing whitespace";
    }
    return {};
  }
  if (!content->is_array()) return where + ".content: Input should be a valid list";
  if (content->get_array().empty() && !may_be_empty) {
    return where +
           ": all messages must have non-empty content except for the optional final assistant "
           "message";
  }
  for (std::size_t i = 0; i < content->get_array().size(); ++i) {
    auto failure =
        check_block(content->get_array()[i], fmt::format("{}.content.{}", where, i), role);
    if (!failure.empty()) return failure;
  }
  return {};
}

Failure check_messages(const json::object& request) {
  const json::value* value = request.if_contains("messages");
  if (value == nullptr) return fmt::format("messages: {}", kRequired);
  if (!value->is_array()) return "messages: Input should be a valid list";
  const json::array& messages = value->get_array();
  if (messages.empty()) return "messages: at least one message is required";
  for (std::size_t i = 0; i < messages.size(); ++i) {
    auto failure = check_message(messages[i], i, i + 1 == messages.size());
    if (!failure.empty()) return failure;
  }
  if (text_of(messages[0].get_object().if_contains("role")) != "user") {
    return "messages: first message must use the \"user\" role";
  }
  return check_tool_pairs(messages);
}

Failure check_system(const json::object& request) {
  const json::value* system = request.if_contains("system");
  if (system == nullptr || system->is_string()) return {};
  if (!system->is_array()) return "system: Input should be a valid list";
  for (std::size_t i = 0; i < system->get_array().size(); ++i) {
    const json::value& block = system->get_array()[i];
    if (!block.is_object() || text_of(block.get_object().if_contains("type")) != "text") {
      return fmt::format("system.{}.type: Input should be 'text'", i);
    }
    if (text_of(block.get_object().if_contains("text")).empty())
      return "system: text content blocks must be non-empty";
  }
  return {};
}

bool valid_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Failure check_tools(const json::object& request) {
  const json::value* tools = request.if_contains("tools");
  if (tools != nullptr && !tools->is_array()) return "tools: Input should be a valid list";
  const std::size_t count = tools == nullptr ? 0 : tools->get_array().size();
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < count; ++i) {
    const json::value& value = tools->get_array()[i];
    if (!value.is_object()) return fmt::format("tools.{}: Input should be a valid dictionary", i);
    const json::object& tool = value.get_object();
    const std::string_view type = text_of(tool.if_contains("type"));
    if (!type.empty() && type != "custom") continue;  // one of Anthropic's own
    const std::string_view name = text_of(tool.if_contains("name"));
    if (tool.if_contains("name") == nullptr)
      return fmt::format("tools.{}.custom.name: {}", i, kRequired);
    if (!valid_tool_name(name))
      return fmt::format(
          "tools.{}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'", i);
    if (!names.insert(name).second) return "tools: Tool names must be unique.";
    const json::value* schema = tool.if_contains("input_schema");
    if (schema == nullptr) return fmt::format("tools.{}.custom.input_schema: {}", i, kRequired);
    if (!schema->is_object())
      return fmt::format("tools.{}.custom.input_schema: Input should be a valid dictionary", i);
    if (text_of(schema->get_object().if_contains("type")) != "object") {
      return fmt::format("tools.{}.custom.input_schema.type: Input should be 'object'", i);
    }
    auto failure =
        extra_member(tool, fmt::format("tools.{}.custom.", i),
                     {"type", "name", "description", "input_schema", "cache_control", "strict"});
    if (!failure.empty()) return failure;
  }
  const json::value* choice = request.if_contains("tool_choice");
  if (choice == nullptr) return {};
  if (!choice->is_object()) return "tool_choice: Input should be a valid dictionary";
  if (count == 0) return "tool_choice may only be specified while providing tools.";
  const std::string_view type = text_of(choice->get_object().if_contains("type"));
  if (!one_of(type, {"auto", "any", "tool", "none"})) {
    return fmt::format(
        "tool_choice: Input tag '{}' found using 'type' does not match any of the expected tags: "
        "'auto', 'any', 'tool', 'none'",
        type);
  }
  const std::string_view wanted = text_of(choice->get_object().if_contains("name"));
  if (type == "tool" && wanted.empty()) return fmt::format("tool_choice.tool.name: {}", kRequired);
  if (type == "tool" && !names.contains(wanted))
    return fmt::format("Tool '{}' not found in provided tools", wanted);
  return {};
}

Failure check_stop_sequences(const json::object& request) {
  const json::value* stops = request.if_contains("stop_sequences");
  if (stops == nullptr) return {};
  if (!stops->is_array()) return "stop_sequences: Input should be a valid list";
  for (std::size_t i = 0; i < stops->get_array().size(); ++i) {
    const json::value& stop = stops->get_array()[i];
    if (!stop.is_string())
      return fmt::format("stop_sequences.{}: Input should be a valid string", i);
    if (blank(stop.get_string()))
      return "stop_sequences: each stop sequence must contain non-whitespace";
  }
  return {};
}

Failure check_thinking(const json::object& request) {
  const json::value* thinking = request.if_contains("thinking");
  if (thinking == nullptr) return {};
  if (!thinking->is_object()) return "thinking: Input should be a valid dictionary";
  if (text_of(thinking->get_object().if_contains("type")) != "enabled") return {};
  const json::value* budget = thinking->get_object().if_contains("budget_tokens");
  if (budget == nullptr || !budget->is_int64())
    return fmt::format("thinking.enabled.budget_tokens: {}", kRequired);
  if (budget->get_int64() < 1024)
    return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
  if (budget->get_int64() >= request.at("max_tokens").get_int64()) {
    return "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
           "documentation at "
           "https://docs.claude.com/en/docs/build-with-claude/"
           "extended-thinking#max-tokens-and-context-window-size";
  }
  return {};
}

}  // namespace

std::string check_claude_request(const json::object& request, std::string_view model_id) {
  const json::value* version = request.if_contains("anthropic_version");
  if (version == nullptr) return fmt::format("anthropic_version: {}", kRequired);
  if (text_of(version) != "bedrock-2023-05-31")
    return "anthropic_version: Input should be 'bedrock-2023-05-31'";
  if (auto failure = check_max_tokens(request, model_id); !failure.empty()) return failure;
  for (const auto check :
       {check_messages, check_system, check_tools, check_stop_sequences, check_thinking}) {
    if (auto failure = check(request); !failure.empty()) return failure;
  }
  if (auto failure = check_number(request, "temperature", 0, 1); !failure.empty()) return failure;
  if (auto failure = check_number(request, "top_p", 0, 1); !failure.empty()) return failure;
  if (auto failure = check_number(request, "top_k", 0, 1e9); !failure.empty()) return failure;
  if (request.if_contains("temperature") != nullptr && request.if_contains("top_p") != nullptr &&
      one_sampling_parameter(model_id)) {
    return "`temperature` and `top_p` cannot both be specified for this model. Please use only "
           "one.";
  }
  return extra_member(request, "",
                      {"anthropic_version", "anthropic_beta", "max_tokens", "messages", "system",
                       "temperature", "top_p", "top_k", "stop_sequences", "tools", "tool_choice",
                       "thinking", "output_config", "metadata"});
}

}  // namespace quarry::sandbox
