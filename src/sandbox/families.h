#pragma once
// Which model family a model id or a body belongs to, and what its models can do. Pure.

#include <boost/json/object.hpp>

#include <cstdint>
#include <string_view>

namespace quarry::sandbox {

enum class Family {
  none,    // a model the sandbox does not play
  unsaid,  // an application inference profile or custom model whose ARN does not tell
  claude,
  nova,
  llama,
  mistral,
  titan_text,
  command_r,
  jamba,
  openai_shaped,
  deepseek_r1,
  titan_embed,
  cohere_embed,
  nova_embed,
};

// The foundation model's own id: no ARN around it, no "us." or "global." before it, no ":300k" of a
// custom model's base after its version.
std::string_view base_model(std::string_view model_id);

Family family_of_model(std::string_view model_id);
// The family whose native body this is; claude when nothing says another.
Family family_of_body(const boost::json::object& request);

bool is_embedding(Family family);

// What the models of a chat family take, behind InvokeModel and Converse alike.
struct ModelTraits {
  std::int64_t output_tokens_max = 128000;
  bool takes_system = true;
  bool takes_tools = true;
  bool takes_images = true;
  bool always_reasons = false;  // Converse gives its reasoning back unasked
};
ModelTraits traits_of(std::string_view model_id, Family family);

}  // namespace quarry::sandbox
