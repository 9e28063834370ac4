#include "batch/token_estimate.h"

#include <algorithm>
#include <array>

namespace quarry::batch {
namespace {

struct Text {
  std::int64_t bytes = 0;
  std::int64_t media = 0;
};

// Schemas, and what a tool was called with: read by the model as they stand.
constexpr std::array<std::string_view, 5> kRawObjects{"input_schema", "inputSchema", "parameters",
                                                      "input", "json"};

bool is_medium(std::string_view key, json::Value text) {
  return key == "data" || key == "bytes" || key == "inputImage" ||
         (text.raw_text().starts_with("data:") &&
          text.raw_text().substr(0, 256).find(";base64,") != std::string_view::npos);
}

void add_text(std::string_view key, json::Value value, Text& sum) {
  switch (value.kind()) {
    case json::Kind::object:
      if (std::ranges::find(kRawObjects, key) != kRawObjects.end()) {
        sum.bytes += static_cast<std::int64_t>(value.raw().size());
        return;
      }
      for (const auto [name, member] : value.members()) add_text(name, member, sum);
      return;
    case json::Kind::array:
      // "images": ["data:…"] is told by its elements, "content": [{…}] by its members.
      for (const json::Value element : value.elements()) add_text(key, element, sum);
      return;
    case json::Kind::string:
      if (key == "anthropic_version") return;
      if (is_medium(key, value)) {
        ++sum.media;
      } else {
        sum.bytes += static_cast<std::int64_t>(value.text().size());
      }
      return;
    case json::Kind::number:
    case json::Kind::boolean:
    case json::Kind::null:
      return;  // settings
  }
}

std::optional<std::int64_t> count_of(const std::optional<json::Value>& value) {
  return value ? value->integer() : std::nullopt;
}

// The limit that the translator wrote, by each family's name for it.
std::optional<std::int64_t> written_limit(json::Value input) {
  const auto [tokens, completion, generation, inference, generation_config] =
      input.pick<"max_tokens", "max_completion_tokens", "max_gen_len", "inferenceConfig",
                 "textGenerationConfig">();
  for (const auto& value : {tokens, completion, generation}) {
    if (const auto count = count_of(value)) return count;
  }
  const auto within = [](const std::optional<json::Value>& object, std::string_view key) {
    return object && object->is(json::Kind::object) ? count_of(object->find_non_null(key))
                                                    : std::nullopt;
  };
  if (const auto count = within(inference, "maxTokens")) return count;
  return within(generation_config, "maxTokenCount");
}

// The turns of a conversation, the system's words among them; one where the family takes a prompt,
// whose text holds the marks.
std::int64_t messages_of(json::Value input) {
  const auto [messages, system] = input.pick<"messages", "system">();
  if (!messages || !messages->is(json::Kind::array)) return 1;
  std::int64_t count = system && !system->is(json::Kind::null) ? 1 : 0;
  for ([[maybe_unused]] const json::Value message : messages->elements()) ++count;
  return count;
}

std::optional<std::int64_t> ceiling_of(const catalog::Model& model, translate::Wire wire) {
  std::int64_t most = model.output_tokens_max;
  if (const std::int64_t native = model.native_output_tokens_max;
      wire == translate::Wire::native && native != 0) {
    most = most == 0 ? native : std::min(most, native);
  }
  return most == 0 ? std::nullopt : std::optional(most);
}

}  // namespace

std::int64_t tenths_of_bytes_per_token(const catalog::Model& model) {
  // Anthropic's glossary, "Tokens": about 3.5 English characters.
  if (model.family == "anthropic") return 35;
  // Bedrock user guide, "Amazon Titan Text Embeddings models": 4.7 characters in English on
  // average.
  if (model.family.starts_with("titan_")) return 47;
  return 40;
}

TokenEstimate TokenEstimator::estimate(json::Value model_input,
                                       const catalog::Model& model,
                                       translate::Wire wire,
                                       openai::Endpoint endpoint) {
  Text text;
  add_text("", model_input, text);
  const std::int64_t tenths = tenths_of_bytes_per_token(model);
  TokenEstimate estimate;
  estimate.input = (text.bytes * 10 + tenths - 1) / tenths + text.media * kTokensPerMedium;
  if (endpoint == openai::Endpoint::embeddings) return estimate;
  estimate.input += messages_of(model_input) * kTokensPerMessage;
  estimate.output_max = written_limit(model_input);
  if (!estimate.output_max) estimate.output_max = ceiling_of(model, wire);
  return estimate;
}

TokenEstimate TokenEstimator::estimate_record(std::string_view input_record,
                                              const catalog::Model& model,
                                              translate::Wire wire,
                                              openai::Endpoint endpoint) {
  const auto record = document_.parse(input_record);
  if (!record || !record->is(json::Kind::object)) return {};
  const auto input = record->find("modelInput");
  if (!input || !input->is(json::Kind::object)) return {};
  return estimate(*input, model, wire, endpoint);
}

}  // namespace quarry::batch
