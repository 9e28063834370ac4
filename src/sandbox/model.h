#pragma once
// The sandbox's models: deterministic answers in a model family's native shape. Pure: the same
// request to the same model under the same seed is the same answer, byte for byte.

#include <boost/json/object.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct ModelAnswer {
  std::string body;  // JSON
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

// How a model refuses a request, as a batch record's error says it.
struct ModelError {
  int code = 400;
  std::string message;
  bool retryable() const { return code == 429 || code >= 500; }
};

using ModelResult = std::expected<ModelAnswer, ModelError>;

// Whether the sandbox plays this model: by its id, under any profile or ARN; profiles and custom
// models whose ARNs say nothing of their family are played too.
bool knows_model(std::string_view model_id);

// InvokeModel, live or as a record of a batch job, in the shape of the model's family; where the id
// does not say it, in the family that the body is of. `seed` tells equal requests apart (a record's
// id).
ModelResult answer_native(const boost::json::object& request,
                          std::string_view model_id,
                          std::string_view seed);

// Anthropic's Messages API as Bedrock takes it.
ModelResult answer_claude(const boost::json::object& request,
                          std::string_view model_id,
                          std::string_view seed);

// Amazon's Nova, Titan Text; Meta's Llama; Mistral, by prompt or by messages; DeepSeek R1.
ModelResult answer_nova(const boost::json::object& request,
                        std::string_view model_id,
                        std::string_view seed);
ModelResult answer_titan_text(const boost::json::object& request,
                              std::string_view model_id,
                              std::string_view seed);
ModelResult answer_llama(const boost::json::object& request,
                         std::string_view model_id,
                         std::string_view seed);
ModelResult answer_mistral(const boost::json::object& request,
                           std::string_view model_id,
                           std::string_view seed);
ModelResult answer_deepseek_r1(const boost::json::object& request,
                               std::string_view model_id,
                               std::string_view seed);

// Every chat model behind Bedrock's own shape. A batch refuses tools and cache points, and its
// answers name every member of a union, null where it is not set.
enum class ConverseIn { batch, live };
ModelResult answer_converse(const boost::json::object& request,
                            std::string_view model_id,
                            std::string_view seed,
                            ConverseIn wire);

// The first fault of a Messages request in Anthropic's words; "" when there is none.
std::string check_claude_request(const boost::json::object& request, std::string_view model_id);

}  // namespace quarry::sandbox
