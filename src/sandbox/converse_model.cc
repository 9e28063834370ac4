// Bedrock's Converse shape over the same model: the request becomes a Messages request, the answer
// goes back.

#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kMaxTokensDefault = 4096;

std::unexpected<ModelError> refused(std::string message) {
  return std::unexpected(ModelError{.code = 400, .message = std::move(message)});
}

std::string malformed(std::string_view what) {
  return fmt::format(
      "The format of the value at {} in the request is invalid. Provide a value that matches the "
      "Converse API and try again.",
      what);
}

// One Converse block as a Messages block; null for what only guides caching or guards.
std::expected<json::value, ModelError> block_of(const json::value& value,
                                                const std::string& where) {
  if (!value.is_object() || value.get_object().size() != 1) return refused(malformed(where));
  const auto& [key, inner] = *value.get_object().begin();
  const std::string_view kind = key;
  if (kind == "text" && inner.is_string()) return json::object{{"type", "text"}, {"text", inner}};
  if (kind == "cachePoint") return refused("cachePoint is not supported for batch inference.");
  if (kind == "image" && inner.is_object()) {
    const json::value* source = inner.get_object().if_contains("source");
    const json::value* format = inner.get_object().if_contains("format");
    const json::value* bytes = source != nullptr && source->is_object()
                                   ? source->get_object().if_contains("bytes")
                                   : nullptr;
    if (format == nullptr || !format->is_string() || bytes == nullptr || !bytes->is_string())
      return refused(malformed(where));
    return json::object{
        {"type", "image"},
        {"source",
         {{"type", "base64"},
          {"media_type", fmt::format("image/{}", std::string_view(format->get_string()))},
          {"data", *bytes}}}};
  }
  if (kind == "toolUse" || kind == "toolResult") {
    return refused(
        "Tool use is not supported for batch inference with the Converse API. Use the InvokeModel "
        "invocation type.");
  }
  if (kind == "reasoningContent" || kind == "guardContent" || kind == "document")
    return json::value(nullptr);
  return refused(malformed(where));
}

std::expected<json::array, ModelError> messages_of(const json::value& messages) {
  if (!messages.is_array()) return refused(malformed("messages"));
  json::array out;
  for (std::size_t i = 0; i < messages.get_array().size(); ++i) {
    const std::string where = fmt::format("messages.{}", i);
    const json::value& message = messages.get_array()[i];
    const json::value* role =
        message.is_object() ? message.get_object().if_contains("role") : nullptr;
    const json::value* content =
        message.is_object() ? message.get_object().if_contains("content") : nullptr;
    if (role == nullptr || content == nullptr || !content->is_array())
      return refused(malformed(where));
    if (!out.empty() && out.back().get_object().at("role") == *role) {
      return refused(
          "A conversation must alternate between user and assistant roles. Make sure the "
          "conversation alternates between user and assistant roles and try again.");
    }
    json::array blocks;
    for (std::size_t k = 0; k < content->get_array().size(); ++k) {
      auto block = block_of(content->get_array()[k], fmt::format("{}.content.{}", where, k));
      if (!block) return std::unexpected(std::move(block.error()));
      if (!block->is_null()) blocks.push_back(std::move(*block));
    }
    out.push_back(json::object{{"role", *role}, {"content", std::move(blocks)}});
  }
  return out;
}

std::expected<json::object, ModelError> messages_request(const json::object& request) {
  for (const auto& member : request) {
    const std::string_view key = member.key();
    bool known = false;
    for (const std::string_view name :
         {"messages", "system", "inferenceConfig", "additionalModelRequestFields", "outputConfig",
          "toolConfig", "additionalModelResponseFieldPaths", "performanceConfig",
          "requestMetadata"}) {
      known |= key == name;
    }
    if (!known)
      return refused(fmt::format(
          "The model returned the following errors: {}: Extra inputs are not permitted", key));
  }
  if (request.if_contains("toolConfig") != nullptr) {
    return refused(
        "Tool use is not supported for batch inference with the Converse API. Use the InvokeModel "
        "invocation type.");
  }
  const json::value* messages = request.if_contains("messages");
  if (messages == nullptr) return refused(malformed("messages"));
  auto converted = messages_of(*messages);
  if (!converted) return std::unexpected(std::move(converted.error()));
  json::object out{{"anthropic_version", "bedrock-2023-05-31"},
                   {"max_tokens", kMaxTokensDefault},
                   {"messages", std::move(*converted)}};
  if (const json::value* system = request.if_contains("system");
      system != nullptr && system->is_array()) {
    json::array blocks;
    for (std::size_t i = 0; i < system->get_array().size(); ++i) {
      auto block = block_of(system->get_array()[i], fmt::format("system.{}", i));
      if (!block) return std::unexpected(std::move(block.error()));
      if (!block->is_null()) blocks.push_back(std::move(*block));
    }
    out["system"] = std::move(blocks);
  }
  if (const json::value* config = request.if_contains("inferenceConfig");
      config != nullptr && config->is_object()) {
    for (const auto& [from, to] :
         {std::pair("maxTokens", "max_tokens"), std::pair("temperature", "temperature"),
          std::pair("topP", "top_p"), std::pair("stopSequences", "stop_sequences")}) {
      if (const json::value* value = config->get_object().if_contains(from)) out[to] = *value;
    }
  }
  if (const json::value* more = request.if_contains("additionalModelRequestFields");
      more != nullptr && more->is_object()) {
    for (const auto& member : more->get_object()) out[member.key()] = member.value();
  }
  return out;
}

// Batch output names every member of the union, with null where it is not set.
json::object filled_block(std::string_view set, json::value value) {
  json::object block;
  for (const char* name :
       {"audio", "cachePoint", "citationsContent", "document", "guardContent", "image",
        "reasoningContent", "searchResult", "text", "toolResult", "toolUse", "video"}) {
    block[name] = nullptr;
  }
  block[set] = std::move(value);
  return block;
}

}  // namespace

ModelResult answer_converse(const json::object& request,
                            std::string_view model_id,
                            std::string_view seed) {
  auto native = messages_request(request);
  if (!native) return std::unexpected(std::move(native.error()));
  auto answer = answer_claude(*native, model_id, seed);
  if (!answer) {
    if (answer.error().code == 400)
      answer.error().message = "The model returned the following errors: " + answer.error().message;
    return answer;
  }
  const json::object body = json::parse(answer->body).get_object();
  json::array content;
  for (const auto& block : body.at("content").get_array()) {
    if (block.at("type") == "text") content.push_back(filled_block("text", block.at("text")));
    if (block.at("type") == "thinking") {
      content.push_back(filled_block("reasoningContent", {{"reasoningText",
                                                           {{"signature", block.at("signature")},
                                                            {"text", block.at("thinking")}}}}));
    }
  }
  const json::value none(nullptr);
  answer->body = json::serialize(json::object{
      {"output", {{"message", {{"role", "assistant"}, {"content", std::move(content)}}}}},
      {"stopReason", body.at("stop_reason")},
      {"usage",
       {{"serverToolUsage", {{"webSearchRequests", none}}},
        {"cacheReadInputTokens", none},
        {"cacheWriteInputTokens", none},
        {"cacheReadInputTokenCount", none},
        {"cacheWriteInputTokenCount", none},
        {"cacheDetails", none},
        {"inputTokens", answer->input_tokens},
        {"outputTokens", answer->output_tokens},
        {"totalTokens", answer->input_tokens + answer->output_tokens}}}});
  return answer;
}

}  // namespace quarry::sandbox
