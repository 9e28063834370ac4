#include "sandbox/known_models.h"

#include <algorithm>
#include <array>

namespace quarry::sandbox {
namespace {

constexpr auto kModels = std::to_array<KnownModel>({
    {"amazon.nova-lite-v1:0", "Nova Lite V1.0", "Amazon", true},
    {"amazon.nova-micro-v1:0", "Nova Micro V1.0", "Amazon", true},
    {"amazon.nova-premier-v1:0", "Nova Premier V1.0", "Amazon", true},
    {"amazon.nova-pro-v1:0", "Nova Pro V1.0", "Amazon", true},
    {"amazon.titan-embed-image-v1", "Titan Multimodal Embeddings G1", "Amazon"},
    {"amazon.titan-embed-text-v2:0", "Titan Text Embeddings V2", "Amazon"},
    {"anthropic.claude-3-5-haiku-20241022-v1:0", "Claude 3.5 Haiku", "Anthropic", true},
    {"anthropic.claude-3-5-sonnet-20241022-v2:0", "Claude 3.5 Sonnet v2", "Anthropic", true},
    {"anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", "Anthropic", true},
    {"anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5", "Anthropic", true},
    {"anthropic.claude-opus-4-5-20251101-v1:0", "Claude Opus 4.5", "Anthropic", true},
    {"anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude Sonnet 4.5", "Anthropic", true},
    {"deepseek.v3-v1:0", "DeepSeek V3.1", "DeepSeek"},
    {"meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B Instruct", "Meta", true},
    {"meta.llama4-maverick-17b-instruct-v1:0", "Llama 4 Maverick", "Meta", true},
    {"meta.llama4-scout-17b-instruct-v1:0", "Llama 4 Scout", "Meta", true},
    {"mistral.mistral-large-2407-v1:0", "Mistral Large 2 (24.07)", "Mistral AI"},
    {"mistral.mistral-small-2402-v1:0", "Mistral Small", "Mistral AI"},
    {"openai.gpt-oss-120b-1:0", "gpt-oss-120b", "OpenAI"},
    {"openai.gpt-oss-20b-1:0", "gpt-oss-20b", "OpenAI"},
    {"qwen.qwen3-32b-v1:0", "Qwen3 32B", "Qwen"},
});

}  // namespace

std::span<const KnownModel> known_models() { return kModels; }

KnownModel describe_model(std::string_view base_id) {
  const auto found = std::ranges::find(kModels, base_id, &KnownModel::id);
  if (found != kModels.end()) return *found;
  return {.id = base_id, .name = base_id, .provider = base_id.substr(0, base_id.find('.'))};
}

}  // namespace quarry::sandbox
