#include "sandbox/model.h"
#include "sandbox/model_text.h"
#include "sandbox/prompt_hooks.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

// What of a request the answer depends on.
struct Prompt {
  std::string system;
  std::string last_user;
  std::size_t input_bytes = 0;
  std::size_t message_count = 0;
  Hooks hooks;
};

// The text of a content: a string, or its text blocks; tool results count as text too.
void append_text(const json::value& content, std::string& out) {
  if (content.is_string()) {
    out += std::string_view(content.get_string());
    return;
  }
  if (!content.is_array()) return;
  for (const auto& block : content.get_array()) {
    if (!block.is_object()) continue;
    for (const char* name : {"text", "content"}) {
      if (const json::value* inner = block.get_object().if_contains(name)) append_text(*inner, out);
    }
    out.push_back(' ');
  }
  if (out.ends_with(' ')) out.pop_back();
}

Prompt read_prompt(const json::object& request) {
  Prompt prompt;
  if (const json::value* system = request.if_contains("system"))
    append_text(*system, prompt.system);
  prompt.input_bytes = prompt.system.size();
  for (const auto& message : request.at("messages").get_array()) {
    std::string text;
    append_text(message.get_object().at("content"), text);
    prompt.input_bytes += text.size();
    ++prompt.message_count;
    if (std::string_view(message.get_object().at("role").get_string()) != "user") continue;
    add_hooks(prompt.hooks, text);
    prompt.last_user = std::move(text);
  }
  if (const json::value* tools = request.if_contains("tools"))
    prompt.input_bytes += json::serialize(*tools).size();
  return prompt;
}

std::uint64_t tokens_of(std::size_t bytes) { return (bytes + 3) / 4; }

// At most `bytes_max` bytes, no UTF-8 sequence cut.
std::string_view cut_text(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

struct Reply {
  json::array content;
  std::string stop_reason = "end_turn";
  json::value stop_sequence;  // null unless one was met
  std::size_t bytes = 0;
};

const json::object* named_tool(const json::array& tools, std::string_view name) {
  for (const auto& tool : tools) {
    const json::value* given = tool.get_object().if_contains("name");
    if (given != nullptr && given->is_string() && given->get_string() == name)
      return &tool.get_object();
  }
  return nullptr;
}

// The tool that the request makes the model call, or that its text scripts, if it does.
const json::object* called_tool(const json::object& request, const Hooks& hooks) {
  const json::value* choice = request.if_contains("tool_choice");
  const json::value* tools = request.if_contains("tools");
  if (tools == nullptr) return nullptr;
  if (hooks.tool && (choice == nullptr || choice->get_object().at("type") != "none")) {
    if (const json::object* tool = named_tool(tools->get_array(), *hooks.tool)) return tool;
  }
  if (choice == nullptr) return nullptr;
  const std::string_view type(choice->get_object().at("type").get_string());
  for (const auto& tool : tools->get_array()) {
    const json::value* name = tool.get_object().if_contains("name");
    if (type == "any" && tool.get_object().if_contains("input_schema") != nullptr)
      return &tool.get_object();
    if (type == "tool" && name != nullptr && *name == choice->get_object().at("name"))
      return &tool.get_object();
  }
  return nullptr;
}

void reply_with_tool(const json::object& tool,
                     const Prompt& prompt,
                     TextSource& source,
                     Reply& reply) {
  const json::value* schema = tool.if_contains("input_schema");
  json::value input =
      schema == nullptr ? json::object{} : sample_of_schema(*schema, prompt.last_user, source);
  if (!input.is_object()) input = json::object{};
  reply.bytes += json::serialize(input).size() + 24;
  reply.content.push_back(json::object{{"type", "tool_use"},
                                       {"id", "toolu_bdrk_" + source.letters(24)},
                                       {"name", tool.at("name")},
                                       {"input", std::move(input)}});
  reply.stop_reason = "tool_use";
}

const json::value* output_schema(const json::object& request) {
  const json::value* config = request.if_contains("output_config");
  const json::value* format = config != nullptr && config->is_object()
                                  ? config->get_object().if_contains("format")
                                  : nullptr;
  return format != nullptr && format->is_object() ? format->get_object().if_contains("schema")
                                                  : nullptr;
}

void reply_with_text(const json::object& request, std::string text, Reply& reply) {
  if (const json::value* stops = request.if_contains("stop_sequences")) {
    std::size_t earliest = std::string::npos;
    for (const auto& stop : stops->get_array()) {
      const std::size_t at = text.find(std::string_view(stop.get_string()));
      if (at >= earliest) continue;
      earliest = at;
      reply.stop_sequence = stop;
      reply.stop_reason = "stop_sequence";
    }
    if (earliest != std::string::npos) text.resize(earliest);
  }
  const auto tokens_max = static_cast<std::uint64_t>(request.at("max_tokens").get_int64());
  if (tokens_of(text.size() + reply.bytes) > tokens_max) {
    const std::size_t bytes_max = static_cast<std::size_t>(tokens_max) * 4;
    text.resize(cut_text(text, bytes_max > reply.bytes ? bytes_max - reply.bytes : 0).size());
    reply.stop_reason = "max_tokens";
    reply.stop_sequence = nullptr;
  }
  reply.bytes += text.size();
  reply.content.push_back(json::object{{"type", "text"}, {"text", std::move(text)}});
}

std::string_view model_name(std::string_view model_id) {
  const std::size_t at = model_id.find("claude");
  std::string_view name =
      at == std::string_view::npos ? std::string_view("claude-sandbox") : model_id.substr(at);
  // "claude-3-haiku-20240307-v1:0" is called "claude-3-haiku-20240307".
  const std::size_t version = name.rfind("-v");
  if (version != std::string_view::npos && name.find(':', version) != std::string_view::npos)
    name = name.substr(0, version);
  return name;
}

bool thinks(const json::object& request) {
  const json::value* thinking = request.if_contains("thinking");
  if (thinking == nullptr) return false;
  const json::value* type = thinking->get_object().if_contains("type");
  return type != nullptr && type->is_string() && type->get_string() != "disabled";
}

}  // namespace

ModelResult answer_claude(const json::object& request,
                          std::string_view model_id,
                          std::string_view seed) {
  if (auto failure = check_claude_request(request, model_id); !failure.empty()) {
    return std::unexpected(ModelError{.code = 400, .message = std::move(failure)});
  }
  const Prompt prompt = read_prompt(request);
  if (prompt.hooks.error) return std::unexpected(*prompt.hooks.error);
  TextSource source({model_id, seed, prompt.system, prompt.last_user});
  Reply reply;
  if (prompt.hooks.reasoning || thinks(request)) {
    std::string thought = prompt.hooks.reasoning ? *prompt.hooks.reasoning
                                                 : compose_thought(prompt.last_user, source);
    reply.bytes += thought.size();
    reply.content.push_back(json::object{
        {"type", "thinking"}, {"thinking", std::move(thought)}, {"signature", source.letters(88)}});
  }
  const json::object* tool = called_tool(request, prompt.hooks);
  if (prompt.hooks.echo) {
    reply.bytes += prompt.hooks.echo->size();
    reply.content.push_back(json::object{{"type", "text"}, {"text", *prompt.hooks.echo}});
  }
  if (tool != nullptr) {
    reply_with_tool(*tool, prompt, source, reply);
  } else if (prompt.hooks.echo) {
    // Said already.
  } else if (const json::value* schema = output_schema(request)) {
    reply_with_text(request, json::serialize(sample_of_schema(*schema, prompt.last_user, source)),
                    reply);
  } else {
    reply_with_text(request, compose_answer(prompt.system, prompt.last_user, source), reply);
  }
  if (prompt.hooks.stop) reply.stop_reason = *prompt.hooks.stop;
  ModelAnswer answer;
  answer.input_tokens = tokens_of(prompt.input_bytes) + 4 * prompt.message_count + 4;
  answer.output_tokens = std::max<std::uint64_t>(1, tokens_of(reply.bytes));
  answer.body = json::serialize(json::object{{"id", "msg_bdrk_" + source.letters(24)},
                                             {"type", "message"},
                                             {"role", "assistant"},
                                             {"model", model_name(model_id)},
                                             {"content", std::move(reply.content)},
                                             {"stop_reason", reply.stop_reason},
                                             {"stop_sequence", std::move(reply.stop_sequence)},
                                             {"usage",
                                              {{"input_tokens", answer.input_tokens},
                                               {"cache_creation_input_tokens", 0},
                                               {"cache_read_input_tokens", 0},
                                               {"output_tokens", answer.output_tokens}}}});
  return answer;
}

}  // namespace quarry::sandbox
