#include "sandbox/conversation.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;
using Ids = std::set<std::string, std::less<>>;

bool one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, text) != known.end();
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool has_source(const json::object& media, std::initializer_list<std::string_view> formats) {
  const json::value* source = media.if_contains("source");
  if (source == nullptr || !source->is_object() || source->get_object().size() != 1) return false;
  return one_of(text_of(media, "format"), formats);
}

bool valid_tool_result(const json::object& result) {
  const json::value* content = result.if_contains("content");
  if (text_of(result, "toolUseId").empty() || content == nullptr || !content->is_array())
    return false;
  const json::value* status = result.if_contains("status");
  if (status != nullptr && !one_of(text_of(result, "status"), {"success", "error"})) return false;
  return std::ranges::all_of(content->get_array(), [](const json::value& block) {
    return one_of(block_kind(block),
                  {"json", "text", "image", "document", "video", "searchResult"});
  });
}

bool valid_block(const json::value& block, std::string_view role) {
  const std::string_view kind = block_kind(block);
  if (kind.empty()) return false;
  const json::value& inner = block.get_object().begin()->value();
  if (kind == "text") return inner.is_string();
  if (!inner.is_object()) return false;
  const json::object& object = inner.get_object();
  if (kind == "image") return has_source(object, {"png", "jpeg", "gif", "webp"});
  if (kind == "document") {
    return !text_of(object, "name").empty() &&
           has_source(object, {"pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"});
  }
  if (kind == "video") {
    return has_source(object,
                      {"mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"});
  }
  if (kind == "toolUse") {
    const json::value* input = object.if_contains("input");
    return role == "assistant" && !text_of(object, "toolUseId").empty() &&
           !text_of(object, "name").empty() && input != nullptr && input->is_object();
  }
  if (kind == "toolResult") return role == "user" && valid_tool_result(object);
  if (kind == "reasoningContent") return role == "assistant" && object.size() == 1;
  return one_of(kind, {"audio", "cachePoint", "guardContent", "citationsContent", "searchResult"});
}

// A block's text as far as the model reads it.
void append_text(const json::value& block, std::string& out) {
  const std::string_view kind = block_kind(block);
  if (kind.empty()) return;
  const json::value& inner = block.get_object().begin()->value();
  if (!out.empty()) out += ' ';
  if (kind == "text" && inner.is_string()) {
    out += std::string_view(inner.get_string());
  } else if (kind == "json") {
    out += json::serialize(inner);
  } else if (kind == "toolResult") {
    for (const json::value& part : inner.get_object().at("content").get_array())
      append_text(part, out);
  } else if (kind == "toolUse") {
    out += json::serialize(inner);
  } else {
    if (!out.empty()) out.pop_back();
  }
}

Ids ids_in(const json::value& message, std::string_view kind) {
  Ids ids;
  for (const json::value& block : message.at("content").get_array()) {
    if (block_kind(block) == kind)
      ids.emplace(text_of(block.get_object().begin()->value().get_object(), "toolUseId"));
  }
  return ids;
}

std::string check_blocks(const json::value& message, std::size_t index, const ModelTraits& traits) {
  const json::array& content = message.at("content").get_array();
  if (content.empty()) {
    return fmt::format(
        "The content field in the Message object at messages.{} is empty. Add a ContentBlock "
        "object "
        "to the content field and try again.",
        index);
  }
  for (std::size_t i = 0; i < content.size(); ++i) {
    const std::string_view kind = block_kind(content[i]);
    const json::value& inner = content[i].get_object().begin()->value();
    if (kind == "text" && blank(inner.get_string())) {
      return fmt::format(
          "The text field in the ContentBlock object at messages.{}.content.{} is blank. Add text "
          "to "
          "the text field, and try again.",
          index, i);
    }
    if (kind == "image" && !traits.takes_images) {
      return "This model doesn't support the image content block that you provided. To use this "
             "model, remove the image content block from the message and try again.";
    }
    if (one_of(kind, {"toolUse", "toolResult"}) && !traits.takes_tools)
      return "This model doesn't support tool use.";
  }
  return {};
}

// Every call is answered in the turn after it, and nothing else is.
std::string check_tool_turns(const json::array& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Ids called = i == 0 ? Ids{} : ids_in(messages[i - 1], "toolUse");
    const Ids answered = ids_in(messages[i], "toolResult");
    for (const std::string& id : called) {
      if (!answered.contains(id)) {
        return fmt::format(
            "Expected toolResult blocks at messages.{}.content for the following Ids: {}", i, id);
      }
    }
    if (answered.size() > called.size()) {
      return fmt::format(
          "The number of toolResult blocks at messages.{}.content exceeds the number of toolUse "
          "blocks of previous turn.",
          i);
    }
  }
  return {};
}

bool valid_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string misfit(std::string_view value, std::string_view where, std::string_view constraint) {
  return fmt::format(
      "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
      "{}",
      value, where, constraint);
}

const json::object* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

std::string check_tool(const json::value& tool, std::size_t number, Ids& names) {
  const std::string where = fmt::format("toolConfig.tools.{}.member", number);
  const std::string_view kind = block_kind(tool);
  if (one_of(kind, {"cachePoint", "systemTool"})) return {};
  const json::object* spec = tool.is_object() ? member(tool.get_object(), "toolSpec") : nullptr;
  if (kind != "toolSpec" || spec == nullptr) return misfit("null", where, "be a tool");
  const std::string_view name = text_of(*spec, "name");
  if (!valid_tool_name(name)) {
    return misfit(name, where + ".toolSpec.name",
                  "satisfy regular expression pattern: [a-zA-Z0-9_-]+");
  }
  for (const auto& each : *spec) {
    if (!one_of(each.key(), {"name", "description", "inputSchema", "strict"}))
      return misfit(each.key(), where + ".toolSpec", "not be given");
  }
  if (spec->if_contains("description") != nullptr && text_of(*spec, "description").empty()) {
    return misfit("", where + ".toolSpec.description", "have length greater than or equal to 1");
  }
  const json::object* schema = member(*spec, "inputSchema");
  const json::object* inner = schema != nullptr ? member(*schema, "json") : nullptr;
  if (inner == nullptr) return misfit("null", where + ".toolSpec.inputSchema", "not be null");
  if (text_of(*inner, "type") != "object") {
    return fmt::format(
        "The value at toolConfig.tools.{}.toolSpec.inputSchema.json.type must be one of the "
        "following: object.",
        number - 1);
  }
  if (!names.emplace(name).second) {
    return fmt::format(
        "The tool {} is already defined at toolConfig.tools. Remove the duplicate tool and try "
        "again.",
        name);
  }
  return {};
}

}  // namespace

std::string_view block_kind(const json::value& block) {
  if (!block.is_object() || block.get_object().size() != 1) return {};
  return block.get_object().begin()->key();
}

std::string misshapen_place(const json::object& request) {
  const json::value* messages = request.if_contains("messages");
  if (messages == nullptr || !messages->is_array()) return "messages";
  for (std::size_t i = 0; i < messages->get_array().size(); ++i) {
    const json::object* message = messages->get_array()[i].if_object();
    const std::string where = fmt::format("messages.{}", i);
    if (message == nullptr || message->size() != 2) return where;
    const std::string_view role = text_of(*message, "role");
    if (!one_of(role, {"user", "assistant"})) return where + ".role";
    const json::value* content = message->if_contains("content");
    if (content == nullptr || !content->is_array()) return where + ".content";
    for (std::size_t k = 0; k < content->get_array().size(); ++k) {
      if (!valid_block(content->get_array()[k], role))
        return fmt::format("{}.content.{}", where, k);
    }
  }
  const json::value* system = request.if_contains("system");
  if (system == nullptr) return {};
  if (!system->is_array()) return "system";
  for (std::size_t i = 0; i < system->get_array().size(); ++i) {
    const json::value& block = system->get_array()[i];
    if (!one_of(block_kind(block), {"text", "guardContent", "cachePoint"}) ||
        !valid_block(block, "user"))
      return fmt::format("system.{}", i);
  }
  return {};
}

std::string check_conversation(const json::object& request, const ModelTraits& traits) {
  const json::array& messages = request.at("messages").get_array();
  if (messages.empty() || messages[0].at("role") != "user") {
    return "A conversation must start with a user message. Try again with a conversation that "
           "starts "
           "with a user message.";
  }
  bool tools_used = false;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (i > 0 && messages[i].at("role") == messages[i - 1].at("role")) {
      return "A conversation must alternate between user and assistant roles. Make sure the "
             "conversation alternates between user and assistant roles and try again.";
    }
    if (auto failure = check_blocks(messages[i], i, traits); !failure.empty()) return failure;
    tools_used |=
        !ids_in(messages[i], "toolUse").empty() || !ids_in(messages[i], "toolResult").empty();
  }
  if (const json::value* system = request.if_contains("system")) {
    if (!traits.takes_system && !system->get_array().empty())
      return "This model doesn't support system messages. Try again without a system message.";
    for (std::size_t i = 0; i < system->get_array().size(); ++i) {
      const json::value& block = system->get_array()[i];
      if (block_kind(block) == "text" && blank(block.at("text").get_string())) {
        return fmt::format(
            "The text field in the SystemContentBlock object at system.{} is blank. Add text to "
            "the "
            "text field, and try again.",
            i);
      }
    }
  }
  if (request.if_contains("toolConfig") != nullptr && !traits.takes_tools)
    return "This model doesn't support tool use.";
  if (tools_used && request.if_contains("toolConfig") == nullptr) {
    return "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
  }
  return check_tool_turns(messages);
}

std::string check_tool_config(const json::object& request) {
  const json::value* value = request.if_contains("toolConfig");
  if (value == nullptr) return {};
  const json::object* config = value->if_object();
  const json::value* tools = config != nullptr ? config->if_contains("tools") : nullptr;
  if (tools == nullptr || !tools->is_array() || tools->get_array().empty())
    return misfit("[]", "toolConfig.tools", "have length greater than or equal to 1");
  Ids names;
  for (std::size_t i = 0; i < tools->get_array().size(); ++i) {
    if (auto failure = check_tool(tools->get_array()[i], i + 1, names); !failure.empty())
      return failure;
  }
  const json::value* choice = config->if_contains("toolChoice");
  if (choice == nullptr) return {};
  const std::string_view kind = block_kind(*choice);
  if (!one_of(kind, {"auto", "any", "tool"}) || !choice->get_object().begin()->value().is_object())
    return misfit("null", "toolConfig.toolChoice", "be one of auto, any and tool");
  if (kind != "tool") return {};
  const std::string_view name = text_of(choice->at("tool").get_object(), "name");
  if (names.contains(name)) return {};
  return fmt::format("The tool {} of toolConfig.toolChoice is not defined in toolConfig.tools.",
                     name);
}

Prompt read_conversation(const json::object& request) {
  Prompt prompt;
  if (const json::value* system = request.if_contains("system")) {
    std::string text;
    for (const json::value& block : system->get_array()) append_text(block, text);
    prompt.add_system(text);
  }
  for (const json::value& message : request.at("messages").get_array()) {
    std::string results, words;
    for (const json::value& block : message.at("content").get_array())
      append_text(block, block_kind(block) == "toolResult" ? results : words);
    if (message.at("role") != "user") {
      prompt.add_assistant(words);
      continue;
    }
    const bool answers_call = !ids_in(message, "toolResult").empty();
    if (answers_call) prompt.add_tool_result(results);
    if (!answers_call || !words.empty()) prompt.add_user(words);
  }
  return prompt;
}

void read_tool_config(const json::object& request, Wish& wish) {
  const json::value* config = request.if_contains("toolConfig");
  if (config == nullptr) return;
  for (const json::value& tool : config->at("tools").get_array()) {
    if (block_kind(tool) != "toolSpec") continue;
    const json::object& spec = tool.at("toolSpec").get_object();
    wish.tools.push_back(
        {.name = std::string(text_of(spec, "name")), .schema = &spec.at("inputSchema").at("json")});
  }
  const json::value* choice = config->get_object().if_contains("toolChoice");
  if (choice == nullptr) return;
  wish.forces_tool = block_kind(*choice) != "auto";
  if (block_kind(*choice) == "tool")
    wish.forced_tool = text_of(choice->at("tool").get_object(), "name");
}

json::object tool_use_block(const Draft& draft, std::string_view id) {
  return json::object{
      {"toolUse", {{"toolUseId", id}, {"name", *draft.tool}, {"input", draft.arguments}}}};
}

}  // namespace quarry::sandbox
