// What is known of whole families: the names, their variants, and what their models have in common.
#include "catalog/families.h"

#include <algorithm>
#include <array>

namespace quarry::catalog {
namespace {

using std::string_view;

constexpr auto kFamilies = std::to_array<string_view>(
    {"anthropic", "cohere_embed", "command_r", "converse", "deepseek_r1", "jamba", "llama",
     "mistral", "nova", "nova_embed", "openai_shaped", "titan_embed", "titan_text"});

struct Variant {
  string_view family;
  string_view name;
};
// The first of a family is what it is taken for.
constexpr auto kVariants = std::to_array<Variant>({
    {"llama", "3.1"},
    {"llama", "3"},
    {"llama", "3.2"},
    {"llama", "3.3"},
    {"llama", "4"},
    {"mistral", "chat"},
    {"mistral", "prompt"},
    {"nova", "1"},
    {"nova", "2"},
    {"titan_embed", "v2"},
    {"titan_embed", "v1"},
    {"titan_embed", "multimodal"},
    {"cohere_embed", "v3"},
    {"cohere_embed", "v4"},
    {"openai_shaped", ""},
    {"openai_shaped", "gpt-oss"},
});

bool one_of(string_view word, std::initializer_list<string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

std::span<const string_view> families() { return kFamilies; }

bool embeds(string_view family) {
  return one_of(family, {"titan_embed", "cohere_embed", "nova_embed"});
}

bool has_variants(string_view family) {
  return std::ranges::find(kVariants, family, &Variant::family) != kVariants.end();
}

std::vector<string_view> variants(string_view family) {
  std::vector<string_view> names;
  for (const Variant& variant : kVariants) {
    if (variant.family == family) names.push_back(variant.name);
  }
  return names;
}

Model model_of_family(string_view family) {
  Model model;
  model.family = family;
  if (has_variants(family)) model.variant = variants(family).front();
  if (embeds(family)) {
    model.endpoints = {openai::Endpoint::embeddings};
    model.system = false;
    return model;
  }
  model.endpoints = {openai::Endpoint::chat_completions, openai::Endpoint::completions,
                     openai::Endpoint::responses};
  model.system = family != "titan_text";
  model.tools = one_of(family, {"anthropic", "nova", "llama", "mistral", "command_r", "jamba",
                                "openai_shaped", "converse"});
  model.json_schema = family == "openai_shaped";
  if (family == "deepseek_r1") model.reasoning = Reasoning::always;
  return model;
}

}  // namespace quarry::catalog
