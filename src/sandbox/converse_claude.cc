#include "sandbox/converse_wire.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <utility>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMaxTokensDefault = 4096;

json::object source_of(const json::object& media, std::string_view kind) {
  const json::object& source = media.at("source").get_object();
  if (const json::value* text = source.if_contains("text"))
    return {{"type", "text"}, {"media_type", "text/plain"}, {"data", *text}};
  const json::value* bytes = source.if_contains("bytes");
  return {
      {"type", "base64"},
      {"media_type", fmt::format("{}/{}", kind, std::string_view(media.at("format").get_string()))},
      {"data", bytes != nullptr ? *bytes : json::value("")}};
}

json::value tool_result_of(const json::object& result) {
  json::array content;
  for (const json::value& part : result.at("content").get_array()) {
    const auto& [key, inner] = *part.get_object().begin();
    if (key == "text") content.push_back(json::object{{"type", "text"}, {"text", inner}});
    if (key == "json")
      content.push_back(json::object{{"type", "text"}, {"text", json::serialize(inner)}});
  }
  json::object block{{"type", "tool_result"},
                     {"tool_use_id", result.at("toolUseId")},
                     {"content", std::move(content)}};
  if (const json::value* status = result.if_contains("status"))
    block["is_error"] = *status == "error";
  return block;
}

// One Converse block as a Messages block; null for what only guides caching or guards.
json::value block_of(const json::value& value) {
  const auto& [key, inner] = *value.get_object().begin();
  if (key == "text") return json::object{{"type", "text"}, {"text", inner}};
  if (key == "image")
    return json::object{{"type", "image"}, {"source", source_of(inner.get_object(), "image")}};
  if (key == "document") {
    return json::object{{"type", "document"},
                        {"source", source_of(inner.get_object(), "application")}};
  }
  if (key == "toolUse") {
    return json::object{{"type", "tool_use"},
                        {"id", inner.at("toolUseId")},
                        {"name", inner.at("name")},
                        {"input", inner.at("input")}};
  }
  if (key == "toolResult") return tool_result_of(inner.get_object());
  if (key != "reasoningContent") return nullptr;
  const json::value* text = inner.get_object().if_contains("reasoningText");
  if (text == nullptr || !text->is_object()) return nullptr;
  json::object block{{"type", "thinking"}};
  for (const auto& [from, to] :
       {std::pair("text", "thinking"), std::pair("signature", "signature")}) {
    if (const json::value* part = text->get_object().if_contains(from)) block[to] = *part;
  }
  return block;
}

json::array blocks_of(const json::array& content) {
  json::array blocks;
  for (const json::value& value : content) {
    if (json::value block = block_of(value); !block.is_null()) blocks.push_back(std::move(block));
  }
  return blocks;
}

void add_tools(const json::object& request, json::object& out) {
  const json::object& config = converse_member(request, "toolConfig");
  if (config.empty()) return;
  json::array tools;
  for (const json::value& tool : config.at("tools").get_array()) {
    const json::value* spec = tool.get_object().if_contains("toolSpec");
    if (spec == nullptr) continue;
    json::object made{{"name", spec->at("name")},
                      {"input_schema", spec->at("inputSchema").at("json")}};
    for (const char* name : {"description", "strict"}) {
      if (const json::value* part = spec->get_object().if_contains(name)) made[name] = *part;
    }
    tools.push_back(std::move(made));
  }
  out["tools"] = std::move(tools);
  const json::value* choice = config.if_contains("toolChoice");
  if (choice == nullptr) return;
  const auto& [kind, inner] = *choice->get_object().begin();
  json::object made{{"type", kind}};
  if (kind == "tool") made["name"] = inner.at("name");
  out["tool_choice"] = std::move(made);
}

json::object messages_request(const json::object& request) {
  json::array messages;
  for (const json::value& message : request.at("messages").get_array()) {
    messages.push_back(json::object{{"role", message.at("role")},
                                    {"content", blocks_of(message.at("content").get_array())}});
  }
  json::object out{{"anthropic_version", "bedrock-2023-05-31"},
                   {"max_tokens", kMaxTokensDefault},
                   {"messages", std::move(messages)}};
  if (const json::value* system = request.if_contains("system"))
    out["system"] = blocks_of(system->get_array());
  const json::object& config = converse_member(request, "inferenceConfig");
  for (const auto& [from, to] :
       {std::pair("maxTokens", "max_tokens"), std::pair("temperature", "temperature"),
        std::pair("topP", "top_p"), std::pair("stopSequences", "stop_sequences")}) {
    if (const json::value* value = config.if_contains(from)) out[to] = *value;
  }
  add_tools(request, out);
  if (auto schema = output_schema_of(request)) {
    out["output_config"] = {{"format", {{"type", "json_schema"}, {"schema", std::move(*schema)}}}};
  }
  for (const auto& member : converse_member(request, "additionalModelRequestFields"))
    out[member.key()] = member.value();
  return out;
}

}  // namespace

ModelResult converse_with_claude(const json::object& request,
                                 std::string_view model_id,
                                 std::string_view seed,
                                 ConverseIn wire) {
  auto answer = answer_claude(messages_request(request), model_id, seed);
  if (!answer) {
    if (answer.error().code == 400)
      answer.error().message = "The model returned the following errors: " + answer.error().message;
    return answer;
  }
  const json::object body = json::parse(answer->body).get_object();
  ConverseReply reply(wire);
  for (const json::value& block : body.at("content").get_array()) {
    const json::value& type = block.at("type");
    if (type == "text") reply.add_text(block.at("text").get_string());
    if (type == "thinking")
      reply.add_reasoning(block.at("thinking").get_string(), block.at("signature"));
    if (type == "tool_use") {
      reply.add_tool_use(block.at("id").get_string(), block.at("name").get_string(),
                         block.at("input"));
    }
  }
  reply.finish(body.at("stop_reason").get_string(), *answer);
  return answer;
}

}  // namespace quarry::sandbox
