#include "sandbox/families.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return has(text, part); });
}

// The first name that starts a base model's id decides; more telling ones come first.
constexpr auto kFamilies = std::to_array<std::pair<std::string_view, Family>>({
    {"anthropic.claude", Family::claude},
    {"amazon.nova-canvas", Family::none},
    {"amazon.nova-reel", Family::none},
    {"amazon.nova-sonic", Family::none},
    {"amazon.nova-2-sonic", Family::none},
    {"amazon.nova-2-multimodal-embeddings", Family::nova_embed},
    {"amazon.nova-", Family::nova},
    {"amazon.titan-embed", Family::titan_embed},
    {"amazon.titan-text", Family::titan_text},
    {"amazon.titan-tg1", Family::titan_text},
    {"meta.llama", Family::llama},
    {"mistral.voxtral", Family::none},
    {"mistral.", Family::mistral},
    {"cohere.command-r", Family::command_r},
    {"cohere.embed", Family::cohere_embed},
    {"ai21.jamba", Family::jamba},
    {"deepseek.r1", Family::deepseek_r1},
    {"deepseek.", Family::openai_shaped},
    {"openai.", Family::openai_shaped},
    {"qwen.", Family::openai_shaped},
    {"google.gemma", Family::openai_shaped},
    {"nvidia.", Family::openai_shaped},
    {"minimax.", Family::openai_shaped},
    {"moonshot.", Family::openai_shaped},
    {"moonshotai.", Family::openai_shaped},
    {"zai.", Family::openai_shaped},
    {"writer.", Family::openai_shaped},
});

constexpr std::array<std::string_view, 8> kProfilePrefixes{"us.", "eu.", "apac.",   "au.",
                                                           "jp.", "ca.", "global.", "us-gov."};

const json::object* first_message(const json::object& request) {
  const json::value* messages = request.if_contains("messages");
  if (messages == nullptr || !messages->is_array() || messages->get_array().empty()) return nullptr;
  return messages->get_array()[0].if_object();
}

// Converse's and Nova's blocks say what they are by their only member, all others by "type".
bool has_untyped_blocks(const json::object& message) {
  const json::value* content = message.if_contains("content");
  if (content == nullptr || !content->is_array() || content->get_array().empty()) return false;
  const json::object* block = content->get_array()[0].if_object();
  return block != nullptr && block->if_contains("type") == nullptr;
}

Family family_of_prompt(const json::object& request) {
  const json::value* prompt = request.if_contains("prompt");
  const std::string_view text =
      prompt->is_string() ? std::string_view(prompt->get_string()) : std::string_view{};
  if (request.if_contains("max_gen_len") != nullptr || has(text, "<|")) return Family::llama;
  return has(text, "<｜") ? Family::deepseek_r1 : Family::mistral;
}

}  // namespace

std::string_view base_model(std::string_view model_id) {
  if (model_id.starts_with("arn:")) {
    constexpr std::string_view kCustom = ":custom-model/";
    if (const std::size_t at = model_id.find(kCustom); at != std::string_view::npos) {
      model_id.remove_prefix(at + kCustom.size());
      model_id = model_id.substr(0, model_id.find('/'));
    } else {
      model_id.remove_prefix(model_id.rfind('/') + 1);
    }
  }
  for (const std::string_view prefix : kProfilePrefixes) {
    if (model_id.starts_with(prefix)) return model_id.substr(prefix.size());
  }
  return model_id;
}

Family family_of_model(std::string_view model_id) {
  const std::string_view base = base_model(model_id);
  for (const auto& [name, family] : kFamilies) {
    if (base.starts_with(name)) return family;
  }
  if (has(model_id, "claude")) return Family::claude;
  return has_any(model_id, {":application-inference-profile/", ":custom-model/"}) ? Family::unsaid
                                                                                  : Family::none;
}

Family family_of_body(const json::object& request) {
  const auto member = [&](std::string_view name) { return request.if_contains(name) != nullptr; };
  if (member("anthropic_version")) return Family::claude;
  if (member("taskType") || member("singleEmbeddingParams")) return Family::nova_embed;
  if (member("inferenceConfig") || member("schemaVersion")) return Family::nova;
  if (const json::object* first = first_message(request))
    return has_untyped_blocks(*first) ? Family::nova : Family::openai_shaped;
  if (member("prompt")) return family_of_prompt(request);
  if (member("textGenerationConfig")) return Family::titan_text;
  if (member("inputText") || member("inputImage")) return Family::titan_embed;
  if (member("input_type") || member("texts")) return Family::cohere_embed;
  if (member("message")) return Family::command_r;
  return Family::claude;
}

bool is_embedding(Family family) {
  return family == Family::titan_embed || family == Family::cohere_embed ||
         family == Family::nova_embed;
}

ModelTraits traits_of(std::string_view model_id, Family family) {
  const std::string_view base = base_model(model_id);
  ModelTraits traits;
  switch (family) {
    case Family::nova:
      traits.output_tokens_max = has(base, "nova-2-")   ? 65535
                                 : has(base, "premier") ? 32000
                                                        : 10000;
      traits.takes_images = !has(base, "micro");
      break;
    case Family::llama:
      traits.output_tokens_max = has(base, "llama4") ? 8192 : 2048;
      traits.takes_images = has_any(base, {"llama4", "llama3-2-11b", "llama3-2-90b"});
      traits.takes_tools = has_any(base, {"llama3-1", "llama3-2", "llama3-3", "llama4"});
      break;
    case Family::mistral:
      if (has_any(base, {"mistral-7b", "mixtral-8x7b"})) {
        traits.takes_system = traits.takes_tools = false;
        traits.output_tokens_max = has(base, "mixtral") ? 4096 : 8192;
      } else if (has(base, "-24")) {
        traits.output_tokens_max = 8192;
      }
      traits.takes_images = has_any(base, {"pixtral", "ministral", "mistral-large-3", "magistral"});
      break;
    case Family::titan_text:
      traits = {.output_tokens_max = has(base, "premier") ? 3072
                                     : has(base, "lite")  ? 4096
                                                          : 8192,
                .takes_system = false,
                .takes_tools = false,
                .takes_images = false};
      break;
    case Family::deepseek_r1:
      traits = {.output_tokens_max = 32768,
                .takes_tools = false,
                .takes_images = false,
                .always_reasons = true};
      break;
    case Family::command_r:
    case Family::jamba:
      traits.output_tokens_max = 4096;
      traits.takes_images = false;
      break;
    case Family::openai_shaped:
      traits.always_reasons = has(base, "gpt-oss");
      traits.takes_images = has_any(base, {"gemma", "vl", "kimi"});
      break;
    default:
      break;
  }
  return traits;
}

}  // namespace quarry::sandbox
