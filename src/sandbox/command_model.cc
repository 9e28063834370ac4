#include "sandbox/command_model.h"

#include "sandbox/malformed_input.h"
#include "sandbox/model_text.h"
#include "sandbox/prompt_hooks.h"
#include "sandbox/reply_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kTokensMax = 4096;
constexpr std::int64_t kSeedMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kStopsMax = 5;

void check_tool(ObjectCheck& tool, InputFaults& faults) {
  tool.has_all({"name", "description"});
  tool.has_only({"name", "description", "parameter_definitions"});
  tool.text("name");
  tool.text("description");
  const json::object* parameters = tool.object("parameter_definitions");
  if (parameters == nullptr) return;
  ObjectCheck all(*parameters, tool.place("parameter_definitions"), faults);
  for (const auto& member : *parameters) {
    const json::object* parameter = all.object(member.key());
    if (parameter == nullptr) continue;
    ObjectCheck one(*parameter, all.place(member.key()), faults);
    one.has_all({"type"});
    one.has_only({"description", "type", "required"});
    one.text("type");
    one.text("description");
    one.flag("required");
  }
}

void check_result(ObjectCheck& result, InputFaults& faults) {
  result.has_all({"call", "outputs"});
  result.has_only({"call", "outputs"});
  result.objects("outputs", 0, kAnyCount);
  const json::object* call = result.object("call");
  if (call == nullptr) return;
  ObjectCheck check(*call, result.place("call"), faults);
  check.has_all({"name", "parameters"});
  check.text("name");
  check.object("parameters");
}

void check_turn(ObjectCheck& turn) {
  turn.has_all({"role", "message"});
  turn.has_only({"role", "message", "tool_calls"});
  turn.word("role", {"USER", "CHATBOT"});
  turn.text("message");
  turn.objects("tool_calls", 0, kAnyCount);
}

void check_request(const json::object& request, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  check.has_all({"message"});
  check.has_only({"message", "chat_history", "documents", "search_queries_only", "preamble",
                  "max_tokens", "temperature", "p", "k", "prompt_truncation", "frequency_penalty",
                  "presence_penalty", "seed", "return_prompt", "tools", "tool_results",
                  "stop_sequences", "raw_prompting"});
  check.text("message");
  check.text("preamble");
  for (auto& turn : check.objects("chat_history", 0, kAnyCount)) check_turn(turn);
  for (auto& tool : check.objects("tools", 0, kAnyCount)) check_tool(tool, faults);
  for (auto& result : check.objects("tool_results", 0, kAnyCount)) check_result(result, faults);
  check.objects("documents", 0, kAnyCount);
  check.integer("max_tokens", 1, kTokensMax);
  check.number("temperature", 0, 1);
  check.number("p", 0.01, 0.99);
  check.number("k", 0, 500);
  check.number("frequency_penalty", 0, 1);
  check.number("presence_penalty", 0, 1);
  check.integer("seed", 0, kSeedMax);
  check.word("prompt_truncation", {"OFF", "AUTO_PRESERVE_ORDER"});
  check.texts("stop_sequences", 0, kStopsMax);
  for (const char* name : {"search_queries_only", "return_prompt", "raw_prompting"})
    check.flag(name);
}

// A request without faults.
struct Prompt {
  std::string_view preamble;
  std::string_view message;
  json::array history;  // with this turn's message
  bool has_tool_results = false;
  std::uint64_t tokens = 0;
  Hooks hooks;
};

Prompt read_prompt(const json::object& request) {
  Prompt prompt;
  prompt.message = request.at("message").get_string();
  std::size_t bytes = prompt.message.size();
  if (const json::value* preamble = request.if_contains("preamble"))
    prompt.preamble = preamble->get_string();
  bytes += prompt.preamble.size();
  if (const json::value* history = request.if_contains("chat_history")) {
    prompt.history = history->get_array();
    for (const auto& turn : prompt.history) {
      const std::string_view text(turn.at("message").get_string());
      bytes += text.size();
      if (turn.at("role") == "USER") add_hooks(prompt.hooks, text);
    }
  }
  if (!prompt.message.empty()) {
    add_hooks(prompt.hooks, prompt.message);
    prompt.history.push_back(json::object{{"role", "USER"}, {"message", prompt.message}});
  }
  for (const char* name : {"documents", "tools", "tool_results"}) {
    if (const json::value* value = request.if_contains(name))
      bytes += json::serialize(*value).size();
  }
  if (const json::value* results = request.if_contains("tool_results"))
    prompt.has_tool_results = !results->get_array().empty();
  prompt.tokens = (bytes + 3) / 4 + 4 * prompt.history.size();
  return prompt;
}

// Python's type names, as parameter definitions have them.
std::string_view schema_type(std::string_view type) {
  if (type == "int") return "integer";
  if (type == "float") return "number";
  if (type == "bool") return "boolean";
  if (type.starts_with("List") || type.starts_with("list")) return "array";
  if (type.starts_with("Dict") || type.starts_with("dict")) return "object";
  return type == "str" ? "string" : type;
}

json::object schema_of(const json::object& tool) {
  json::object properties;
  json::array required;
  const json::value* parameters = tool.if_contains("parameter_definitions");
  if (parameters != nullptr) {
    for (const auto& member : parameters->get_object()) {
      const json::object& parameter = member.value().get_object();
      properties[member.key()] = {{"type", schema_type(parameter.at("type").get_string())},
                                  {"items", {{"type", "string"}}}};
      const json::value* needed = parameter.if_contains("required");
      if (needed != nullptr && needed->get_bool()) required.emplace_back(member.key());
    }
  }
  return {
      {"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

const json::object* scripted_tool(const json::object& request, const Prompt& prompt) {
  const json::value* tools = request.if_contains("tools");
  if (tools == nullptr || !prompt.hooks.tool || prompt.has_tool_results) return nullptr;
  for (const auto& tool : tools->get_array()) {
    if (std::string_view(tool.at("name").get_string()) == *prompt.hooks.tool)
      return &tool.get_object();
  }
  return nullptr;
}

struct Reply {
  std::string text;
  std::string finish_reason = "COMPLETE";
  json::array tool_calls;
};

Reply make_reply(const json::object& request, const Prompt& prompt, TextSource& source) {
  Reply reply;
  if (const json::object* tool = scripted_tool(request, prompt)) {
    reply.text = fmt::format("I will use the {} tool to answer this.",
                             std::string_view(tool->at("name").get_string()));
    reply.tool_calls.push_back(
        json::object{{"name", tool->at("name")},
                     {"parameters", sample_of_schema(schema_of(*tool), prompt.message, source)}});
  } else if (prompt.hooks.echo) {
    reply.text = *prompt.hooks.echo;
  } else {
    reply.text = compose_answer(prompt.preamble, prompt.message, source);
  }
  std::vector<std::string_view> stops;
  if (const json::value* list = request.if_contains("stop_sequences")) {
    for (const auto& stop : list->get_array()) stops.emplace_back(stop.get_string());
  }
  const json::value* limit = request.if_contains("max_tokens");
  const std::int64_t tokens_max = limit == nullptr ? kTokensMax : limit->get_int64();
  const ReplyEnd end = end_reply(reply.text, stops, static_cast<std::uint64_t>(tokens_max));
  if (end == ReplyEnd::tokens_max) reply.finish_reason = "MAX_TOKENS";
  if (prompt.hooks.stop) reply.finish_reason = *prompt.hooks.stop;
  return reply;
}

}  // namespace

ModelResult answer_command_r(const json::object& request,
                             std::string_view model_id,
                             std::string_view seed) {
  InputFaults faults;
  check_request(request, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  Prompt prompt = read_prompt(request);
  if (prompt.hooks.error) return std::unexpected(*prompt.hooks.error);
  if (prompt.message.empty() && !prompt.has_tool_results) {
    return std::unexpected(
        ModelError{.code = 400,
                   .message = "invalid request: message must be at least 1 token long or tool "
                              "results must be specified."});
  }
  TextSource source({model_id, seed, prompt.preamble, prompt.message});
  Reply reply = make_reply(request, prompt, source);
  json::object turn{{"role", "CHATBOT"}, {"message", reply.text}};
  // The body has no usage: token counts are in the runtime's headers and the job's manifest.
  json::object body{{"response_id", source.letters(32)},
                    {"text", reply.text},
                    {"generation_id", source.letters(32)}};
  ModelAnswer answer;
  answer.input_tokens = prompt.tokens;
  answer.output_tokens = std::max<std::uint64_t>(1, tokens_in(reply.text));
  if (!reply.tool_calls.empty()) {
    answer.output_tokens += tokens_in(json::serialize(reply.tool_calls));
    turn["tool_calls"] = reply.tool_calls;
    body["tool_calls"] = std::move(reply.tool_calls);
  }
  prompt.history.push_back(std::move(turn));
  body["chat_history"] = std::move(prompt.history);
  body["finish_reason"] = reply.finish_reason;
  answer.body = json::serialize(body);
  return answer;
}

}  // namespace quarry::sandbox
