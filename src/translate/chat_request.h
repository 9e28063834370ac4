#pragma once
// A request for text, whatever endpoint it came by: the conversation and the parameters, read and
// checked as far as this does not depend on the family.

#include "catalog/catalog.h"
#include "translate/conversation.h"

#include <array>
#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::translate {

// What a body can say beside its conversation and tools, by the names of /v1/chat/completions. The
// last ones are not OpenAI's: the families that know them take them.
enum class Param : std::uint8_t {
  max_tokens,  // also max_completion_tokens, max_output_tokens
  temperature,
  top_p,
  stop,
  seed,
  frequency_penalty,
  presence_penalty,
  logit_bias,
  logprobs,
  top_logprobs,
  reasoning_effort,  // also reasoning.effort
  verbosity,         // also text.verbosity
  top_k,
  min_p,
  repetition_penalty,
  thinking,              // Anthropic
  anthropic_beta,        // Anthropic
  documents,             // Cohere
  safety_mode,           // Cohere
  chat_template_kwargs,  // open-weight models
  count_,
};
inline constexpr std::size_t kParams = static_cast<std::size_t>(Param::count_);
inline constexpr std::array<std::string_view, kParams> kParamNames{
    "max_tokens",        "temperature",      "top_p",      "stop",        "seed",
    "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",    "top_logprobs",
    "reasoning_effort",  "verbosity",        "top_k",      "min_p",       "repetition_penalty",
    "thinking",          "anthropic_beta",   "documents",  "safety_mode", "chat_template_kwargs"};
// "reasoning_effort": of the chat completions body.
constexpr std::string_view name_of(Param param) {
  return kParamNames[static_cast<std::size_t>(param)];
}

class ParamSet {
 public:
  constexpr ParamSet() = default;
  constexpr ParamSet(std::initializer_list<Param> params) {
    for (const Param param : params) bits_ |= std::uint64_t{1} << static_cast<unsigned>(param);
  }
  constexpr bool has(Param param) const { return (bits_ >> static_cast<unsigned>(param) & 1) != 0; }

 private:
  std::uint64_t bits_ = 0;
};

struct Tool {
  json::Value name;                        // a string
  std::optional<json::Value> description;  // a string, not empty
  std::optional<json::Value> parameters;   // an object whose type is "object" or absent
  bool strict = false;
  bool strict_said = false;  // else `strict` is what the endpoint takes for granted
};

enum class ToolChoice : std::uint8_t { unsaid, none, automatic, required, named };

enum class Format : std::uint8_t { text, json_object, json_schema };

struct ChatRequest {
  Conversation conversation;

  std::array<std::optional<json::Value>, kParams> values;
  std::array<std::string_view, kParams> names{};  // as the client wrote it: "max_output_tokens"

  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::unsaid;
  json::Value tool_choice_name;  // ToolChoice::named
  bool parallel_tool_calls = true;

  Format format = Format::text;
  std::optional<json::Value> schema;       // json_schema: an object
  std::optional<json::Value> schema_name;  // a string
  bool schema_strict = false;

  bool drop_params = false;

  void clear();
  const std::optional<json::Value>& value(Param param) const {
    return values[static_cast<std::size_t>(param)];
  }
  // "body.max_output_tokens".
  std::string param(Param param) const;
  // "body.stop[1]", for one of Checked::stop.
  std::string stop_place(json::Value stop) const;
};

// Where a parameter's value may lie, for a family.
struct Range {
  double min = 0;
  double max = 1;
};

// What a family says of itself; check_request() does the rest.
struct FamilyRules {
  ParamSet takes;
  Range temperature{0, 1};
  Range top_p{0, 1};
  std::size_t stop_max = SIZE_MAX;  // sequences
  bool json_object = false;         // takes Format::json_object
  bool converse = false;            // Model::native_output_tokens_max is not its ceiling
};

// A number that was checked; `raw` as the client wrote it.
struct Number {
  json::Value raw;
  double number = 0;
};

// What a request comes to for one family and model, after drop_params: what is not here is not to
// be written.
struct Checked {
  std::optional<std::int64_t> max_tokens;
  std::optional<Number> temperature;
  std::optional<Number> top_p;
  std::optional<json::Value> top_k;  // an integer >= 0
  std::vector<json::Value> stop;     // strings, none empty
  // Of ChatRequest::values, those that are to be written as they are: taken by the family, neither
  // null nor refused by the model.
  std::array<std::optional<json::Value>, kParams> raw;
  bool tools = false;            // the tools are to be written
  Format format = Format::text;  // so is the format

  void clear();
  const std::optional<json::Value>& value(Param param) const {
    return raw[static_cast<std::size_t>(param)];
  }
};

// Refuses or drops what the family or the model does not take, checks ranges and ceilings. Errors
// name the parameter as the client wrote it.
Outcome check_request(const ChatRequest& request,
                      const FamilyRules& rules,
                      const catalog::Model& model,
                      Checked& checked);

}  // namespace quarry::translate
