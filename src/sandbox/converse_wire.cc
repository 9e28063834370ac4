#include "sandbox/converse_wire.h"

#include "sandbox/conversation.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::string_view kNoToolsInBatch =
    "Tool use is not supported for batch inference with the Converse API. Use the InvokeModel "
    "invocation type.";

std::string malformed(std::string_view what) {
  return fmt::format(
      "The format of the value at {} in the request is invalid. Provide a value that matches the "
      "Converse API and try again.",
      what);
}

std::string misfit(std::string_view value, std::string_view where, std::string_view constraint) {
  return fmt::format(
      "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
      "{}",
      value, where, constraint);
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, text) != known.end();
}

std::string check_members(const json::object& request, ConverseIn wire) {
  for (const auto& member : request) {
    const std::string_view key = member.key();
    const bool everywhere =
        one_of(key, {"messages", "system", "inferenceConfig", "additionalModelRequestFields",
                     "outputConfig", "toolConfig", "additionalModelResponseFieldPaths",
                     "performanceConfig", "requestMetadata"});
    const bool known =
        everywhere || (wire == ConverseIn::live &&
                       one_of(key, {"guardrailConfig", "promptVariables", "serviceTier"}));
    if (!known)
      return fmt::format(
          "The model returned the following errors: {}: Extra inputs are not permitted", key);
    const bool list = one_of(key, {"messages", "system", "additionalModelResponseFieldPaths"});
    if (list ? !member.value().is_array() : !member.value().is_object()) return malformed(key);
  }
  return {};
}

// What batch inference leaves out.
std::string check_batch_blocks(const json::object& request) {
  const auto look = [](const json::value& block) -> std::string {
    const std::string_view kind = block_kind(block);
    if (kind == "cachePoint") return "cachePoint is not supported for batch inference.";
    return kind == "toolUse" || kind == "toolResult" ? std::string(kNoToolsInBatch) : "";
  };
  const json::value* system = request.if_contains("system");
  for (std::size_t i = 0; system != nullptr && i < system->get_array().size(); ++i) {
    if (auto failure = look(system->get_array()[i]); !failure.empty()) return failure;
  }
  for (const json::value& message : request.at("messages").get_array()) {
    for (const json::value& block : message.at("content").get_array()) {
      if (auto failure = look(block); !failure.empty()) return failure;
    }
  }
  return {};
}

std::string check_share(const json::object& config, const char* name) {
  const json::value* value = config.if_contains(name);
  if (value == nullptr) return {};
  const std::string where = fmt::format("inferenceConfig.{}", name);
  if (!value->is_number()) return malformed(where);
  const double number = value->to_number<double>();
  const std::string text = fmt::format("{}", number);
  if (number < 0) return misfit(text, where, "have value greater than or equal to 0");
  return number > 1 ? misfit(text, where, "have value less than or equal to 1") : "";
}

std::string check_inference(const json::object& config) {
  for (const auto& member : config) {
    const std::string_view key = member.key();
    if (!one_of(key, {"maxTokens", "temperature", "topP", "stopSequences"}))
      return malformed(fmt::format("inferenceConfig.{}", key));
  }
  if (const json::value* tokens = config.if_contains("maxTokens")) {
    if (!tokens->is_int64()) return malformed("inferenceConfig.maxTokens");
    if (tokens->get_int64() < 1) {
      return misfit(json::serialize(*tokens), "inferenceConfig.maxTokens",
                    "have value greater than or equal to 1");
    }
  }
  for (const char* name : {"temperature", "topP"}) {
    if (auto failure = check_share(config, name); !failure.empty()) return failure;
  }
  const json::value* stops = config.if_contains("stopSequences");
  if (stops == nullptr) return {};
  if (!stops->is_array()) return malformed("inferenceConfig.stopSequences");
  if (stops->get_array().size() > 2500) {
    return misfit("…", "inferenceConfig.stopSequences", "have length less than or equal to 2500");
  }
  for (const json::value& stop : stops->get_array()) {
    if (!stop.is_string()) return malformed("inferenceConfig.stopSequences");
    if (stop.get_string().empty()) {
      return misfit("[]", "inferenceConfig.stopSequences",
                    "satisfy constraint: [Member must have length greater than or equal to 1]");
    }
  }
  return {};
}

// {"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"<JSON as text>"}}}}
const json::value* schema_text(const json::object& request) {
  boost::system::error_code error;
  const json::value* config = request.if_contains("outputConfig");
  return config == nullptr ? nullptr
                           : config->find_pointer("/textFormat/structure/jsonSchema/schema", error);
}

std::string check_output(const json::object& request) {
  if (request.if_contains("outputConfig") == nullptr) return {};
  const json::value* text = schema_text(request);
  boost::system::error_code error;
  if (text == nullptr || !text->is_string()) return malformed("outputConfig.textFormat");
  const json::value schema = json::parse(text->get_string(), error);
  if (!error && schema.is_object()) return {};
  return "The schema at outputConfig.textFormat.structure.jsonSchema.schema is not valid JSON.";
}

}  // namespace

std::string check_converse_request(const json::object& request, ConverseIn wire) {
  if (auto failure = check_members(request, wire); !failure.empty()) return failure;
  if (wire == ConverseIn::batch && request.if_contains("toolConfig") != nullptr)
    return std::string(kNoToolsInBatch);
  if (const std::string place = misshapen_place(request); !place.empty()) return malformed(place);
  if (wire == ConverseIn::batch) {
    if (auto failure = check_batch_blocks(request); !failure.empty()) return failure;
  }
  if (auto failure = check_tool_config(request); !failure.empty()) return failure;
  if (auto failure = check_inference(converse_member(request, "inferenceConfig")); !failure.empty())
    return failure;
  return check_output(request);
}

std::optional<json::value> output_schema_of(const json::object& request) {
  const json::value* text = schema_text(request);
  if (text == nullptr) return std::nullopt;
  return json::parse(text->get_string());
}

const json::object& converse_member(const json::object& request, std::string_view name) {
  static const json::object kNone;
  const json::value* value = request.if_contains(name);
  return value != nullptr && value->is_object() ? value->get_object() : kNone;
}

void ConverseReply::add(std::string_view kind, json::value value) {
  json::object block;
  if (wire_ == ConverseIn::batch) {
    // Batch output names every member of the union.
    for (const char* name :
         {"audio", "cachePoint", "citationsContent", "document", "guardContent", "image",
          "reasoningContent", "searchResult", "text", "toolResult", "toolUse", "video"}) {
      block[name] = nullptr;
    }
  }
  block[kind] = std::move(value);
  content_.push_back(std::move(block));
}

void ConverseReply::add_text(std::string_view text) { add("text", json::string(text)); }

void ConverseReply::add_reasoning(std::string_view text, json::value signature) {
  json::object reasoning;
  if (wire_ == ConverseIn::batch || !signature.is_null())
    reasoning["signature"] = std::move(signature);
  reasoning["text"] = text;
  add("reasoningContent", {{"reasoningText", std::move(reasoning)}});
}

void ConverseReply::add_tool_use(std::string_view id, std::string_view name, json::value input) {
  add("toolUse", {{"toolUseId", id}, {"name", name}, {"input", std::move(input)}});
}

void ConverseReply::finish(std::string_view stop_reason, ModelAnswer& answer) {
  const json::value none(nullptr);
  json::object usage;
  if (wire_ == ConverseIn::batch) {
    usage = {{"serverToolUsage", {{"webSearchRequests", none}}},
             {"cacheReadInputTokens", none},
             {"cacheWriteInputTokens", none},
             {"cacheReadInputTokenCount", none},
             {"cacheWriteInputTokenCount", none},
             {"cacheDetails", none}};
  }
  usage["inputTokens"] = answer.input_tokens;
  usage["outputTokens"] = answer.output_tokens;
  usage["totalTokens"] = answer.input_tokens + answer.output_tokens;
  json::object body{
      {"output", {{"message", {{"role", "assistant"}, {"content", std::move(content_)}}}}},
      {"stopReason", stop_reason},
      {"usage", std::move(usage)}};
  if (wire_ == ConverseIn::live) body["metrics"] = {{"latencyMs", 1}};
  answer.body = json::serialize(body);
}

}  // namespace quarry::sandbox
