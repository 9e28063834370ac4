// Amazon Titan's three embedding models: text v1, text v2, and multimodal (text and image).

#include "sandbox/embedding_models.h"
#include "sandbox/embedding_vector.h"
#include "sandbox/malformed_input.h"
#include "sandbox/prompt_hooks.h"
#include "sandbox/reply_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kTextCharactersMax = 50'000;
constexpr std::uint64_t kTextTokensMax = 8192;
constexpr std::uint64_t kCaptionTokensMax = 256;
constexpr std::size_t kV1Dimension = 1536;
constexpr std::int64_t kDimensionDefault = 1024;
// How much longer than 1 the sandbox's vectors are with "normalize": false.
constexpr float kNormWithoutNormalize = 16;

std::unexpected<ModelError> refused(std::string message) {
  return std::unexpected(ModelError{.code = 400, .message = std::move(message)});
}

// Titan names no place when a text's length is at fault.
void check_length(std::string_view text, InputFaults& faults) {
  if (const auto fault = length_fault(text, 1, kTextCharactersMax); !fault.empty())
    faults.add("", fault);
}

std::expected<std::uint64_t, ModelError> tokens_within(std::string_view text,
                                                       std::uint64_t tokens_max) {
  const std::uint64_t tokens = tokens_in(text);
  if (tokens <= tokens_max) return tokens;
  return refused(
      fmt::format("400 Bad Request: Too many input tokens. Max input tokens: {}, request input "
                  "token count: {} ",
                  tokens_max, tokens));
}

bool is_base64(std::string_view text) {
  const std::string_view body = text.substr(0, text.find('='));
  return !text.empty() && text.size() % 4 == 0 && text.size() - body.size() <= 2 &&
         text.substr(body.size()).find_first_not_of('=') == std::string_view::npos &&
         std::ranges::all_of(body, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

ModelAnswer answer_of(std::string members, std::uint64_t tokens) {
  ModelAnswer answer;
  answer.body = fmt::format("{{{},\"inputTextTokenCount\":{}}}", members, tokens);
  answer.input_tokens = tokens;
  return answer;
}

ModelResult answer_v1(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"inputText"});
  check.has_only({"inputText"});
  const auto text = check.text("inputText");
  if (text) check_length(*text, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  if (const Hooks hooks = read_hooks(*text); hooks.error) return std::unexpected(*hooks.error);
  const auto tokens = tokens_within(*text, kTextTokensMax);
  if (!tokens) return std::unexpected(tokens.error());
  std::string members = "\"embedding\":";
  append_vector(unit_vector(*text, kV1Dimension), "float", members);
  return answer_of(std::move(members), *tokens);
}

ModelResult answer_v2(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"inputText"});
  check.has_only({"inputText", "dimensions", "normalize", "embeddingTypes"});
  const auto text = check.text("inputText");
  if (text) check_length(*text, faults);
  const auto dimension = check.integer_of("dimensions", {256, 512, 1024});
  const bool normalize = check.flag("normalize").value_or(true);
  const auto types = check.words("embeddingTypes", {"float", "binary"});
  if (!faults.none()) return std::unexpected(faults.error());
  if (const Hooks hooks = read_hooks(*text); hooks.error) return std::unexpected(*hooks.error);
  const auto tokens = tokens_within(*text, kTextTokensMax);
  if (!tokens) return std::unexpected(tokens.error());
  auto vector = unit_vector(*text, static_cast<std::size_t>(dimension.value_or(kDimensionDefault)));
  if (!normalize) {
    for (float& value : vector) value *= kNormWithoutNormalize;
  }
  // embeddingsByType is always there; "embedding" is not when only binary was asked for.
  const bool binary = std::ranges::find(types, "binary") != types.end();
  std::string floats, bits;
  if (!binary || std::ranges::find(types, "float") != types.end())
    append_vector(vector, "float", floats);
  if (binary) append_vector(vector, "bits", bits);
  std::string members;
  if (!floats.empty()) members = fmt::format("\"embedding\":{},", floats);
  members += "\"embeddingsByType\":{";
  if (!floats.empty()) members += fmt::format("\"float\":{}", floats);
  if (binary) members += fmt::format("{}\"binary\":{}", floats.empty() ? "" : ",", bits);
  members.push_back('}');
  return answer_of(std::move(members), *tokens);
}

ModelResult answer_multimodal(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  if (!request.contains("inputText") && !request.contains("inputImage"))
    check.has_all({"inputText"});
  check.has_only({"inputText", "inputImage", "embeddingConfig"});
  const auto text = check.text("inputText");
  if (text) check_length(*text, faults);
  const auto image = check.text("inputImage");
  std::int64_t dimension = kDimensionDefault;
  if (const json::object* config = check.object("embeddingConfig")) {
    ObjectCheck inner(*config, "#/embeddingConfig", faults);
    inner.has_only({"outputEmbeddingLength"});
    dimension = inner.integer_of("outputEmbeddingLength", {256, 384, 1024}).value_or(dimension);
  }
  if (!faults.none()) return std::unexpected(faults.error());
  if (text) {
    if (const Hooks hooks = read_hooks(*text); hooks.error) return std::unexpected(*hooks.error);
  }
  const auto tokens = tokens_within(text.value_or(""), kCaptionTokensMax);
  if (!tokens) return std::unexpected(tokens.error());
  if (image && !is_base64(*image))
    return refused("Unable to process provided image: inputImage is not a base64-encoded image.");
  const auto length = static_cast<std::size_t>(dimension);
  auto vector = unit_vector(text ? *text : *image, length);
  if (text && image) vector = mean_vector(vector, unit_vector(*image, length));
  std::string members = "\"embedding\":";
  append_vector(vector, "float", members);
  return answer_of(members + ",\"message\":null", *tokens);
}

}  // namespace

ModelResult answer_titan_embed(const json::object& request,
                               std::string_view model_id,
                               std::string_view /*seed*/) {
  const auto is = [&](std::string_view name) {
    return model_id.find(name) != std::string_view::npos;
  };
  if (is("titan-embed-text-v1") || is("titan-embed-g1-text")) return answer_v1(request);
  // A profile's or custom model's ARN does not say the variant; then the body does.
  const bool unsaid = !is("titan-embed");
  if (is("titan-embed-image") ||
      (unsaid && (request.contains("inputImage") || request.contains("embeddingConfig"))))
    return answer_multimodal(request);
  return answer_v2(request);
}

}  // namespace quarry::sandbox
