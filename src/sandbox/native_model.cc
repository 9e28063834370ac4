// InvokeModel: to the model's family.

#include "sandbox/chat_shaped_models.h"
#include "sandbox/command_model.h"
#include "sandbox/embedding_models.h"
#include "sandbox/families.h"
#include "sandbox/model.h"

namespace quarry::sandbox {

bool knows_model(std::string_view model_id) { return family_of_model(model_id) != Family::none; }

ModelResult answer_native(const boost::json::object& request,
                          std::string_view model_id,
                          std::string_view seed) {
  Family family = family_of_model(model_id);
  if (family == Family::unsaid) family = family_of_body(request);
  switch (family) {
    case Family::claude:
      return answer_claude(request, model_id, seed);
    case Family::nova:
      return answer_nova(request, model_id, seed);
    case Family::llama:
      return answer_llama(request, model_id, seed);
    case Family::mistral:
      return answer_mistral(request, model_id, seed);
    case Family::titan_text:
      return answer_titan_text(request, model_id, seed);
    case Family::command_r:
      return answer_command_r(request, model_id, seed);
    case Family::jamba:
      return answer_jamba(request, model_id, seed);
    case Family::openai_shaped:
      return answer_openai_shaped(request, model_id, seed);
    case Family::deepseek_r1:
      return answer_deepseek_r1(request, model_id, seed);
    case Family::titan_embed:
      return answer_titan_embed(request, model_id, seed);
    case Family::cohere_embed:
      return answer_cohere_embed(request, model_id, seed);
    case Family::nova_embed:
      return answer_nova_embed(request, model_id, seed);
    case Family::none:
    case Family::unsaid:
      break;
  }
  return std::unexpected(
      ModelError{.code = 400, .message = "The provided model identifier is invalid."});
}

}  // namespace quarry::sandbox
