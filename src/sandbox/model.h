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

// Whether the sandbox plays this model: Anthropic's by name, and profiles and custom models, whose
// ARNs say nothing of their family.
bool knows_model(std::string_view model_id);

// Anthropic's Messages API as Bedrock takes it. `seed` tells equal requests apart (a record's id).
ModelResult answer_claude(const boost::json::object& request,
                          std::string_view model_id,
                          std::string_view seed);

// A record of a Converse job: the same model behind Bedrock's own shape. Tools are refused, as
// batch does.
ModelResult answer_converse(const boost::json::object& request,
                            std::string_view model_id,
                            std::string_view seed);

// The first fault of a Messages request in Anthropic's words; "" when there is none.
std::string check_claude_request(const boost::json::object& request, std::string_view model_id);

}  // namespace quarry::sandbox
